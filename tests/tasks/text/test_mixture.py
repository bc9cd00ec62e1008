"""A network is mixed in where it gains more than chance would."""

import numpy as np
import pytest

from fivefold.tasks.text.mixture import Mixture, choose_share


def _scores(n, right, seed):
    """Scores of two classes, right in a share of the rows."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    named = np.where(generator.random(n) < right, labels, 1 - labels)
    return np.eye(2)[named] * 2.0, labels


def test_a_network_that_knows_more_is_mixed_in():
    words, labels = _scores(400, 0.7, 0)
    network, _ = _scores(400, 0.9, 1)
    found = choose_share(words, network, labels)
    assert found.share == found.tried > 0
    assert found.gain > found.error > 0


def test_a_gain_within_its_error_is_none():
    """Of 40 networks that know nothing, each better than the words by chance alone or not at all."""
    taken = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        words, labels = _scores(60, 0.75, seed)
        found = choose_share(words, generator.normal(size=(60, 2)), labels)
        assert (found.share > 0) == (found.gain > found.error)
        assert found.share in (0.0, found.tried)
        taken += found.share > 0
    assert taken <= 12  # a sixth by the normal law, and the best of four shares


def test_without_a_network_or_with_one_text_it_is_the_words():
    words, labels = _scores(60, 0.8, 0)
    assert (choose_share(words, None, labels).share, choose_share(words, None, labels).tried) == (0.0, 0.0)
    one = choose_share(words[:1] * 0, np.array([[9.0, 0.0]]), np.array([0]))
    assert (one.share, one.error) == (0.0, np.inf)
    assert one.tried > 0


@pytest.mark.parametrize(("losses", "gain"), [([0.5, 0.7], 0.1), ([0.5, 0.5], 0.0)])
def test_gain_and_error_are_paired(losses, gain):
    found = Mixture(0.0, 0.5, np.array(losses), np.array([0.4, 0.6]))
    assert found.gain == pytest.approx(gain)
    assert found.error == pytest.approx(np.std(np.array(losses) - [0.4, 0.6], ddof=1) / np.sqrt(2))
