"""The search along a curve of negative curvature."""

import torch

from fivefold.optimize.methods.curvilinear_search import search_curve


def double_well(w):
    return (w[:, 0] ** 4 / 4 - w[:, 0] ** 2 / 2) + w[:, 1] ** 2, torch.stack(
        [w[:, 0] ** 3 - w[:, 0], 2 * w[:, 1]], -1
    )


def search(fn, w, s, d, bend):
    w, s, d = (torch.tensor(each).double() for each in (w, s, d))
    return search_curve(fn, w, *fn(w), descent=s, bend=d, curvature=torch.tensor(bend).double())


def test_both_parts_of_the_curve_are_used():
    end = search(double_well, [[0.1, 2.0]], [[0.0, -2.0]], [[0.8, 0.0]], [-0.6])
    torch.testing.assert_close(end.w, torch.tensor([[0.9, 0.0]]).double())
    assert end.found.tolist() == [True]
    assert end.step.tolist() == [1.0]


def test_too_short_a_direction_is_lengthened_and_too_long_a_one_halved():
    end = search(
        double_well, [[0.0, 0.0]] * 2, [[0.0, 0.0]] * 2, [[0.01, 0.0], [50.0, 0.0]], [-1e-4, -2500.0]
    )
    assert bool((end.w[:, 0] > 0.5).all())
    assert bool((end.w[:, 0] < 1.5).all())
    assert bool((end.value < -0.1).all())


def test_a_fall_without_end_is_said():
    end = search(lambda w: (-(w**2).sum(-1), -2 * w), [[1.0, 1.0]], [[0.0, 0.0]], [[1.0, 0.0]], [-2.0])
    assert end.unbounded.tolist() == [True]
    end = search(
        lambda w: (-1 / (w[:, 0] - 2).abs(), w * 0 - 1), [[1.0, 1.0]], [[0.0, 0.0]], [[1.0, 0.0]], [-1.0]
    )
    assert end.unbounded.tolist() == [True]


def test_what_promises_nothing_or_keeps_nothing_is_not_followed():
    # a curvature that is not negative; then one that is claimed but not there
    end = search(double_well, [[0.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]], [1.0])
    assert (end.step.tolist(), end.evaluations) == ([0.0], 0)
    end = search(lambda w: ((w**2).sum(-1), 2 * w), [[0.0, 1.0]], [[0.0, 0.0]], [[1.0, 0.0]], [-2.0])
    assert end.step.tolist() == [0.0]
    assert end.w.tolist() == [[0.0, 1.0]]


def test_a_border_is_not_crossed():
    def fn(w):
        inside = w[:, 0] < 0.3
        value, gradient = double_well(w)
        return torch.where(inside, value, torch.nan), gradient

    end = search(fn, [[0.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]], [-1.0])
    assert 0 < float(end.w[0, 0]) < 0.3
