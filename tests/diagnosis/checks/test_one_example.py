"""Losses that keep one example of the batch."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.one_example import check_one_example


def each(out: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(out, y, reduction="none")


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (lambda out, y: each(out, y).median(), [("loss.one-example", "high")]),
        (lambda out, y: each(out, y).max(), [("loss.one-example", "medium")]),
        (lambda out, y: each(out, y)[0], [("loss.one-example", "medium")]),
        (lambda out, y: each(out, y).mean(), []),
        (lambda out, y: each(out, y).sum(), []),
        # It ends in an index, and all examples are in what is taken.
        (lambda out, y: torch.stack([each(out, y).mean(), out.square().mean()])[0], []),
        # A bag of instances of which the largest output meets the one target.
        (lambda out, y: functional.cross_entropy(out.amax(0, keepdim=True), y[:1]), []),
        # Flat for most examples, and still a mean.
        (lambda out, y: (each(out, y) - each(out, y).detach().sort().values[-2]).relu().mean(), []),
    ],
)
def test_reductions(
    watched, digits, network, loss: Callable[[Tensor, Tensor], Tensor], found: list[tuple[str, str]]
) -> None:
    told = check_one_example(watched(network(64, 16, 10), *digits, loss=loss, steps=4))
    assert [(f.code, f.confidence) for f in told] == found
    if told:
        shares = [y for _, y in told[0].picture.curves["share"]]
        assert shares == pytest.approx([1 / 32] * 4)


def test_small_batches_tell_nothing(watched, digits, network) -> None:
    record = watched(network(64, 16, 10), *digits, loss=lambda o, y: each(o, y).median(), steps=4, batch=4)
    assert check_one_example(record) == []
    assert torch.is_grad_enabled()
