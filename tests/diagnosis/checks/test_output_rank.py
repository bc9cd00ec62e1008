"""Last layers that read too few numbers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.output_rank import check_output_rank


def findings(watched, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> list:
    return check_output_rank(watched(model, x, y, loss=functional.mse_loss, steps=16, batch=128))


@pytest.mark.parametrize(("width", "confidence"), [(4, "high"), (10, "medium"), (16, None)])
def test_targets_that_fill_a_space_of_more_dimensions(watched, network, width: int, confidence) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 16, generator=generator)
    y = x @ torch.linalg.qr(torch.randn(16, 16, generator=generator))[0]
    found = findings(watched, network(16, width, 16), x, y)
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
    for f in found:
        # White targets: what is left is the share of the directions, but for those chosen by the sample.
        left = f.picture.curves["share of the variance"][0][1]
        assert left == pytest.approx(1 - width / 16, abs=0.06)
        assert left <= 1 - width / 16
        assert f"at least {left:.0%} of the targets' variance" in f.evidence
        assert f.figures["units"] == width


def test_targets_of_few_dimensions_and_outputs_that_are_bent(watched, network) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 16, generator=generator)
    few = x[:, :3] @ torch.randn(3, 16, generator=generator)
    assert findings(watched, network(16, 4, 16), x, few) == []
    white = x @ torch.linalg.qr(torch.randn(16, 16, generator=generator))[0]
    assert findings(watched, nn.Sequential(*network(16, 4, 16), nn.Tanh()), x, white) == []
    assert findings(watched, network(16, 4, 16), x, x) == []  # a code that is narrow on purpose
