"""Categories that are numbered apart in training and in evaluation."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency

from fivefold.diagnosis.checks.codes import category_tells, check_codes, shares_differ
from fivefold.diagnosis.observation.record import Record, Rows

EFFECT = np.array([3.0, -2.0, 0.5, -1.0, 2.0, 0.0])
SHARE = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])


def table(n: int, seed: int, *, codes: np.ndarray | None = None, share: np.ndarray = SHARE):
    rng = np.random.default_rng(seed)
    c = rng.choice(6, size=(n, 2), p=share)
    x = rng.normal(size=(n, 3))
    y = EFFECT[c[:, 0]] + 0.5 * EFFECT[c[:, 1]] + x[:, 0] + 0.3 * rng.normal(size=n)
    return x, c if codes is None else codes[c], y


def rows(x: np.ndarray, c: np.ndarray, y: np.ndarray, *, first: str = "numbers") -> Rows:
    numbers, codes = torch.tensor(x, dtype=torch.float32), torch.tensor(c)
    inputs, beside = (numbers, [codes]) if first == "numbers" else (codes, [numbers])
    return Rows([inputs], [torch.tensor(y)], [0], [False], [beside])


def found(held: Rows, *, first: str = "numbers") -> list[str]:
    record = Record(count=9, training_rows=rows(*table(600, 0), first=first), evaluation_rows=held)
    told = check_codes(record)
    for f in told:
        (_, own), (_, other) = f.picture.curves["share of the targets' variance"]
        assert f"explains {own:.0%} of" in f.evidence
        assert f"({other:.0%})" in f.evidence
        assert other < f.picture.level[0] < own
    return [f"{f.code} {f.confidence}" for f in told]


@pytest.mark.parametrize("first", ["numbers", "codes"])
def test_sides_that_were_encoded_on_their_own(first: str) -> None:
    apart = np.array([5, 3, 4, 0, 1, 2])
    assert found(rows(*table(300, 1, codes=apart), first=first), first=first) == ["data.preparation high"]
    assert found(rows(*table(300, 1), first=first), first=first) == []


def test_another_population_is_no_other_encoding() -> None:
    assert found(rows(*table(300, 1, share=SHARE[::-1]))) == []


def test_other_targets_by_category_are_no_other_encoding() -> None:
    x, c, y = table(300, 1)
    assert found(rows(x, c, -y)) == []


def test_false_alarms_are_rare() -> None:
    assert sum(bool(found(rows(*table(200, seed)))) for seed in range(2, 42)) == 0


@pytest.mark.parametrize(
    ("codes", "share", "expected"),
    [
        (np.array([5, 3, 4, 0, 1, 2]), SHARE, ["medium"]),
        (np.arange(6), SHARE, []),
        (np.arange(6), np.full(6, 1 / 6), []),  # another population
        (np.arange(6, 12), SHARE, []),  # other categories
    ],
)
def test_shares_alone_tell_where_targets_are_not_seen(codes, share, expected: list[str]) -> None:
    held = rows(*table(900, 1, codes=codes, share=share))
    held.targets = [None]
    record = Record(training_rows=rows(*table(900, 0)), evaluation_rows=held)
    told = check_codes(record)
    assert [f.confidence for f in told] == expected
    for f in told:
        assert f"({f.picture.curves['share'][1][1]:.0%} of the chi-square)" in f.evidence


def test_classes() -> None:
    apart = np.array([5, 3, 4, 0, 1, 2])
    x, c, y = table(600, 0)
    e, d, z = table(400, 1, codes=apart)
    cut = [np.digitize(t, [-1.0, 1.0]) for t in (y, z)]
    record = Record(training_rows=rows(x, c, cut[0]), evaluation_rows=rows(e, d, cut[1]))
    assert [f.code for f in check_codes(record)] == ["data.preparation"]


def test_the_statistics_beside_others() -> None:
    c, d = table(500, 3)[1][:, 0], table(300, 4, share=SHARE[::-1])[1][:, 0]
    both = np.stack([np.bincount(c, minlength=6), np.bincount(d, minlength=6)])
    other = chi2_contingency(both, correction=False)
    assert shares_differ(c, d) == pytest.approx((other.pvalue, other.statistic), rel=1e-9)
    _, codes, y = table(4000, 5)
    told, error, held = category_tells(codes[:, 0], y[:, None], codes[:, 0], y[:, None])
    # The share of the variance between categories, from the formula of an analysis of variance.
    between = sum((y[codes[:, 0] == k].mean() - y.mean()) ** 2 * (codes[:, 0] == k).mean() for k in range(6))
    assert told == pytest.approx(between / y.var(), abs=0.02)
    assert 0 < error < 0.03
    assert held == pytest.approx(told, abs=0.03)
