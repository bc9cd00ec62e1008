"""Logits that cannot leave the level of a guess."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.checks.flat_logits import check_flat_logits


@pytest.mark.parametrize(
    ("scale", "found"),
    [
        (0.1, [("loss.flat-logits", "high")]),
        (0.4, [("loss.flat-logits", "medium")]),
        (1.0, []),
        (20.0, []),
    ],
)
def test_products_of_directions(watched, digits, network, scale: float, found) -> None:
    def loss(out: Tensor, y: Tensor) -> Tensor:
        z = functional.normalize(out, dim=1)
        products = scale * z @ z.T
        return functional.cross_entropy(
            products.masked_fill(torch.eye(len(z)).bool(), -1e9), y.new_tensor([*range(1, len(z)), 0])
        )

    told = check_flat_logits(watched(network(64, 16, 10), *digits, loss=loss, batch=128, steps=5))
    assert [(f.code, f.confidence) for f in told] == found
    for f in told:
        least = dict(f.picture.curves["nats"])[0.0]
        # The best that logits within [-scale, scale] allow, by the definition of the loss.
        best = torch.full((1, 128), -scale).index_fill_(1, torch.tensor([3]), scale)
        assert least == pytest.approx(float(functional.cross_entropy(best, torch.tensor([3]))), rel=0.02)
        assert least < math.log(128)


def test_small_logits_without_directions_may_grow(watched, digits, network) -> None:
    model = network(64, 16, 10)
    with torch.no_grad():
        model[-1].weight.mul_(1e-3)
    assert check_flat_logits(watched(model, *digits, steps=5)) == []
