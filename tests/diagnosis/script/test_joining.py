"""Modules and optimizers that come later."""

import copy

import pytest
import torch
from torch import nn

from fivefold.diagnosis.observation import depth
from fivefold.diagnosis.observation.veiled import Veiled
from fivefold.diagnosis.script.joining import JoiningWatcher


def test_an_optimizer_joins_once_and_at_its_own_step() -> None:
    model = nn.Linear(2, 1)
    watcher = JoiningWatcher({"": model}, [])
    watcher.attach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.add_optimizer(optimizer)
    watcher.add_optimizer(optimizer)
    assert watcher.record.optimizers == ["SGD"]
    assert watcher.held == watcher.parameters == {id(p) for p in model.parameters()}
    for _ in range(3):
        model(torch.ones(1, 2)).mean().backward()
        optimizer.step()
    watcher.detach()
    assert watcher.record.count == 3
    assert not optimizer._optimizer_step_pre_hooks
    assert not model._forward_hooks


def test_looks_in_depth_have_a_share_of_their_own() -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    deep, plain = JoiningWatcher({"": model}, [], deep=True), JoiningWatcher({"": nn.Linear(2, 1)}, [])
    assert (deep.account.share, deep.account.allowance) == (plain.account.share, plain.account.allowance)
    assert not plain.record.deep
    deep.attach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    deep.add_optimizer(optimizer)
    x = torch.randn(16, 2)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()
    deep.detach()
    look = deep.record.deep[0]
    inputs = torch.cat([x, torch.ones(16, 1)], 1).double()
    H = 2 * inputs.mT @ inputs / 16
    assert look.margin is not None
    assert look.margin.product == pytest.approx(0.1 * float(torch.linalg.eigvalsh(H)[-1]), rel=1e-4)


def test_a_look_in_depth_that_fails_is_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def fail(*given: object, **named: object) -> None:
        asked.append(1)
        raise ValueError("planted")

    monkeypatch.setattr(depth, "look_deeper", fail)
    model = nn.Linear(2, 1)
    watcher = JoiningWatcher({"": model}, [torch.optim.SGD(model.parameters(), lr=0.1)], deep=True)
    watcher.attach()
    weights = []
    for _ in range(5):
        watcher._optimizers[0].zero_grad()
        nn.functional.mse_loss(model(torch.ones(4, 2)), torch.ones(4, 1)).backward()
        watcher._optimizers[0].step()
        weights.append(model.weight.detach().clone())
    watcher.detach()
    assert len(asked) == 1
    assert watcher.failure == ""
    assert watcher.record.count == 5
    assert "in depth: no more looks after ValueError: planted" in watcher.record.notes
    assert not torch.equal(weights[0], weights[-1]), "the training goes on"


def test_a_module_joins_within_a_watched_update() -> None:
    one, two = nn.Linear(2, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD([*one.parameters(), *two.parameters()], lr=0.1)
    watcher = JoiningWatcher({"": one}, [optimizer])
    watcher.attach()
    hidden = one(torch.ones(4, 2))
    watcher.add_module("two", two)
    two(hidden).pow(2).mean().backward()
    optimizer.step()
    watcher.detach()
    (step,) = watcher.record.steps
    assert {p.name for p in step.parameters} == {"weight", "bias", "two.weight", "two.bias"}
    assert [layer.name for layer in step.layers] == ["Linear", "two"]


def test_a_part_that_is_called_by_itself_adds_no_parameters() -> None:
    whole = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    watcher = JoiningWatcher({"": whole}, [])
    watcher.attach()
    watcher.add_module("part", whole[0])
    assert list(watcher.record.model) == [""]
    watcher.detach()
    assert not whole[0]._forward_pre_hooks


def test_a_module_that_holds_the_others_takes_their_place() -> None:
    part = nn.Linear(2, 3)
    watcher = JoiningWatcher({"": part}, [])
    watcher.attach()
    whole = nn.Sequential(part, nn.Linear(3, 1))
    watcher.add_module("whole", whole)
    assert watcher.record.model == {"": whole}
    assert [name for name, _ in watcher.record.parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    watcher.detach()


def test_names_are_not_used_twice() -> None:
    watcher = JoiningWatcher({"a": nn.Linear(1, 1)}, [])
    watcher.add_module("a", nn.Linear(1, 1))
    assert list(watcher.record.model) == ["a", "a'"]
    watcher.detach()


def test_whether_weights_changed() -> None:
    model = nn.Linear(2, 1)
    watcher = JoiningWatcher({"": model}, [])
    assert watcher.changed() is None
    assert watcher.changed() is False
    with torch.no_grad():
        model.bias += 1.0
    assert watcher.changed() is True


def test_a_wrapper_of_what_is_known_can_still_be_copied() -> None:
    """Its hooks are veiled too, though it is not among the models of the record."""
    model = nn.Linear(2, 1)
    watcher = JoiningWatcher({"": model}, [])
    watcher.attach()
    wrapper = nn.Sequential(model)
    watcher.add_module("wrapper", wrapper)
    assert wrapper not in watcher.record.model.values()
    held = (wrapper._forward_hooks, wrapper._forward_pre_hooks)
    hooks = [hook for hooks in held for _, hook in hooks.items()]
    assert hooks
    assert all(isinstance(hook, Veiled) for hook in hooks)
    assert copy.deepcopy(wrapper)(torch.ones(1, 2)).shape == (1, 1)
    watcher.detach()
    assert not wrapper._forward_hooks


@pytest.mark.parametrize("part", ["_begin_forward", "_on_backward", "_finite", "_close"])
def test_what_goes_wrong_in_watching_does_not_stop_the_script(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = JoiningWatcher({"": model}, [optimizer])
    watcher.attach()

    def fail(*given: object) -> None:
        monkeypatch.undo()  # once, so that what ends the watching can work
        raise ValueError("planted")

    monkeypatch.setattr(watcher, part, fail)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(3, 2)).pow(2).mean().backward()
        optimizer.step()
    assert watcher.failure == "ValueError: planted"
    assert not model._forward_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert torch._C._len_torch_function_stack() == 0


def test_a_layer_whose_output_cannot_be_looked_at() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shown, self.elsewhere = nn.Linear(2, 1), nn.Linear(2, 1, device="meta")

        def forward(self, x):
            self.elsewhere(x.to("meta"))
            return self.shown(x)

    net = Net()
    optimizer = torch.optim.SGD(net.shown.parameters(), lr=0.1)
    watcher = JoiningWatcher({"": net.shown}, [optimizer])
    watcher.attach()
    watcher.add_module("net", net)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(3, 2)).pow(2).mean().backward()
        optimizer.step()
    watcher.detach()
    assert "meta" in watcher.failure
