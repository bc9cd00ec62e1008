"""Certificates that hold, and ones that come out false."""

from typing import Any

import torch
from torch import Tensor

from fivefold.core import drive
from fivefold.linalg.probes import Prober
from fivefold.theory.curvature_certificates import eigen_certificates
from fivefold.theory.krylov_space import KrylovGrowth, KrylovSpace


def grown(A: Any, k: int, columns: int) -> KrylovSpace:
    return drive(KrylovGrowth(Prober(A, 0, "test"), k, 1, 1e-9, columns, 0.0)).state


def test_residuals_above_the_limit_are_told(rotated: Tensor, products: Any) -> None:
    space = grown(products(rotated), 3, 8)
    V = space.V @ space.S[:, :3]
    norms = torch.linalg.vector_norm(rotated @ V - V * space.values[:3], dim=0)
    found = eigen_certificates(space, V, norms, 1e-9)
    assert [c.holds for c in found[:3]] == [False, True, None]
    assert eigen_certificates(space, V * 2, norms, 1e-9)[1].holds is False


def test_negative_curvature_is_proved_denied_or_unknown(products: Any) -> None:
    def verdict(values: list[float], columns: int) -> str:
        space = grown(products(torch.diag(torch.tensor(values).double())), 1, columns)
        return eigen_certificates(space, space.V @ space.S[:, :1], torch.zeros(1), 1.0)[3].verdict

    assert verdict([3.0, 1.0, -1.0], 3) == "yes"
    assert verdict([3.0, 1.0, 0.5], 3) == "no"
    assert verdict([float(i) for i in range(1, 60)], 5) == "unknown"
