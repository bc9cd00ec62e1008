import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.linalg import DataMatrix, Dense, qr
from fivefold.linalg.householder import power_of_two_norms

X = 10 + np.random.default_rng(0).standard_normal((20, 4))


def test_factors_and_certificates():
    f = qr(X)
    assert isinstance(f.Q, np.ndarray)
    assert np.allclose(f.Q @ f.R, X, rtol=1e-13)
    assert np.allclose(np.tril(f.R, -1), 0)
    assert f.rank == 4
    assert f.status is Status.CONVERGED
    assert [c.verdict for c in f.certificates] == ["yes", "yes"]


def test_batches_give_the_same_triangle():
    whole, parts = qr(X), qr(DataMatrix([X[:2], X[2:9], X[9:]]))
    assert parts.Q is None
    assert torch.allclose(parts.R.abs(), torch.from_numpy(whole.R).abs(), rtol=1e-10)


def test_rank_does_not_depend_on_units_and_is_said():
    scaled = X * np.array([1e-12, 1.0, 1e9, 1e20])
    assert qr(scaled).rank == 4
    deficient = np.column_stack([X, X[:, 0] - 2 * X[:, 1]])
    f = qr(deficient * np.array([1, 1e10, 1, 1, 1]))
    assert f.rank == 4
    assert f.status is Status.ILL_POSED
    assert f.certificates[0].holds is False
    assert qr(np.zeros((3, 2))).rank == 0


def test_orthonormality_fails_where_q_is_wrong(monkeypatch):
    from fivefold.linalg import householder

    monkeypatch.setattr(
        householder, "triangle", lambda A, extra: (1.001 * A.to_dense(), torch.eye(2).double(), None)
    )
    assert householder.qr(torch.eye(2)).certificates[1].holds is False


def test_dtype_and_tolerance():
    f = qr(torch.eye(3, 2, dtype=torch.float32))
    assert f.R.dtype == torch.float32
    assert qr([[1.0, 0.0], [0.0, 1.0], [1.0, 1.001]], tolerance=0.9).rank == 1
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        qr(X, tolerance=1.0)
    with pytest.raises(ArgumentError, match="one matrix"):
        qr(Dense(torch.ones(2, 3, 3)))


def test_scales_are_powers_of_two_even_at_the_ends_of_the_range():
    scale = power_of_two_norms(torch.tensor([[1e-300, 1e300, 0.0, 3.0]], dtype=torch.float64))
    assert all(np.frexp(v)[0] == 0.5 for v in scale.tolist())
    assert scale[2] == 1
