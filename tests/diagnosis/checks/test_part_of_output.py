"""A loss that looks at some rows of the output: which, and whether their targets are theirs."""

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.labels import check_labels
from fivefold.diagnosis.checks.part_of_output import rows_in_loss
from fivefold.diagnosis.observation.record import Record


def of_nodes(watched, digits, network, seen: torch.Tensor, labelled: torch.Tensor) -> Record:
    """All examples in each batch; the loss looks at some."""

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out[seen], y[labelled])

    x, y = digits[0][:600], digits[1][:600]
    settings = {"loss": loss, "rows": lambda s: torch.arange(600), "held_out": (x[400:], y[400:])}
    return watched(network(64, 16, 10), x, y, steps=8, **settings)


FEW = torch.randperm(600, generator=torch.Generator().manual_seed(0))[:250]


@pytest.mark.parametrize("kind", ["numbers", "mask"])
def test_rows_are_told_by_their_numbers(watched, digits, network, kind: str) -> None:
    mask = torch.zeros(600, dtype=torch.bool)
    mask[FEW] = True
    chosen = FEW if kind == "numbers" else mask
    rows = rows_in_loss(of_nodes(watched, digits, network, chosen, chosen))
    assert rows is not None
    assert torch.equal(rows.inputs[0], digits[0][:600][chosen])
    assert torch.equal(rows.targets[0], digits[1][:600][chosen])


def test_whole_batches_are_left_to_others(watched, digits, network) -> None:
    assert rows_in_loss(watched(network(64, 16, 10), *digits)) is None


def test_targets_of_other_rows(watched, digits, network) -> None:
    (found,) = check_labels(of_nodes(watched, digits, network, torch.arange(250), FEW))
    assert (found.code, found.confidence) == ("labels.unrelated", "high")
    assert check_labels(of_nodes(watched, digits, network, FEW, FEW)) == []
