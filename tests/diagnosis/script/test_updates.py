"""A loop that never updates anything, and those that only look like one."""

import torch
from torch import nn

from fivefold.diagnosis.script.discovery import Discovery
from fivefold.diagnosis.script.updates import check_updates


def seen(optimizer: bool, backward: bool, by_hand: bool, step: bool = False) -> Discovery:
    discovery = Discovery(lambda: None)
    discovery.begin()
    net = nn.Linear(2, 1)
    made = torch.optim.SGD(net.parameters(), lr=0.1) if optimizer else None
    loss = net(torch.ones(3, 2)).pow(2).mean()
    if backward:
        loss.backward()
    if by_hand:
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1
    if step and made is not None:
        made.step()
    discovery.end()
    return discovery


def test_gradients_that_are_never_used() -> None:
    (finding,) = check_updates(seen(True, True, False))
    assert (finding.code, finding.confidence) == ("step.never", "high")
    assert finding.evidence.startswith("2 of 2 parameters of net have a gradient")


def test_without_an_optimizer_it_is_less_sure() -> None:
    (finding,) = check_updates(seen(False, True, False))
    assert finding.confidence == "medium"


def test_weights_changed_by_hand_are_a_note() -> None:
    discovery = seen(False, True, True)
    assert check_updates(discovery) == []
    assert discovery.notes == [
        "the weights of net are changed by hand, by no optimizer of torch: not watched"
    ]


def test_a_prediction_or_a_step_is_no_finding() -> None:
    assert check_updates(seen(True, False, False)) == []
    assert check_updates(seen(True, True, False, step=True)) == []
