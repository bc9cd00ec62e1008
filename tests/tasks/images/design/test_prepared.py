"""Pictures: parted by class, normalised, and batched by updates instead of passes."""

from collections import Counter

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.design.prepared import PictureStream, Stretches, normalise, prepare


def data(n=90, classes=3, channels=2):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (n, channels, 5, 4), dtype=np.uint8)
    pictures[:, 0, 0, 0] = np.arange(n)
    return pictures, np.arange(n) % classes


def test_a_share_of_each_class_is_held_apart_and_nothing_is_lost():
    pictures, labels = data()
    made = prepare(pictures, labels, 0.2, seed=1)
    assert Counter(made.held_labels.tolist()) == {0: 6, 1: 6, 2: 6}
    held = (made.held[:, 0, 0, 0] * made.std[0] + made.mean[0]) * 255
    both = sorted([*made.pictures[:, 0, 0, 0].tolist(), *held.round().int().tolist()])
    assert both == list(range(90))
    rows = made.pictures[:, 0, 0, 0].long()
    assert torch.equal(made.labels, rows % 3)
    assert not torch.equal(made.held, prepare(pictures, labels, 0.2, seed=2).held)


def test_normalised_training_pictures_have_mean_0_and_deviation_1():
    made = prepare(*data(), 0.2)
    X = made.normalised(torch.arange(len(made.labels))).double()
    torch.testing.assert_close(X.mean((0, 2, 3)), torch.zeros(2, dtype=torch.double), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        X.var((0, 2, 3), correction=0), torch.ones(2, dtype=torch.double), atol=1e-5, rtol=0
    )


def test_a_constant_channel_is_centred_and_left():
    pictures, labels = data()
    pictures[:, 1] = 51
    made = prepare(pictures, labels, 0.2)
    assert made.std[1] == pytest.approx(1 / 255)
    assert made.held[:, 1].abs().max() < 1e-4


def test_pictures_held_apart_already_are_taken_as_they_are():
    pictures, labels = data()
    made = prepare(pictures[:60], labels[:60], (pictures[60:], labels[60:]))
    assert len(made.labels) == 60
    torch.testing.assert_close(made.held, normalise(torch.from_numpy(pictures[60:]), made.mean, made.std))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda X, y: (X.astype(np.float32), y), "uint8"),
        (lambda X, y: (X[0], y), "N, C, H, W"),
        (lambda X, y: (X[:0], y[:0]), "none of them 0"),
        (lambda X, y: (X, y[:-1]), "whole numbers"),
        (lambda X, y: (X, y.astype(float)), "whole numbers"),
        (lambda X, y: (X, y - 1), "labels of at least 0"),
        (lambda X, y: (X, y * 0), "at least 2 classes"),
        (lambda X, y: (X, np.where(y == 2, 5, y)), "pictures of class 2"),
    ],
)
def test_data_that_cannot_be_searched_on_are_named(change, said):
    with pytest.raises(DataError, match=said):
        prepare(*change(*data()), 0.2)


def test_validation_data_that_do_not_fit_are_named():
    pictures, labels = data()
    with pytest.raises(DataError, match="validation pictures of shape"):
        prepare(pictures, labels, (pictures[:, :1], labels))
    with pytest.raises(DataError, match="validation labels below 3"):
        prepare(pictures, labels, (pictures, labels + 1))
    with pytest.raises(ArgumentError, match="share"):
        prepare(pictures, labels, 1.0)


def test_the_stream_gives_rows_as_they_are_asked_for():
    made = prepare(*data(), 0.2)
    stream = PictureStream(made)
    X, y = stream.__getitems__(torch.tensor([4, 0, 4]))
    assert torch.equal(X, made.normalised(torch.tensor([4, 0, 4])))
    assert torch.equal(y, made.labels[[4, 0, 4]])
    assert torch.equal(stream[4][0], X[0])
    assert len(stream) == len(made.labels)


@pytest.mark.parametrize(("rows", "size", "updates"), [(10, 3, 7), (4, 4, 5), (5, 8, 6)])
def test_every_pass_holds_every_row_once_whatever_the_batches(rows, size, updates):
    batches = Stretches(rows, size, updates, seed=3)
    found = []
    for stretch in range(4):
        batches.stretch = stretch
        made = list(batches)
        assert len(made) == len(batches) == updates
        assert all(len(batch) == size for batch in made)
        found += torch.cat(made).tolist()
    passes = [found[i : i + rows] for i in range(0, len(found) - rows + 1, rows)]
    assert len(passes) >= 2
    assert all(sorted(one) == list(range(rows)) for one in passes)
    assert len({tuple(one) for one in passes}) > 1


def test_stretches_do_not_depend_on_the_batches_before():
    one, other = (Stretches(10, 3, 7, seed=3) for _ in range(2))
    one.stretch = other.stretch = 2
    list(one)
    assert torch.equal(torch.cat(list(one)), torch.cat(list(other)))
    third = Stretches(10, 3, 7, seed=4)
    assert not torch.equal(torch.cat(list(third)), torch.cat(list(Stretches(10, 3, 7, seed=3))))


def test_pictures_of_one_group_are_held_apart_together():
    pictures, labels = data()
    groups = np.arange(90) // 6  # of six pictures, two of each class
    made = prepare(pictures, labels, 0.2, seed=1, groups=groups)
    held = ((made.held[:, 0, 0, 0] * made.std[0] + made.mean[0]) * 255).round().long().numpy()
    assert not set(groups[held]) & set(groups[made.pictures[:, 0, 0, 0].numpy()])
    assert set(labels[held]) == {0, 1, 2}
    assert 12 <= len(held) <= 24


def test_a_class_of_one_group_trains_and_is_not_judged():
    pictures, labels = data()
    groups = np.where(labels == 1, 0, np.arange(90) + 1)
    made = prepare(pictures, labels, 0.2, groups=groups)
    assert set(made.held_labels.tolist()) == {0, 2}
    assert int((made.labels == 1).sum()) == 30
    with pytest.raises(DataError, match="pictures to judge by; got copies of one picture in every class"):
        prepare(pictures, labels, 0.2, groups=labels)
    with pytest.raises(ArgumentError, match=r"groups \[90\]"):
        prepare(pictures, labels, 0.2, groups=labels[:5])
