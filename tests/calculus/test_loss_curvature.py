"""A batch's part of a loss and its curvature in the outputs."""

import pytest
import torch

from fivefold.calculus.loss_curvature import BatchLoss
from fivefold.core import ArgumentError
from fivefold.probability import Bernoulli, Categorical

Z = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.5, -0.2]], dtype=torch.float64)
Y = torch.tensor([2, 0])


def test_value_and_curvature_of_both_forms():
    for reduction, factor in (("mean", 2 / 8), ("sum", 2.0)):
        mean = torch.nn.functional.cross_entropy(Z, Y) * factor
        for loss in (torch.nn.CrossEntropyLoss(reduction=reduction), Categorical(3)):
            part = BatchLoss(loss, reduction, rows=8)
            torch.testing.assert_close(part.value(Z, Y), mean)
            reference = torch.autograd.functional.hessian(
                lambda z, factor=factor: torch.nn.functional.cross_entropy(z.reshape(2, 3), Y) * factor,
                Z.reshape(-1),
            )
            torch.testing.assert_close(part.curvature(Z, Y).to_dense(), reference)


def test_sequences_of_outputs_are_rows():
    z, y = Z.reshape(1, 2, 3), Y.reshape(1, 2)
    part = BatchLoss(Categorical(3), "sum", rows=1)
    torch.testing.assert_close(part.value(z, y), torch.nn.functional.cross_entropy(Z, Y, reduction="sum"))
    one = BatchLoss(Bernoulli(), "sum", rows=2)
    assert one.rows_of(torch.ones(2, 1)).shape == (2,)


def test_refuses():
    with pytest.raises(ArgumentError, match="a likelihood; got a loss function"):
        BatchLoss(torch.nn.MSELoss(), "mean", 2).fisher(Z, 2)
    with pytest.raises(ArgumentError, match=r"model outputs \[n, 4\]"):
        BatchLoss(Categorical(4), "mean", 2).rows_of(Z)
    with pytest.raises(ArgumentError, match="one real value"):
        BatchLoss(lambda z, y: z, "mean", 2).value(Z, Y)
