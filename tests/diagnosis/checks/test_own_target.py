"""Columns that hold the target of their own example."""

import numpy as np
import pytest
import torch

from fivefold.diagnosis.checks.own_target import check_own_target
from fivefold.diagnosis.observation.record import Record, Rows


def table(
    seed: int, *, own: bool, classes: bool = False, beside: bool = True, rows: int = 1200
) -> tuple[Record, np.ndarray]:
    """Rows with a name, two numbers and the mean target of the name, the row itself in it or not; and how
    often each row's name occurs.
    """
    rng = np.random.default_rng(seed)
    name = rng.zipf(1.6, size=rows) % 100_000
    numbers = rng.normal(size=(rows, 2))
    worth = np.random.default_rng(9).normal(size=100_000)[name]
    y = numbers[:, 0] + worth + rng.normal(size=rows)
    y = (y > 0).astype(float) if classes else y
    _, place, counts = np.unique(name, return_inverse=True, return_counts=True)
    sums, n = np.bincount(place, y)[place], counts[place]
    if not own:
        sums, n = sums - y, n - 1
    mean = (sums + y.mean()) / (n + 1)
    mean = (mean - mean.mean()) / mean.std()
    kept = torch.tensor(np.column_stack([numbers, mean]), dtype=torch.float32)
    names, target = torch.tensor(name)[:, None], torch.tensor(y, dtype=torch.float32)
    if beside:
        seen = Rows([names], [target], [0], [False], [[kept]])
    else:
        seen = Rows([torch.cat([names.float(), kept], 1)], [target], [0], [True], [[]])
    return Record(training_rows=seen), counts[place]


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("beside", [False, True])
def test_a_mean_of_targets_with_the_own_one_and_without(classes: bool, beside: bool) -> None:
    for seed in range(4):
        assert check_own_target(table(seed, own=False, classes=classes, beside=beside)[0]) == []
        record, counts = table(seed, own=True, classes=classes, beside=beside)
        (found,) = check_own_target(record)
        assert (found.code, found.confidence) == ("data.leak", "high")
        assert found.title.startswith("input column 3 ")
        assert f"of {(counts == 1).sum()} training examples" in found.evidence
        assert found.picture.curves["share"][0][1] > found.picture.level[0]


def test_measured_columns_beside_rare_values() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.column_stack([rng.poisson(30, 600) ** 2, rng.normal(size=(600, 6)).round(2)])
        y = x @ rng.normal(size=7) / 100 + 0.1 * rng.normal(size=600)
        rows = Rows([torch.tensor(x)], [torch.tensor(y)], [0], [True], [[]])
        assert check_own_target(Record(training_rows=rows)) == []


@pytest.mark.parametrize("classes", [False, True])
def test_half_of_the_training_set_that_was_kept(classes: bool) -> None:
    for own in (False, True):
        seen = table(1, own=own, classes=classes, rows=2400)[0].training_rows
        half = np.random.default_rng(0).permutation(2400)[:1200]
        seen.inputs, seen.targets = [seen.inputs[0][half]], [seen.targets[0][half]]
        seen.beside = [[seen.beside[0][0][half]]]
        assert len(check_own_target(Record(training_rows=seen))) == own


def test_numbers_and_targets_that_are_mostly_one() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        some = rng.random((800, 2)) < 0.3
        name = rng.zipf(1.6, size=800) % 100_000
        x = np.column_stack([name, np.where(some[:, 0], rng.normal(size=800), 0.0)])
        for y in (np.where(some[:, 1], rng.normal(size=800), 0.0), some[:, 1], some[:, 0]):
            target = torch.tensor(y.astype(float))
            assert (
                check_own_target(Record(training_rows=Rows([torch.tensor(x)], [target], [0], [True], [[]])))
                == []
            )


def test_where_the_inputs_are_not_known_whole() -> None:
    record, _ = table(0, own=True)
    record.training_rows.beside = [None]
    assert check_own_target(record) == []
    assert check_own_target(Record()) == []
