"""Forecasts follow theory: what grows with what, and what does not fit is left out."""

from dataclasses import replace

import pytest

from fivefold.optimize.advice.features import Features
from fivefold.optimize.advice.forecast import forecasts, gradient_seconds, hessian_seconds
from fivefold.optimize.methods.registry import METHODS

PLAIN = Features("function", 20, None, 1, False, None, False, True, "cpu", 10**10)


def by_name(found):
    return {each.method: each for each in forecasts(found)}


def test_every_forecast_is_of_a_method_and_cheapest_first():
    found = forecasts(PLAIN)
    assert {each.method for each in found} <= set(METHODS)
    assert [each.seconds for each in found] == sorted(each.seconds for each in found)
    assert all(each.gradients > 0 and each.bytes > 0 and each.reason for each in found)


def test_first_order_methods_pay_for_the_condition():
    good, bad = (by_name(replace(PLAIN, condition=kappa)) for kappa in (100.0, 10_000.0))
    assert bad["nesterov"].steps == pytest.approx(10 * good["nesterov"].steps)
    assert bad["gradient-descent"].steps == pytest.approx(100 * good["gradient-descent"].steps)
    assert bad["newton"].steps == good["newton"].steps


def test_convex_problems_take_fewer_newton_steps_and_no_trust_region():
    convex = by_name(replace(PLAIN, convex=True))
    assert convex["newton"].steps < by_name(PLAIN)["newton"].steps
    assert "trust-region" not in convex


def test_what_does_not_fit_in_memory_is_left_out():
    small = by_name(replace(PLAIN, parameters=1500, free_bytes=10_000_000))
    assert not {"newton", "bfgs"} & set(small)
    assert "lbfgs" in small
    assert "newton" in by_name(replace(PLAIN, parameters=1500, free_bytes=None))
    assert "newton" not in by_name(replace(PLAIN, parameters=5000))


def test_measured_seconds_count():
    slow = replace(PLAIN, gradient_seconds=1.0, product_seconds=2.0)
    assert gradient_seconds(slow) == 1.0
    assert hessian_seconds(slow) == pytest.approx(40.0, rel=0.01)
    box = replace(slow, kind="black box", products=False)
    assert "newton-cg" not in by_name(box)
    assert hessian_seconds(box) == 40.0


@pytest.mark.parametrize(
    ("features", "method"),
    [
        (replace(PLAIN, kind="least squares", rows=40), "levenberg-marquardt"),
        (replace(PLAIN, kind="linear model", rows=10**5, sampled=True, convex=True), "sampled-newton"),
        (replace(PLAIN, kind="linear model", rows=500, convex=True), "newton"),
        (
            replace(PLAIN, kind="linear model", rows=10**5, sampled=True, convex=True, quadratic=True),
            "newton",
        ),
        (
            replace(PLAIN, kind="linear model", rows=1800, parameters=650, outputs=10, convex=True),
            "newton-cg",
        ),
        (replace(PLAIN, kind="network", rows=500, parameters=5000), "lbfgs"),
        (replace(PLAIN, kind="black box", products=False), "bfgs"),
        (replace(PLAIN, parameters=10**6), "lbfgs"),
    ],
)
def test_the_cheapest(features, method):
    assert forecasts(features)[0].method == method
