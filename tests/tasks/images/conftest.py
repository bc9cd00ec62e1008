"""Small labelled pictures for the tests: scikit-learn's handwritten digits, enlarged to 16 x 16."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fivefold.core import Budget, Clock
from fivefold.tasks.images.candidate import Candidate
from fivefold.tasks.images.choose import Choice
from fivefold.tasks.images.fit import fit_set
from fivefold.tasks.images.forecast import Forecast
from fivefold.tasks.images.material import divide
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.recipe import recipe_for


@pytest.fixture(scope="session")
def digit_arrays():
    """Pictures [1797, 16, 16] of bytes and labels [1797]."""
    found = load_digits()
    pixels = np.kron(found.images, np.ones((2, 2))) * 255 / 16
    return pixels.round().astype(np.uint8), found.target


@pytest.fixture
def digits(digit_arrays):
    """The first so many digits as a set of pictures."""

    def some(count=600):
        pixels, labels = digit_arrays
        return from_parts("digits", [Part("digits", pixels[:count], labels[:count].astype(str), -1)], [])

    return some


@pytest.fixture
def material(digits):
    """The first so many digits, divided."""

    def some(count=600, seed=0):
        images = digits(count)
        return divide(images, np.arange(len(images)), seed)

    return some


@pytest.fixture(scope="session")
def fitted(digit_arrays):
    """A model of 500 digits by a plan that no clock has a part in."""
    pixels, labels = digit_arrays
    images = from_parts("digits", [Part("digits", pixels[:500], labels[:500].astype(str), -1)], [])
    candidate = Candidate("speedrun", 16, 16, {"widths": (16, 32, 32)})
    recipe = recipe_for(candidate, 320, 15.0 * 320, shift=True)
    plan = Choice(candidate, recipe, [], 5.0, Forecast(0.05, 0.02, 0.2), "contiguous")
    return fit_set(images, Clock(Budget()), 10.0, 1, lambda *event: None, plan)
