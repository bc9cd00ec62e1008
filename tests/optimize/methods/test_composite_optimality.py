"""Proofs under bounds or a penalty: what they say, and that they can say no."""

import math

import torch

from fivefold.optimize.methods.bounds import Box
from fivefold.optimize.methods.composite_optimality import certify_fall, certify_fixed_point
from fivefold.optimize.methods.l1_penalty import L1Penalty


def test_a_fixed_point_can_fail():
    assert certify_fixed_point(1.0, 1e-3, 1e-8).verdict == "no"
    assert certify_fixed_point(math.nan, 1e-9, 1e-8).verdict == "no"
    assert certify_fixed_point(1.0, 1e-9, 1e-8).verdict == "yes"


def test_the_fall_bounds_a_known_distance_in_a_box():
    box = Box(torch.zeros(2).double(), torch.ones(2).double())
    d, c = torch.tensor([1.0, 4.0]).double(), torch.tensor([2.0, 0.5]).double()
    w = torch.tensor([0.9, 0.6]).double()
    gap = float((0.5 * d * (w - c) ** 2).sum() - (0.5 * d * (box.project(c) - c) ** 2).sum())
    convex, strong = (certify_fall(box, w, d * (w - c), m) for m in (0.0, 1.0))
    assert gap <= strong.bound <= convex.bound
    assert convex.verdict == strong.verdict == "yes"


def test_what_is_not_known_to_be_convex_is_unknown():
    box = Box(torch.zeros(1), torch.ones(1))
    assert certify_fall(box, torch.zeros(1), torch.ones(1), None).verdict == "unknown"


def test_a_direction_without_end_is_unknown():
    found = certify_fall(L1Penalty(torch.ones(1)), torch.zeros(1), torch.full((1,), 2.0), 0.0)
    assert found.verdict == "unknown"
    assert "unbounded" in found.method
