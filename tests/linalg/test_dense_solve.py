import math

import numpy as np
import torch

from fivefold.core import Status
from fivefold.linalg import dense_solve
from fivefold.linalg.dense_solve import DenseFactor, digits_of, forward, positive, singular

G = torch.Generator().manual_seed(50)
A = torch.randn(15, 15, generator=G, dtype=torch.float64)


def test_one_factor_many_right_hand_sides():
    factor = DenseFactor(A)
    for k in (1, 4):
        B = 4 + torch.randn(15, k, generator=G, dtype=torch.float64)
        raw = factor.solve(B)
        assert torch.allclose(raw.x, torch.linalg.solve(A, B), rtol=1e-10)
        assert raw.status is Status.CONVERGED
        assert torch.allclose(factor.unscaled(B), raw.x, rtol=1e-9)
    assert factor.method == "lu"
    assert DenseFactor(A @ A.mT + torch.eye(15)).method in ("cholesky", "lu")


def test_the_bound_of_the_norm_of_the_inverse_is_one():
    for scale in (1.0, 1e-30):
        rows = 10.0 ** torch.linspace(-5, 5, 15, dtype=torch.float64)
        M = A * rows[:, None] * scale
        truth = float(torch.linalg.matrix_norm(torch.linalg.inv(M), math.inf))
        bound = DenseFactor(M).inverse_norm_bound()
        assert truth * (1 - 1e-9) <= bound < truth * 1.01


def test_no_bound_where_there_is_none(monkeypatch):
    assert DenseFactor(torch.zeros(2, 2).double()).inverse_norm_bound() == math.inf
    monkeypatch.setattr(dense_solve, "_PROVED", 3)
    assert DenseFactor(A).inverse_norm_bound() == math.inf
    monkeypatch.setattr(DenseFactor, "inverse", lambda self: (torch.eye(15).double(), 1.0))
    monkeypatch.setattr(dense_solve, "_PROVED", 1000)
    assert DenseFactor(A).inverse_norm_bound() == math.inf
    assert DenseFactor(A).solve(torch.ones(15, 1).double()).certificates[1].holds is None


def test_helpers():
    assert digits_of(0.0) == 15.9
    assert digits_of(10.0) == 0
    assert forward(0.5, "").holds is False
    assert positive(torch.tensor([-1.0, 2.0])).tolist() == [1, 2]
    raw = singular(torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double(), torch.ones(2, 1).double(), "so")
    assert np.allclose(raw.x.flatten(), 0.5)
    assert raw.status is Status.ILL_POSED
