"""Texts of three subjects for the tests, and a model of them."""

import numpy as np
import pytest

from fivefold.tasks.text.fit import fit_texts
from fivefold.tasks.text.text_set import TextSet

SUBJECTS = {
    "cooking": "stir the sauce until the onions are soft then add salt butter and flour to the pan",
    "sailing": "trim the sail when the wind turns and keep the boat near the harbour until the tide is high",
    "chess": "move the bishop before the knight and guard the king because the queen attacks the open file",
}


def _texts(count=240, seed=0):
    """Texts of three subjects: words of the subject in any order, a third of them of another one."""
    generator = np.random.default_rng(seed)
    names = list(SUBJECTS)
    words = {name: np.array(text.split()) for name, text in SUBJECTS.items()}
    found, labels = [], []
    for i in range(count):
        label = i % 3
        other = names[int(generator.integers(3))]
        chosen = [*generator.choice(words[names[label]], 8), *generator.choice(words[other], 4)]
        found.append(" ".join(generator.permutation(chosen).tolist()))
        labels.append(label)
    given = np.full(count, -1, dtype=np.int8)
    return TextSet(
        "memory", tuple(found), tuple(map(str, range(count))), tuple(names), np.array(labels), given
    )


@pytest.fixture(scope="session")
def texts():
    """texts(count, seed): so many of them."""
    return _texts


@pytest.fixture(scope="session")
def model():
    """A model of 240 of them."""
    return fit_texts(_texts(), budget="6s", seed=1)


@pytest.fixture(scope="session")
def subjects():
    """The words of each subject."""
    return SUBJECTS
