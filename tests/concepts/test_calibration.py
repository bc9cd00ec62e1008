"""Calibration: scikit-learn's bins and Brier score, our own temperature, and De Moivre's mean deviation."""

import numpy as np
import pytest
import torch
from scipy.stats import binom
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from fivefold.concepts.calibration import (
    brier_parts,
    calibration_error,
    gap_by_chance,
    reliability,
    temperature,
)
from fivefold.tasks.tables import calibrate
from fivefold.tasks.tables.target import Target

GENERATOR = np.random.default_rng(0)
Z = 4.0 * GENERATOR.normal(size=3000)
HAPPENED = (GENERATOR.random(3000) < 1.0 / (1.0 + np.exp(-Z / 2.5))).astype(float)
SAID = 1.0 / (1.0 + np.exp(-Z))


@pytest.mark.parametrize("bins", [5, 15])
def test_fast_path(bins: int) -> None:
    counts, said, came = reliability(SAID, HAPPENED, bins)
    share, mean = calibration_curve(HAPPENED, SAID, n_bins=bins)
    np.testing.assert_allclose(said, mean, atol=1e-12)
    np.testing.assert_allclose(came, share, atol=1e-12)
    assert counts.sum() == 3000
    expected = sum(counts * np.abs(share - mean)) / 3000
    assert calibration_error(np.stack([counts, said, came])) == pytest.approx(expected, abs=1e-12)


def test_the_temperature_is_what_fit_uses() -> None:
    found = temperature(Z, HAPPENED)
    b = torch.tensor(1.0 / found, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(b * torch.tensor(Z), torch.tensor(HAPPENED))
    assert float(torch.autograd.grad(loss, b)[0]) == pytest.approx(0.0, abs=1e-9)
    assert found == pytest.approx(2.5, rel=0.1)
    ours = calibrate.temperature(Target("y", "bernoulli", ("no", "yes")), Z[:, None], HAPPENED)
    assert ours == pytest.approx(found, rel=1e-6)


def test_brier_is_the_sum_of_its_parts() -> None:
    said = np.round(SAID * 10) / 10 * 0.98 + 0.01  # eleven different forecasts
    miss, resolution, rest = brier_parts(reliability(said, HAPPENED, 50))
    assert miss - resolution + rest == pytest.approx(brier_score_loss(HAPPENED, said), abs=1e-12)
    always = brier_parts(reliability(np.full(3000, HAPPENED.mean()), HAPPENED, 10))
    assert always[0] == pytest.approx(0.0, abs=1e-12)
    assert always[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("p", [0.03, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("times", [1, 7, 40, 400])
def test_the_gap_of_an_honest_forecast(p: float, times: int) -> None:
    k = np.arange(times + 1)
    expected = float(np.abs(k / times - p) @ binom.pmf(k, times, p))
    assert gap_by_chance(p, times) == pytest.approx(expected, rel=1e-9)


def test_the_error_of_an_overconfident_forecast_in_closed_form() -> None:
    # Said 0.9 or 0.1, truth 0.7 or 0.3: ECE is 0.2 but for the chance in 20,000 draws of each.
    y = np.concatenate([np.arange(20000) < 14000, np.arange(20000) < 6000]).astype(float)
    said = np.repeat([0.9, 0.1], 20000)
    assert calibration_error(reliability(said, y, 10)) == pytest.approx(0.2, abs=1e-12)
    z = np.log(said / (1 - said))
    assert temperature(z, y) == pytest.approx(np.log(9.0) / np.log(7.0 / 3.0), rel=1e-9)
