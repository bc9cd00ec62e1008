"""Scores, certificates and versions that pictures and texts share."""

import numpy as np
import pytest
from scipy.special import softmax as reference
from sklearn.metrics import accuracy_score, log_loss

from fivefold.tasks.class_record import class_certificates, environment, scores_section, softmax
from fivefold.tasks.class_section import class_section
from fivefold.tasks.coverage_certificate import LEVEL
from fivefold.tasks.evaluate import wilson
from fivefold.tasks.prediction_sets import Sets


def _drawn(n=2000):
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(n, 4)) * 2
    p = softmax(scores)
    truth = (p.cumsum(1) < generator.random((n, 1))).sum(1)
    return p, truth


def test_probabilities_are_scipys():
    scores = np.random.default_rng(0).normal(size=(20, 5)) * 300
    np.testing.assert_allclose(softmax(scores), reference(scores, axis=1), atol=1e-15)


def _section(p, truth, other):
    constant = np.full_like(p, 0.25)
    return scores_section(truth, ("ours", p), ("theirs", other), constant, 0, "pictures")


def test_scores_are_scikit_learns_and_the_accuracy_has_wilsons_interval():
    p, truth = _drawn()
    own = _section(p, truth, p[:, ::-1])["scores"][0]["metrics"]
    assert own["accuracy"] == wilson(round(accuracy_score(truth, p.argmax(1)) * 2000), 2000)
    assert own["log loss"]["value"] == pytest.approx(log_loss(truth, p))


@pytest.mark.parametrize(
    ("kind", "holds", "said"),
    [
        ("worse", True, "is better than"),
        ("same", None, "cannot be told from"),
        ("better", False, "is worse than"),
    ],
)
def test_the_verdict_follows_the_paired_interval(kind, holds, said):
    p, truth = _drawn()
    right = np.eye(4)[truth] * 0.9 + 0.025
    other = {"worse": p[:, ::-1], "same": p, "better": right}[kind]
    test = _section(p, truth, other)
    assert said in test["sentence"]
    classes = class_section(p, truth, Sets(np.sort(Sets.of(p, truth, ordered=False))), LEVEL)
    coverage, rank = class_certificates(classes, test, 2000, "theirs", "pictures")
    assert rank.holds is holds
    assert coverage.value == classes["sets"]["coverage"]["value"]


def test_the_environment_names_versions_and_threads():
    found = environment(3)
    assert found["threads"] == "3"
    assert found["numpy"] == np.__version__


def test_copies_are_no_new_evidence():
    p, truth = _drawn(300)
    other = p[:, ::-1]
    once = _section(p, truth, other)
    four = (p.repeat(4, 0), truth.repeat(4), other.repeat(4, 0))
    constant = np.full_like(four[0], 0.25)
    copies = np.arange(300).repeat(4)
    found = scores_section(four[1], ("ours", four[0]), ("theirs", four[2]), constant, 0, "pictures", copies)
    own, same = (s["scores"][0]["metrics"] for s in (found, once))
    assert own["accuracy"] == pytest.approx(same["accuracy"])
    for metric in ("log loss", "Brier score"):
        assert own[metric] == pytest.approx(same[metric])
    assert found["paired"]["low"] == pytest.approx(once["paired"]["low"])
    alone = scores_section(
        truth, ("ours", p), ("theirs", other), constant[:300], 0, "pictures", np.arange(300)
    )
    assert alone == once
