"""Calls are noted where they belong: to the update, to the evaluation, or nowhere."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.observation.followed import Followed
from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.listening import Scene, listen
from fivefold.diagnosis.observation.record import Evaluation, Rows, Step
from fivefold.diagnosis.observation.summary import summarise
from fivefold.diagnosis.observation.watcher import Watcher


def scene(**parts) -> Scene:
    given = {"window": None, "evaluation": None, "tape": None, "depth": 0, "made": Followed()}
    return Scene(**{**given, **parts}, training=KeptRows(Rows()), evaluated=KeptRows(Rows()))


def test_a_loss_belongs_to_what_goes_on() -> None:
    logits, labels = torch.zeros(4, 2), torch.tensor([0, 1, 1, 1])
    call = (functional.cross_entropy, (logits, labels), {}, functional.cross_entropy(logits, labels))
    window, evaluation = Step(0), Evaluation(0)
    listen(scene(window=window), *call)
    assert len(window.losses) == 1
    listen(scene(window=window, evaluation=evaluation), *call)
    assert (len(window.losses), len(evaluation.losses)) == (1, 1)
    with torch.no_grad():
        listen(scene(window=window), *call)
    assert len(window.losses) == 1


def test_activations_called_as_functions_are_noted_once() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.act = nn.Linear(3, 4), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.act(self.a(x)))

    model = Both()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    watcher.detach()
    assert [layer.kind for layer in watcher.record.steps[0].layers] == ["Linear", "ReLU", "tanh"]
    assert [layer.source for layer in watcher.record.steps[0].layers] == ["", "a", ""]


@pytest.mark.parametrize(("share", "expected"), [(0.125, 0.125), (1.0, 1.0)])
def test_a_vector_of_zeros_and_ones_that_meets_the_output(share: float, expected: float) -> None:
    match = (torch.arange(16) < 16 * share).float()
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    (match * model(torch.randn(16, 3))[:, 0].square()).mean().backward()
    optimizer.step()
    watcher.detach()
    assert watcher.record.steps[0].shares == expected


def test_a_loss_written_by_hand() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    target = 5 + torch.randn(16, 1)
    (model(torch.randn(16, 3)) - target).square().mean().backward()
    optimizer.step()
    watcher.detach()
    found = watcher.record.steps[0].losses[0]
    assert found.function == "difference"
    assert found.target == summarise(target)
    assert torch.equal(watcher.record.training_rows.targets[0], target)


def test_an_error_written_by_hand_in_an_evaluation() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    x, y = torch.randn(16, 3), 50 + 10 * torch.randn(16, 1)
    functional.mse_loss(model(x), (y - 50) / 10).backward()
    optimizer.step()
    with torch.no_grad():
        expected = ((model(x) * 10 + 50 - y) ** 2).mean()
        (y - y.mean()).square().sum()  # nothing of the model's is in it
    watcher.detach()
    (found,) = watcher.record.evaluations[0].losses
    assert (found.function, found.target) == ("difference", summarise(y))
    assert found.value == pytest.approx(float(expected))


def test_draws_from_what_the_model_gave() -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    out = model(torch.randn(8, 4))
    torch.multinomial(out.softmax(1), 1)
    with torch.no_grad():
        torch.normal(out.expand(2, 8, 3), 1.0)
    torch.bernoulli(torch.full_like(out, 0.5))
    torch.multinomial(torch.ones(8, 3), 1)
    out.square().mean().backward()
    optimizer.step()
    watcher.detach()
    assert [o.shape for o in watcher.record.steps[0].operations if o.function == "draw"] == [
        (8, 1),
        (2, 8, 3),
    ]
