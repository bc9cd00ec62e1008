import math

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Identity
from fivefold.linalg.probes import Prober, extend_basis, project_out

G = torch.Generator().manual_seed(4)
Q = torch.linalg.qr(torch.randn(30, 5, generator=G, dtype=torch.float64)).Q
M = torch.randn(30, 30, generator=G, dtype=torch.float64)


def test_sphere_probes_have_the_length_and_the_second_moment_of_the_complement():
    Z = Prober(Identity(30), 0, "test").sphere(20000, Q)
    assert torch.allclose((Z * Z).sum(0), torch.full((20000,), 25.0).double(), rtol=1e-12)
    assert float((Q.mT @ Z).abs().max()) < 1e-12
    second = Z @ Z.mT / 20000
    # each entry has a standard deviation of at most sqrt(2 / 20000) = 0.01
    assert float((second - (torch.eye(30) - Q @ Q.mT)).abs().max()) < 0.06
    signs = Prober(Identity(30), 0, "test").signs(2000)
    assert bool((signs.abs() == 1).all())
    assert abs(float(signs.mean())) < 0.02


def test_products_are_counted_and_the_diagonal_is_exact():
    prober = Prober(Dense(M), 0, "test")
    assert torch.allclose(prober.diagonal(), M.diagonal())
    assert prober.products == 30
    prober.apply(Q, adjoint=True)
    assert prober.products == 35


def test_identities_of_products_are_compared():
    prober = Prober(Dense(M), 0, "test")
    Z, W = prober.normal(3), prober.normal(2)
    prober.compare(Z, M @ Z, W, M.mT @ W)
    with pytest.raises(ArgumentError, match="do not change between calls"):
        prober.compare(Z, M @ Z, W, M @ W)
    # Rounding noise far below the largest product that was seen is no contradiction.
    prober.compare(Z, 1e-17 * prober.normal(3), W, 1e-17 * prober.normal(2))


def test_bases_leave_out_what_is_known_or_noise():
    new = extend_basis(Q, torch.cat([Q[:, :2], M[:, :3], 2 * M[:, :1]], dim=1), 1e-16)
    assert new.shape == (30, 3)
    assert torch.allclose(new.mT @ new, torch.eye(3).double(), atol=1e-12)
    assert float((Q.mT @ new).abs().max()) < 1e-12
    assert extend_basis(Q, Q, 1e-16).shape == (30, 0)
    assert float((Q.mT @ project_out(Q, M)).abs().max()) < 1e-12


def test_room_names_the_size():
    prober = Prober(Identity(2**20), 0, "test")
    assert prober.room(depth=16) == 16
    with pytest.raises(ArgumentError, match=r"16\.0 GiB"):
        prober.room(depth=2**11)
    assert math.isfinite(prober.unit)
