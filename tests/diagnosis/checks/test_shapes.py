"""Shapes that broadcast."""

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.shapes import check_shapes


def mean_of_squares(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return ((a - b) ** 2).mean()


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", [functional.mse_loss, mean_of_squares])
def test_column_against_vector(watched, digits, network, loss) -> None:
    x, y = digits
    found = check_shapes(watched(network(64, 8, 1), x, y.float(), loss=loss, steps=3))
    assert found[0].code == "loss.broadcast"
    assert "shape [32, 32]" in found[0].evidence
    assert [y for _, y in found[0].picture.curves["numbers"]] == [32, 32, 1024]
    assert found[0].picture.level[0] == 32
    assert found[0].place is not None
    assert check_shapes(watched(network(64, 8, 1), x, y.float()[:, None], loss=loss, steps=3)) == []


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_square_of_predictions_against_a_vector(watched, digits, network) -> None:
    x, y = digits

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(out + out[:, 0], target)  # [n, 1] and [n] met before the loss

    found = check_shapes(watched(network(64, 8, 1), x, y.float(), loss=loss, steps=3))
    assert found[0].code == "loss.broadcast"
    one = torch.ones(())
    assert (
        check_shapes(watched(network(64, 8, 1), x, y, loss=lambda a, b: functional.mse_loss(a, one), steps=3))
        == []
    )
