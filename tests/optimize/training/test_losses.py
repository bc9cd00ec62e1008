"""Losses against torch's own, member by member."""

import pytest
import torch
import torch.nn.functional as F

from fivefold.core import ArgumentError
from fivefold.optimize import cross_entropy_loss, logistic_loss, squared_loss


def logits(*shape):
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_losses_equal_torch_for_one_network_and_for_each_member():
    y = torch.tensor([0, 2, 1, 1, 0])
    out = logits(3, 5, 3)
    target = logits(5, 3)
    for k in range(3):
        torch.testing.assert_close(cross_entropy_loss(out, y)[k], F.cross_entropy(out[k], y))
        torch.testing.assert_close(squared_loss(out, target)[k], F.mse_loss(out[k], target))
    binary = (y > 0).double()
    one = logits(5, 1)
    torch.testing.assert_close(
        logistic_loss(one, binary), F.binary_cross_entropy_with_logits(one[:, 0], binary)
    )
    torch.testing.assert_close(cross_entropy_loss(out[0], y), F.cross_entropy(out[0], y))
    assert squared_loss(one, binary).shape == ()


@pytest.mark.parametrize(
    ("loss", "shape", "target"),
    [
        (squared_loss, (5, 2), torch.zeros(5)),
        (cross_entropy_loss, (5, 2), torch.zeros(4, dtype=torch.int64)),
        (logistic_loss, (5, 2), torch.zeros(5)),
        (logistic_loss, (5, 1), torch.zeros(5, 1)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(loss, shape, target):
    with pytest.raises(ArgumentError):
        loss(logits(*shape), target)
