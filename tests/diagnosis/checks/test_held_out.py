"""Held-out examples that are not held out, or prepared in another way."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.held_out import _error_of_correlation, check_leak, check_telling_column
from fivefold.diagnosis.observation.record import Record


def test_shared_examples(watched, digits, network) -> None:
    x, y = digits
    record = watched(network(64, 16, 10), x, y, steps=20, held_out=(x[:300], y[:300]))
    (found,) = check_leak(record)
    assert found.code == "data.leak"
    equal, of = (int(word) for word in found.evidence.split()[:3:2])
    assert found.picture.curves["share"] == ((0.0, equal / of),)
    assert found.picture.level[0] < equal / of
    apart = watched(network(64, 16, 10), x[:1400], y[:1400], steps=20, held_out=(x[1400:], y[1400:]))
    assert check_leak(apart) == []


def test_a_column_made_from_the_target(watched, network) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 4, generator=generator)
    y = x[:, :1] + torch.randn(600, 1, generator=generator)

    def found(column: torch.Tensor) -> list:
        z = torch.cat([x, column], 1)
        model = network(5, 8, 1)
        return check_telling_column(watched(model, z, y, loss=functional.mse_loss, steps=20))

    assert found(y * 3)[0].code == "data.leak"
    assert found(y * 3)[0].picture.names[0] == "column 4"
    assert found(y * 3)[0].picture.curves["size of the correlation"][0][1] == pytest.approx(1.0)
    assert "column 4" in found(y * 3)[0].title
    assert found(torch.randn(600, 1, generator=generator)) == []
    assert found(y + torch.randn(600, 1, generator=generator)) == []  # a good predictor, no copy


def test_a_column_that_tells_in_training_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    record = Record()
    for rows, told in ((record.training_rows, 1.0), (record.evaluation_rows, 0.0)):
        x = torch.randn(300, 3, generator=generator)
        y = x[:, 0] + torch.randn(300, generator=generator)
        x[:, 2] += told * y
        rows.inputs, rows.targets, rows.steps = [x], [y], [0]
    (found,) = check_telling_column(record)
    assert "input column 2" in found.title
    own, other = (points[0][1] for points in found.picture.curves.values())
    assert f"{own:.2f} in training and" in found.evidence
    assert other < 0.3 < own
    record.training_rows.inputs[0][:, 2] = torch.randn(300, generator=generator)
    assert check_telling_column(record) == []


def test_tokens_that_come_one_by_one_are_no_leak() -> None:
    record = Record()
    for rows in (record.training_rows, record.evaluation_rows):
        rows.inputs, rows.targets, rows.steps = [torch.randint(50, (400,))], [None], [0]
    assert check_leak(record) == []


def record(x: torch.Tensor, blocks: list[torch.Tensor]) -> Record:
    """Training rows that were drawn twice each, and batches of an evaluation."""
    out = Record()
    out.training_rows.inputs, out.training_rows.targets, out.training_rows.steps = [x, x], [None] * 2, [0, 1]
    out.evaluation_rows.inputs = blocks
    out.evaluation_rows.targets, out.evaluation_rows.steps = [None] * len(blocks), [1] * len(blocks)
    return out


def test_which_overlaps_are_meant(digits) -> None:
    x = digits[0]
    train, held = x[:600], x[1000:1400]
    assert (
        check_leak(record(train, [train, held])) == []
    )  # training accuracy beside that on held-out examples
    assert check_leak(record(train, [train, held[:32]])) == []  # of which few were kept
    partly = [torch.cat([train[40 * i : 40 * i + 8], held[40 * i : 40 * i + 32]]) for i in range(10)]
    assert [f.confidence for f in check_leak(record(train, partly))] == ["high"]
    assert [f.confidence for f in check_leak(record(train, [x[:600]]))] == [
        "medium"
    ]  # no held-out set at all
    assert check_leak(record(train, [x[:600]]))[0].picture.curves["share"][1] == (1.0, 1.0)
    assert [f.confidence for f in check_leak(record(train, [train[:200]]))] == ["high"]
    table = torch.randint(3, (600, 3)).float()  # a few columns of few values repeat by nature
    assert check_leak(record(table[:300], [table[300:]])) == []


def test_windows_and_copies_with_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    series = torch.randn(3000, generator=generator).cumsum(0).unfold(0, 40, 7)
    order = torch.randperm(len(series), generator=generator)
    found = check_leak(record(series[order[:300]], [series[order[300:]]]))
    assert "overlap" in found[0].title
    quarter, half = (y for _, y in found[0].picture.curves["share"])
    assert found[0].evidence.startswith(f"{quarter:.0%} of")
    assert f"{half:.0%} one of half" in found[0].evidence
    assert half > found[0].picture.level[0]
    assert check_leak(record(series[:300], [series[310:]])) == []
    x = torch.randn(300, 8, generator=generator)
    near = x[:100] + 0.001 * torch.randn(100, 8, generator=generator)
    (found,) = check_leak(record(x, [near]))
    assert "nearly" in found.title
    assert found.evidence.startswith(f"{found.picture.curves['share'][0][1]:.0%} of")
    assert check_leak(record(x, [torch.randn(100, 8, generator=generator)])) == []


def told(x: torch.Tensor, y: torch.Tensor, others: torch.Tensor, labels: torch.Tensor) -> Record:
    out = Record()
    for rows, inputs, targets in ((out.training_rows, x, y), (out.evaluation_rows, others, labels)):
        rows.inputs, rows.targets, rows.steps = [inputs], [targets], [0]
    return out


def test_columns_that_are_labels_or_several_targets() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 6, generator=generator)
    y = (x[:, 0] + torch.randn(400, generator=generator) > 0).long()
    leaked = torch.cat([x, 2.0 * y[:, None] - 1], 1)
    assert "column 6" in check_telling_column(told(leaked[:300], y[:300], leaked[300:], y[300:]))[0].title
    assert check_telling_column(told(x[:300], y[:300], x[300:], y[300:])) == []
    targets = x[:, :2] + 0.5 * torch.randn(400, 2, generator=generator)
    both = torch.cat([x, targets], 1)
    found = check_telling_column(told(both[:300], targets[:300], both[300:], targets[300:]))
    assert "2 of 2 target columns" in found[0].evidence
    assert check_telling_column(told(x[:300], x[:300], x[300:], x[300:])) == []  # an autoencoder


@pytest.mark.parametrize("shifted", [True, False])
def test_targets_of_the_example_before_are_no_leak(shifted: bool) -> None:
    """Classes that take turns: a column holds the class before, which is the target of the row before."""
    generator = np.random.default_rng(0)
    turns = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    chain = [0]
    for _ in range(1200):
        chain.append(int(generator.choice(3, p=turns[chain[-1]])))
    y = torch.tensor(chain)
    noise = torch.randn(1200, 5, generator=torch.Generator().manual_seed(0))
    x = torch.cat([functional.one_hot(y[:-1], 3).float(), noise], 1)
    given = y[:700] if shifted else y[1:701]
    found = check_telling_column(told(x[:700], given, x[700:], y[701:]))
    assert found == []


def test_columns_in_another_order_are_no_telling_column() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(800, 10, generator=generator)
    y = x[:, 0] + x[:, 1] + x[:, 2] + 0.5 * torch.randn(800, generator=generator)
    assert check_telling_column(told(x[:400], y[:400], x[400:].flip(1), y[400:])) == []


def test_series_so_smooth_that_the_last_value_is_nearly_the_next() -> None:
    wave = torch.sin(0.03 * torch.arange(900.0)).unfold(0, 13, 1)
    assert (
        check_telling_column(told(wave[:500, :12], wave[:500, 12:], wave[600:, :12], wave[600:, 12:])) == []
    )
    found = check_telling_column(told(wave[:500], wave[:500, 12:], wave[600:], wave[600:, 12:]))
    assert found[0].confidence == "high"


def test_the_error_of_a_correlation_is_that_of_its_repetitions() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_t(6, size=(400, 500))
    y = 0.5 * x + generator.normal(size=x.shape) * (1 + np.abs(x))
    found = [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(500)]
    said = [_error_of_correlation(x[:, k], y[:, k]) for k in range(500)]
    assert abs(np.median(said) / np.std(found) - 1) < 0.15
    # Fisher's error for normal columns would be too small here.
    assert np.std(found) > 1.2 * (1 - np.mean(found) ** 2) / 20


def test_a_column_of_a_few_examples_tells_nothing() -> None:
    x = np.zeros(300)
    x[:20] = 1.0
    assert _error_of_correlation(x, np.arange(300.0)) == math.inf
    assert _error_of_correlation(np.ones(300), np.arange(300.0)) == math.inf


@pytest.mark.parametrize("leaks", [True, False])
def test_a_telling_column_beside_names(leaks: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    names = torch.randint(5, (1200, 2), generator=generator)
    x = torch.randn(1200, 4, generator=generator)
    y = (x[:, 0] + 0.5 * (names[:, 0] - 2) + torch.randn(1200, generator=generator) > 0).long()
    x[:, 3] = x[:, 0] + (2.0 * y if leaks else 0.0) + x[:, 3]
    x[800:, 3] -= 2.0 * y[800:] if leaks else 0.0
    record = told(names[:800], y[:800], names[800:], y[800:])
    for rows, part in ((record.training_rows, x[:800]), (record.evaluation_rows, x[800:])):
        rows.alone, rows.beside = [False], [[part]]
    assert [f.code for f in check_telling_column(record)] == (["data.leak"] if leaks else [])
