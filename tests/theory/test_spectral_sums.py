"""Sums over a spectrum: values, standard errors at their rate, and what may be counted once."""

from typing import Any

import pytest
import torch
from torch import Tensor

from fivefold.core import Status, drive
from fivefold.linalg import Estimate
from fivefold.linalg.probes import Prober
from fivefold.theory.krylov_space import KrylovGrowth, KrylovSpace
from fivefold.theory.spectral_sums import Rule, Sums, rule_of


def space(A: Any, seed: int, width: int = 3, columns: int = 60, k: int = 5) -> KrylovSpace:
    return drive(KrylovGrowth(Prober(A, seed, "test"), k, width, 1e-3, columns, 0.025)).state


def test_the_standard_error_has_its_size(rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    # standardised errors over 30 seeds: their mean square is near 1; it lies in (0.4, 2) in 99.9% of runs
    # functions that the depth resolves, so that no bias comes in
    def f(x: Tensor) -> Tensor:
        return torch.stack([torch.exp(-((x / 2) ** 2)), x], dim=-1)

    exact = f(spectrum).sum(0)
    squares = []
    for seed in range(30):
        rule = rule_of(space(products(rotated), seed), 5)
        squares.append(((rule.total(f) - exact) / rule.standard_error(f)) ** 2)
    mean = torch.stack(squares).mean(0)
    assert bool((mean > 0.4).all())
    assert bool((mean < 2.0).all())


def test_known_values_count_once(rotated: Tensor, spectrum: Tensor, products: Any) -> None:
    found = space(products(rotated), 0)
    rule = rule_of(found, 5)
    assert torch.allclose(rule.known, spectrum[:5], atol=1e-4)
    assert torch.allclose(rule.weights.sum(1), torch.ones(3).double())
    assert float(rule.total(lambda x: torch.ones_like(x)[:, None])) == pytest.approx(600)


def test_a_multiple_value_keeps_its_mass(products: Any) -> None:
    values = torch.cat([torch.full((200,), 2.0), torch.linspace(-1, 1, 200)]).double()
    rule = rule_of(space(products(torch.diag(values)), 0), 1)
    assert len(rule.known) == 0
    above = float(rule.total(lambda x: (x > 1.5).double()[:, None]))
    assert above == pytest.approx(200, abs=60)  # three standard errors of three probes


def test_all_known_is_exact() -> None:
    rule = Rule(3, torch.tensor([3.0, 2.0, 1.0]), torch.zeros(0), torch.zeros(1, 0))
    assert rule.total(lambda x: (x**2)[:, None]).tolist() == [14.0]
    assert rule.standard_error(lambda x: x[:, None]).tolist() == [0.0]
    assert rule.left == 0


def test_a_complete_space_gives_exact_sums(products: Any) -> None:
    values = torch.linspace(-1, 3, 20).double()
    found = space(products(torch.diag(values)), 0, columns=20, k=20)
    sums = Sums(found, 20, 0, 20)
    total = sums.total(torch.exp)
    assert total.value == pytest.approx(float(values.exp().sum()), rel=1e-12)
    assert total.standard_error == 0
    density = sums.density(0.05)
    assert density.method == "exact"
    assert float(density.standard_error.max()) == 0


def test_estimates_say_whether_they_are_good_enough(rotated: Tensor, products: Any) -> None:
    sums = Sums(space(products(rotated), 0), 5, 0, 60)
    assert sums.total(lambda x: x, tolerance=1e-9).status is Status.OUT_OF_BUDGET
    assert sums.total(lambda x: x, tolerance=10.0).status is Status.CONVERGED
    assert sums.total(lambda x: x).certificates[0].verdict == "unknown"  # three probes


def test_a_known_part_moves_the_estimate(rotated: Tensor, products: Any) -> None:
    sums = Sums(space(products(rotated), 0), 5, 0, 60)
    outside = sums.total(lambda x: x)
    moved = sums.shifted(outside, 7.0)
    assert isinstance(moved, Estimate)
    assert moved.value == outside.value + 7.0
    assert moved.standard_error == outside.standard_error
    assert f"{moved.value:.6g}" in moved.certificates[0].claim


def test_a_density_that_is_too_rough_says_so(products: Any) -> None:
    values = torch.linspace(0, 1, 300).double()
    found = drive(KrylovGrowth(Prober(products(torch.diag(values)), 0, "test"), 1, 1, 0.5, 4, 0.0)).state
    assert Sums(found, 0, 0, 4).density(0.01).certificates[0].holds is False
