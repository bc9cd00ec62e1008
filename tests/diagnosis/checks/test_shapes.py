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


@pytest.mark.parametrize(("kept", "codes"), [(True, []), (False, ["loss.broadcast"])])
def test_one_target_for_all_examples(watched, digits, network, kept: bool, codes: list[str]) -> None:
    x, _ = digits

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (out - (target if kept else target.mean(dim=0, keepdim=True))).square().mean()

    found = check_shapes(watched(network(64, 8, 3), x, x[:, 20:23], loss=loss, steps=3))
    assert [f.code for f in found] == codes
    assert all("32 predictions" in f.evidence and f.confidence == "high" for f in found)


def test_a_constant_that_all_outputs_are_centred_by_is_no_target(watched, digits, network) -> None:
    x, centre = digits[0], torch.full((1, 3), 0.5)

    def loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (out - centre).square().mean()

    assert check_shapes(watched(network(64, 8, 3), x, x, loss=loss, steps=3)) == []
