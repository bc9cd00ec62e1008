"""The yardstick is a fair linear model, the constant knows only the shares."""

import numpy as np
import pytest

from fivefold.tasks.images.material import divide
from fivefold.tasks.images.packed import Part, from_parts
from fivefold.tasks.images.yardstick import constant_scores, fit_yardstick


def test_it_reads_digits_as_well_as_scikit_learn_does(material):
    found = material(1000)
    fitted = fit_yardstick(found, 0)
    truth = found.images.labels[found.test]
    assert fitted.test.shape == (len(truth), 10)
    assert (fitted.test.argmax(1) == truth).mean() > 0.93  # 0.95 to 0.97 on scikit-learn's own pages
    losses = [
        -np.log(np.exp(s)[np.arange(len(y)), y] / np.exp(s).sum(1)).mean()
        for s, y in ((fitted.test, truth), (fitted.held, found.images.labels[found.held]))
    ]
    assert max(losses) < 0.3
    assert "16 x 16 pixels" in fitted.description


def test_two_classes_have_two_scores(digit_arrays):
    pixels, labels = digit_arrays
    rows = np.flatnonzero(labels < 2)[:120]
    images = from_parts("two", [Part("two", pixels[rows], labels[rows].astype(str), -1)], [])
    found = divide(images, np.arange(120), 0)
    fitted = fit_yardstick(found, 0)
    assert fitted.test.shape == (len(found.test), 2)
    assert (fitted.test.argmax(1) == images.labels[found.test]).all()


def test_a_constant_says_the_shares_of_training(material):
    found = material(400)
    scores = constant_scores(found, 3)
    shares = np.bincount(found.images.labels[found.train]) / len(found.train)
    np.testing.assert_allclose(np.exp(scores), np.tile(shares, (3, 1)))
    assert np.exp(scores).sum(1) == pytest.approx(1.0)


def test_a_class_that_the_rows_leave_out_has_a_finite_score(material, monkeypatch):
    found = material(400)
    monkeypatch.setattr("fivefold.tasks.images.yardstick._MOST", 6)  # of ten classes
    fitted = fit_yardstick(found, 0)
    assert fitted.test.shape == (len(found.test), 10)
    assert np.isfinite(fitted.test).all()
    assert np.isfinite(fitted.held).all()


def test_a_rare_class_among_many_pictures_is_scored(digit_arrays, monkeypatch):
    pixels, labels = digit_arrays
    rows = np.r_[
        np.flatnonzero(labels == 0)[:100], np.flatnonzero(labels == 1)[:100], np.flatnonzero(labels == 2)[:5]
    ]
    images = from_parts("rare", [Part("rare", pixels[rows], labels[rows].astype(str), -1)], [])
    monkeypatch.setattr("fivefold.tasks.images.yardstick._MOST", 10)
    found = divide(images, np.arange(len(rows)), 0)
    assert fit_yardstick(found, 0).test.shape == (len(found.test), 3)
