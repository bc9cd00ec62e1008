"""Certificates: true where they must be, false where they must be, unknown otherwise."""

import math

import pytest
import torch

from fivefold.objective import Objective
from fivefold.optimize import certify_suboptimality
from fivefold.optimize.methods.optimality import (
    Curvatures,
    certify_curvature,
    certify_stationary,
    estimate_lowest_curvature,
    lowest_curvature,
)


def test_stationarity_needs_a_finite_value_and_a_small_gradient():
    assert certify_stationary(1.0, 1e-9, 1e-8).holds is True
    assert certify_stationary(1.0, 1e-7, 1e-8).holds is False
    assert certify_stationary(math.nan, 0.0, 1e-8).holds is False
    assert certify_stationary(1.0, math.nan, 1e-8).holds is False


def test_curvature_is_judged_against_its_noise():
    assert certify_curvature(Curvatures(0.1, 1.0, 1e-6), "").holds is True
    assert certify_curvature(Curvatures(-0.1, 1.0, 1e-6), "").holds is False
    assert certify_curvature(Curvatures(1e-9, 1.0, 1e-6), "").holds is None
    missing = certify_curvature(None, "too large")
    assert (missing.holds, missing.method) == (None, "too large")


def test_the_bound_is_attained_by_the_flattest_quadratic():
    # F = m w^2 / 2: F - min F = g^2 / (2 m) exactly
    m, w = 0.3, 1.7
    certificate = certify_suboptimality(m * w, strong_convexity=m)
    assert certificate.bound == pytest.approx(0.5 * m * w * w, rel=1e-15)
    assert certificate.holds is True


def test_a_strong_convexity_above_the_curvature_is_refuted():
    curvature = Curvatures(0.2, 1.0, 1e-6)
    assert certify_suboptimality(1e-3, strong_convexity=0.3, curvature=curvature).holds is False
    assert certify_suboptimality(1e-3, strong_convexity=0.2, curvature=curvature).holds is True


@pytest.mark.parametrize("start", [0.02, 0.1, 0.3])
def test_the_self_concordant_bound_holds_on_an_exponential(start):
    # F = exp(w) - w: F''' = F'', M = 1, min F = 1 at 0
    g, H = math.exp(start) - 1, math.exp(start)
    certificate = certify_suboptimality(g, self_concordance=1.0, curvature=Curvatures(H, H, 1e-6 * H))
    assert certificate.holds is True
    gap = math.exp(start) - start - 1
    assert gap <= certificate.bound <= 4 * gap


def test_far_from_the_minimum_self_concordance_proves_nothing():
    g, H = math.exp(-3) - 1, math.exp(-3)
    certificate = certify_suboptimality(abs(g), self_concordance=1.0, curvature=Curvatures(H, H, 1e-6 * H))
    assert certificate.holds is None


def test_what_is_missing_leaves_it_unknown():
    assert certify_suboptimality(math.nan, strong_convexity=1.0).holds is None
    assert certify_suboptimality(1e-9, strong_convexity=0.0).holds is None
    assert certify_suboptimality(1e-9, self_concordance=1.0).holds is None
    flat = Curvatures(0.0, 1.0, 1e-6)
    assert certify_suboptimality(1e-9, self_concordance=1.0, curvature=flat).holds is None


def test_lowest_curvature_of_a_known_hessian_and_of_none():
    F = Objective.from_function(lambda w: 3 * w[0] ** 2 - w[1] ** 2, torch.ones(2).double())
    found, along = lowest_curvature(F, torch.ones(2).double())
    assert (found.lowest, found.highest) == (-2.0, 6.0)
    assert along.abs().tolist() == [0.0, 1.0]
    G = Objective.from_function(lambda w: w.abs().sqrt().sum(), torch.ones(2).double())
    assert lowest_curvature(G, torch.zeros(2).double()) is None


def test_lanczos_finds_the_lowest_curvature_and_claims_no_proof():
    scales = torch.linspace(0.5, 20, 300, dtype=torch.float64)
    scales[7] = -3.0
    F = Objective.from_function(lambda w: (scales * w**2).sum() / 2, torch.zeros(300).double())
    found, along = estimate_lowest_curvature(F, torch.ones(300).double(), 60)
    assert abs(found.lowest + 3.0) < 1e-3
    assert abs(abs(float(along[7])) - 1) < 1e-2
    certificate = certify_curvature(found, "")
    assert (certificate.holds, certificate.kind.value) == (False, "proof")
    above = certify_curvature(Curvatures(0.1, 1.0, 1e-6, estimate="Lanczos"), "")
    assert (above.holds, above.kind.value) == (True, "indicator")
    assert certify_curvature(Curvatures(1e-9, 1.0, 1e-6, estimate="Lanczos"), "").holds is None
    # an estimate bounds the lowest eigenvalue from above, which proves no distance to the minimum
    known = certify_suboptimality(
        1e-9, self_concordance=1.0, curvature=Curvatures(0.1, 1.0, 1e-6, estimate="Lanczos")
    )
    assert known.holds is None
    G = Objective.from_oracle(
        lambda w: (float(w @ w), 2 * w),
        torch.ones(3).numpy(),
        hessian_product=lambda w, v: v * float("nan"),
    )
    assert estimate_lowest_curvature(G, torch.ones(3).double(), 10) is None
