"""A sum over the batch beside a mean."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.loss_terms import check_terms
from fivefold.diagnosis.finding import Finding


def errors(out: Tensor, y: Tensor) -> Tensor:
    return functional.mse_loss(out, y)


def findings(watched, digits, loss, model: nn.Module | None = None) -> list[Finding]:
    torch.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(64, 16), nn.Dropout(0.2), nn.Linear(16, 64))
    return check_terms(watched(model, digits[0], digits[0], loss=loss, steps=6))


def found(watched, digits, loss, model: nn.Module | None = None) -> list[tuple[str, str]]:
    return [(f.code, f.confidence) for f in findings(watched, digits, loss, model)]


@pytest.mark.parametrize("factor", [0.1, 0.5])
def test_a_penalty_that_is_summed_beside_an_error_that_is_averaged(watched, digits, factor: float) -> None:
    (told,) = findings(watched, digits, lambda out, y: errors(out, y) + factor * out.pow(2).sum())
    assert (told.code, told.confidence) == ("loss.sum", "high")
    # Of 32 examples a batch, beside the error's own factor.
    assert told.picture.names == ("term 1, a mean", "term 2, a sum")
    assert [y for _, y in told.picture.curves["factor as a mean"]] == pytest.approx([1.0, 32 * factor])
    assert told.picture.level[0] == 1.0
    assert found(watched, digits, lambda out, y: errors(out, y) + factor * out.pow(2).mean()) == []
    assert found(watched, digits, lambda out, y: errors(out, y) + factor * out.pow(2).sum(1).mean()) == []


def test_sums_that_are_meant(watched, digits) -> None:
    def summed(out: Tensor, y: Tensor) -> Tensor:
        return (out - y).pow(2).sum() + 0.5 * out.pow(2).sum()

    assert found(watched, digits, summed) == []
    assert found(watched, digits, lambda out, y: errors(out, y) + 1e-3 * out.pow(2).sum()) == []
    assert found(watched, digits, lambda out, y: errors(out, y) + out.pow(2).sum() / len(out)) == []
    weights = nn.Linear(64, 64)
    assert (
        found(watched, digits, lambda out, y: errors(out, y) + 0.5 * weights.weight.pow(2).sum(), weights)
        == []
    )


def test_rows_of_a_graph_cannot_be_halved() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x: Tensor, matrix: Tensor) -> Tensor:
            return torch.mm(matrix, self.layer(x))

    model, x, y = Graph(), torch.randn(12, 4), torch.randn(12, 2)
    matrix = torch.eye(12).to_sparse()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            (functional.mse_loss(model(x, matrix), y) + model.layer.weight.square().sum()).backward()
            optimizer.step()
    assert check_terms(seen.record) == []


@pytest.mark.parametrize("sizes", [(32, 32), (32, 24)])
def test_a_mean_that_is_made_a_sum_again(watched, digits, sizes: tuple[int, int]) -> None:
    torch.manual_seed(0)
    record = watched(
        nn.Sequential(nn.Linear(64, 16), nn.Linear(16, 48)),
        digits[0],
        digits[0][:, :48],
        loss=lambda out, y: errors(out, y) + out.pow(2).mean() * len(y),
        rows=lambda step: torch.arange(sizes[step % 2]) + step,
        steps=6,
    )
    (told,) = check_terms(record)
    # A factor of 32 may be by chance what the batch is long; one that follows it is not.
    assert (told.code, told.confidence) == ("loss.sum", "medium" if sizes[0] == sizes[1] else "high")
    assert [y for _, y in told.picture.curves["factor"]] == pytest.approx([1.0, sizes[1]])


def test_factors_that_are_another_number(watched, digits) -> None:
    assert found(watched, digits, lambda out, y: errors(out, y) + 31 * out.pow(2).mean()) == []
    # Of examples of 32 numbers, 32 makes a mean over these a sum over these.
    narrow = nn.Sequential(nn.Linear(64, 16), nn.Linear(16, 64), nn.Unflatten(1, (2, 32)))

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return errors(out.flatten(1), y) + 32 * out.pow(2).mean()

    assert found(watched, digits, loss, narrow) == []
