import math

import pytest
import torch

from fivefold.linalg.probes import Prober
from fivefold.linalg.sketch_choice import FEWEST, Purse, choose


def sketch(stochastic, name, k, seed=0):
    values = stochastic.spectra[name]
    prober = Prober(stochastic.lazy(name), seed, "test")
    Z = prober.sphere(k)
    n = len(values)
    plain = 2 * n / (n + 2) * (float((values**2).sum()) - float(values.sum()) ** 2 / n)
    return Z, prober.apply(Z), plain


def choice(stochastic, name, k, left=None, target=0.0, seed=0):
    Z, Y, plain = sketch(stochastic, name, k, seed)
    purse = Purse(60 - k if left is None else left, target)
    return choose(Z, Y, plain, purse, factor=2.0, most=purse.left - FEWEST, unit=1e-16)


def test_at_least_as_many_directions_as_there_are_outliers(stochastic):
    for seed in range(10):
        assert choice(stochastic, "ten outliers", 20, seed=seed).directions.shape[1] >= 10
        found = choice(stochastic, "more outliers than sketches", 26, seed=seed)
        assert found.directions.shape[1] >= 21
        small = choice(stochastic, "more outliers than sketches", 15, seed=seed)
        assert small.limited
        assert choice(stochastic, "flat", 10, seed=seed).directions is None


def test_directions_span_the_outliers(stochastic):
    found = choice(stochastic, "ten outliers", 20).directions
    eye = torch.eye(found.shape[1], dtype=torch.float64)
    assert torch.allclose(found.mT @ found, eye, atol=1e-12)
    cosines = torch.linalg.svdvals(found.mT @ stochastic.basis[:, :10])
    assert float(cosines.min()) > 0.99


def test_more_equal_outliers_than_a_sketch_can_hold_are_left_to_plain_probes(stochastic):
    values = torch.cat([torch.full((80,), 1e3).double(), 0.1 + stochastic.bulk[80:]])
    A = stochastic.Lazy(stochastic.matrix(values))
    prober = Prober(A, 0, "test")
    Z = prober.sphere(25)
    n = stochastic.n
    plain = 2 * n / (n + 2) * (float((values**2).sum()) - float(values.sum()) ** 2 / n)
    found = choose(Z, prober.apply(Z), plain, Purse(35, 0.0), factor=2.0, most=25, unit=1e-16)
    assert found.directions is None


def test_scale_and_shift_do_not_change_the_choice(stochastic):
    Z, Y, plain = sketch(stochastic, "ten outliers", 20)
    base = choose(Z, Y, plain, Purse(40, 0.0), factor=2.0, most=30, unit=1e-16)
    big = choose(Z, 1e100 * Y, 1e200 * plain, Purse(40, 0.0), factor=2.0, most=30, unit=1e-16)
    moved = choose(Z, Y + 5e3 * Z, plain, Purse(40, 0.0), factor=2.0, most=30, unit=1e-16)
    assert base.taken == big.taken == moved.taken >= 10


def test_a_plan_costs_products_or_the_interval(stochastic):
    purse = Purse(100, 0.5)
    assert purse.cost(10.0, 5) == (False, 5 + 40.0)
    assert purse.cost(10.0, 0, 15) == (False, 25.0)
    assert purse.cost(1e-3, 5) == (False, 5.0 + FEWEST)
    late, half = purse.cost(1e3, 5)
    assert late
    assert half == pytest.approx(1e3 * 1.9855234**2 / 95, rel=1e-6)  # t quantile of 94 degrees of freedom
    assert purse.cost(1.0, 99) == (True, math.inf)
    # A loose target is reached without deflation; a tight one is not.
    assert choice(stochastic, "ten outliers", 20, left=900, target=1e4).directions is None
    assert choice(stochastic, "ten outliers", 20, left=900, target=50.0).directions.shape[1] >= 8
