"""The design as an operator, over float32 rows in float64."""

import torch

from fivefold.objective import DataObjective, Linear
from fivefold.probability import Bernoulli

N, P = 30_000, 6


def test_design_operators_of_float32_rows():
    generator = torch.Generator().manual_seed(3)
    X = torch.randn(N, P, generator=generator) + 1000.0
    y = torch.randint(2, (N,), generator=generator)
    J = DataObjective(Linear(X), Bernoulli(), (X, y), precision="float64").jacobian(torch.zeros(P + 1))
    K = DataObjective(Linear(X), Bernoulli(), (X.double(), y)).jacobian(torch.zeros(P + 1))
    assert J.dtype == torch.float64
    torch.testing.assert_close(J.row_norms(), K.row_norms(), rtol=1e-14, atol=0)
    torch.testing.assert_close(J.column_squares(), K.column_squares(), rtol=1e-13, atol=0)
    v = torch.ones(P + 1, dtype=torch.float64)
    torch.testing.assert_close(J @ v, K @ v, rtol=1e-13, atol=0)
    torch.testing.assert_close(J.H @ (K @ v), K.H @ (K @ v), rtol=1e-12, atol=0)
