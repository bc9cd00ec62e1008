"""The relations that a block Krylov space promises, and its quadrature against the exact spectrum."""

from typing import Any

import pytest
import torch
from torch import Tensor

from fivefold.core import Status, drive
from fivefold.linalg.probes import Prober
from fivefold.theory.krylov_space import KrylovGrowth, density_axes, gaussians


def test_the_lanczos_relation_and_the_residuals(rotated: Tensor, products: Any) -> None:
    run = drive(KrylovGrowth(Prober(products(rotated), 0, "test"), 3, 2, 1e-5, 80, 0.0))
    s = run.state
    j = s.V.shape[1]
    assert run.status is Status.CONVERGED
    assert torch.allclose(s.V.mT @ s.V, torch.eye(j).double(), atol=1e-12)
    assert torch.allclose(s.AV, rotated @ s.V, atol=1e-12)
    assert torch.allclose(s.T, s.V.mT @ rotated @ s.V, atol=1e-12)
    exact = torch.linalg.vector_norm(rotated @ s.V @ s.S - s.V @ s.S * s.values, dim=0)
    # the recurrence leaves rounding out, of about 1e-14 here
    assert torch.allclose(s.residual_norms, exact, atol=1e-11)
    assert s.ends[-1] == j
    assert len(s.ends) == run.steps + 1


def test_the_quadrature_is_exact_for_low_powers(rotated: Tensor, products: Any) -> None:
    prober = Prober(products(rotated), 1, "test")
    Z = Prober(products(rotated), 1, "test").sphere(2)
    s = drive(KrylovGrowth(prober, 1, 2, 1e-12, 12, 0.0)).state
    power = torch.eye(600).double()
    for degree in range(8):  # depth 6 is exact up to degree 11 on the block
        exact = (Z * (power @ Z)).sum(0) / (Z * Z).sum(0)
        nodes, weights = s.quadrature()
        assert torch.allclose(weights @ nodes**degree, exact, rtol=1e-9)
        power = power @ rotated
    nodes, weights = s.quadrature(3)
    assert len(nodes) == 6
    assert torch.allclose(weights.sum(1), torch.ones(2).double())


def test_an_invariant_space_is_left_for_more_pairs(products: Any) -> None:
    A = torch.diag(torch.tensor([5.0, 5.0, 5.0, 1.0, 1.0, 1.0]).double())
    s = drive(KrylovGrowth(Prober(products(A), 0, "test"), 3, 1, 1e-9, 6, 0.0)).state
    assert torch.allclose(s.values[:3], torch.tensor([5.0, 5.0, 1.0]).double()) or torch.allclose(
        s.values[:3], torch.tensor([5.0, 5.0, 5.0]).double()
    )
    assert s.closed


def test_the_columns_are_a_bound(rotated: Tensor, products: Any) -> None:
    prober = Prober(products(rotated), 0, "test")
    run = drive(KrylovGrowth(prober, 5, 4, 1e-14, 30, 0.0))
    assert run.status is Status.OUT_OF_BUDGET
    assert run.state.V.shape[1] == prober.products == 30


def test_axes_and_bells() -> None:
    x, sigma = density_axes(torch.tensor([3.0, 3.0]).double(), 0.1)
    assert sigma == pytest.approx(0.3)
    bells = gaussians(torch.tensor([3.0]).double(), x, sigma)
    assert float(torch.trapezoid(bells[0], x)) == pytest.approx(0.9973, abs=1e-3)  # three standard deviations
