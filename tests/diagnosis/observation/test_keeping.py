"""What is kept of an operation: all of it, the row that matters, or nothing."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fivefold.diagnosis.observation import keeping
from fivefold.diagnosis.observation.first_operation import FirstOperation, Made
from fivefold.diagnosis.observation.keeping import inputs_of, kept_replay, known_as


def made_by(call: Callable[[], Tensor]) -> Made:
    seen = FirstOperation()
    with seen:
        out = call()
    origin = seen.origin(out)
    assert isinstance(origin, Made)
    return origin


def rows(bad: int) -> Tensor:
    x = torch.ones(1000, 50)
    x[bad, 3] = 0.0
    return x


def test_all_of_it_with_batch_and_weights() -> None:
    model = nn.BatchNorm1d(3)
    batch = (model, (torch.ones(4, 3),), {})
    found = kept_replay(made_by(lambda: rows(1).log()), None, list(model.named_parameters()), batch, None, 5)
    assert found is not None
    assert found.row == -1
    assert found.batch == 5
    assert set(found.inputs) == {"input"}
    assert set(found.weights) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert found.note == ""


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: rows(700).log(), "log.default"),
        (lambda: torch.ones(1000, 50) / rows(700), "div.Tensor"),
        (lambda: rows(700).masked_fill(rows(700)[:, 3:4] == 0, -math.inf).softmax(1), "_softmax.default"),
        (lambda: (rows(700) * 1e25) @ torch.full((50, 4), 3e13), "mm.default"),
    ],
)
def test_the_row_that_gives_it(
    call: Callable[[], Tensor], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is larger than fits is cut to one row, if that row alone gives it again."""
    monkeypatch.setattr(keeping, "MOST_BYTES", 20_000)
    made = made_by(call)
    found = kept_replay(made, None, [("w", torch.ones(20_000))], None, None, 0)
    assert found is not None
    assert found.operation == name
    assert len(found.arguments[0]) == 1
    assert found.run().again
    assert "the weights (0 MiB)" in found.note


def test_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation outside the list, one whose rows do not tell, and one that does not do it again."""
    assert kept_replay(
        made_by(lambda: torch.tensor([1.0, 2.0]).as_strided((1,), (1,)).log().mul(0.0).log()),
        None,
        [],
        None,
        None,
        0,
    )
    outside = made_by(lambda: torch.full((3,), 3e38).cumsum(0))
    assert kept_replay(outside, None, [], None, None, 0) is not None
    outside.operation = torch.ops.aten.bernoulli.default
    assert kept_replay(outside, None, [], None, None, 0) is None
    again = made_by(lambda: rows(1).log())
    again.given = ((torch.ones(2),), {})
    assert kept_replay(again, None, [], None, None, 0) is None
    monkeypatch.setattr(keeping, "MOST_BYTES", 20_000)
    assert (
        kept_replay(made_by(lambda: rows(1).log().sum(0).neg().mul(0)), None, [], None, None, 0) is not None
    )
    whole = made_by(lambda: torch.full((1000, 50), 1e38).sum(0))
    assert kept_replay(whole, None, [], None, None, 0) is None


def test_names() -> None:
    made = made_by(lambda: torch.zeros(2).log())
    assert known_as(made) == "log"
    made.function = "cross_entropy"
    assert known_as(made) == "cross_entropy"
    made.function = "multi_head_attention_forward"
    assert known_as(made) == "log"

    class Two(nn.Module):
        def forward(self, x: Tensor, rest: list[Tensor], *, mask: Tensor | None = None) -> Tensor:
            return x

    one = torch.ones(1)
    named = inputs_of((Two(), (one, [one, one]), {"mask": one}))
    assert [name for name, _ in named] == ["x", "rest.0", "rest.1", "mask"]
    assert [name for name, _ in inputs_of((nn.Identity(), (one, one), {}))] == ["0", "1"]
