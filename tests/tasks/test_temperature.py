"""One temperature makes scores honest, as SciPy finds it too."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fivefold.tasks.temperature import best_temperature, log_losses, temperature_of, tempered_losses


def _scores(sharpness, n=4000):
    generator = np.random.default_rng(0)
    honest = generator.normal(size=(n, 5)) * 2
    p = np.exp(log_softmax(honest, axis=1))
    labels = (p.cumsum(1) < generator.random((n, 1))).sum(1)
    return honest * sharpness, labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_sharpness_is_found(sharpness):
    scores, labels = _scores(sharpness)
    found = temperature_of(scores, labels)
    assert found == pytest.approx(sharpness, rel=0.06)
    reference = minimize_scalar(
        lambda log: (
            -log_softmax(scores / np.exp(log), axis=1)[np.arange(len(labels)), labels].mean()
            + log**2 / (2 * len(labels))
        ),
        bounds=(-1.3, 2.7),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(np.exp(reference.x), rel=1e-5)
    assert tempered_losses(scores, labels).mean() <= log_losses(scores, labels).mean()


def test_few_rows_that_are_all_right_leave_it_near_one_and_many_move_it():
    def found(n):
        return temperature_of(np.tile([3.0, 0.0], (n, 1)), np.zeros(n, dtype=np.int64))

    assert 0.7 < found(5) < 1
    assert found(5) > found(50) > found(500) > 0.26  # not at the bound


def test_losses_are_those_of_the_softmax_far_from_zero():
    scores, labels = _scores(1.0, n=50)
    shifted = scores + 1e3 * np.arange(50)[:, None]
    expected = -log_softmax(scores, axis=1)[np.arange(50), labels]
    np.testing.assert_allclose(log_losses(shifted, labels), expected, atol=1e-10)


def test_the_temperature_is_held_in_its_range():
    assert best_temperature(lambda inverse: inverse) == pytest.approx(16.0)
    assert best_temperature(lambda inverse: -inverse) == pytest.approx(0.25)
