"""What a model makes and is given again is neither an example nor an error."""

import torch
from torch import nn

from fivefold.diagnosis.observation.followed import MOST_FOLLOWED, Followed
from fivefold.diagnosis.observation.watcher import Watcher


def test_only_so_many_tensors_are_followed() -> None:
    seen = Followed().then(None, [torch.zeros(1)], 0)
    (first,) = seen.made.values()
    for _ in range(2 * MOST_FOLLOWED):
        seen.follow([first], torch.zeros(1))
    assert len(seen.made) == MOST_FOLLOWED


def sampled(steps: int):
    """Train a denoiser a little, then evaluate it by an error written by hand and draw samples with it."""
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    x = torch.randn(32, 4)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x).backward()
        optimizer.step()
    with torch.no_grad():
        held, drawn = torch.randn(16, 4), 100.0 * torch.randn(8, 4)
        ((model(held) - held) ** 2).mean()
        for _ in range(steps):
            drawn = (drawn - 0.1 * model(drawn)) / 0.9 + 0.1 * torch.randn(8, 4)
    watcher.detach()
    return watcher.record


def test_steps_of_a_sample_are_no_errors_and_no_examples() -> None:
    record = sampled(5)
    (evaluation,) = record.evaluations
    assert [c.function for c in evaluation.losses] == ["difference"]  # that of the held-out examples
    assert [len(block) for block in record.evaluation_rows.inputs] == [16, 8]
    assert record.evaluation_rows.targets[0] is not None
    assert record.evaluation_rows.targets[1] is None


def test_states_that_are_carried_and_codes_that_are_decoded_are_no_samples() -> None:
    encoder, decoder = object(), object()
    seen = Followed().then(encoder, [torch.zeros(1)], 0)
    (code,) = seen.made.values()
    assert not seen.fed(decoder, [code])  # another module goes on from it
    assert not seen.fed(
        encoder, [torch.ones(1), code]
    )  # the state of a recurrent network, beside the next step
    assert seen.fed(encoder, [code])
