"""NIST's eleven certified regressions: digits that come out, and digits that the certificate promises.

The truth is the solution of the normal equations in rational arithmetic of the decimals in the files; it is
held against NIST's 15 certified digits first.
"""

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fivefold.core import Status
from fivefold.linalg import lstsq, lstsq_batches, polynomial_design

_spec = importlib.util.spec_from_file_location("nist_data", Path(__file__).with_name("nist_data.py"))
nist = importlib.util.module_from_spec(_spec)
sys.modules["nist_data"] = nist
_spec.loader.exec_module(nist)


@pytest.fixture(scope="module", params=nist.NAMES)
def case(request):
    reference = nist.read(request.param)
    return reference, reference.exact()


def promised(fit):
    return np.minimum(16.0, -np.log10(fit.error_bound / np.abs(fit.x)))


def reached(fit, exact):
    return np.array([nist.digits(x, truth) for x, truth in zip(fit.x.tolist(), exact, strict=True)])


def test_there_are_eleven_and_the_rational_solution_has_the_certified_digits(case):
    assert len(nist.NAMES) == 11
    reference, exact = case
    assert len(reference.certified) == len(exact)
    for printed, truth in zip(reference.certified, exact, strict=True):
        # 15 digits are printed; NIST's own last digit is off by up to four units in Filip.
        assert abs(Fraction(printed) / truth - 1) < Fraction(6, 10**15)


def test_digits_and_promises(case):
    reference, exact = case
    hard = reference.name == "Filip"
    designs = {"rounded": reference.rounded}
    if reference.degree is not None:
        designs["doubled"] = polynomial_design(reference.variable, reference.degree)
    for kind, X in designs.items():
        fit = lstsq(X, reference.target)
        right, promise = reached(fit, exact), promised(fit)
        assert right.min() >= (7 if hard and kind == "rounded" else 9), kind
        # Hardly any method has more digits than these: the data themselves are rounded.
        assert right.min() >= (7 if hard and kind == "rounded" else 13), kind
        assert (promise <= right).all(), kind
        assert promise.min() >= right.min() - 3, kind
        assert fit.status is Status.CONVERGED
        assert [c.verdict for c in fit.certificates] == ["yes"] * 3
        assert (fit.input_error <= fit.error_bound).all()


def test_numpy_has_no_digit_of_filip_and_its_rank_is_shown():
    reference = nist.read("Filip")
    exact = reference.exact()
    plain = np.linalg.lstsq(reference.rounded, reference.target)[0]
    assert min(nist.digits(x, truth) for x, truth in zip(plain.tolist(), exact, strict=True)) < 1
    fit = lstsq(reference.rounded, reference.target)
    assert fit.rank == 11
    assert list(fit.ranks.values()) == [10]
    assert "columns as they are" in next(iter(fit.ranks))
    assert "rank 10 with columns as they are" in fit.certificates[0].method


def test_rounding_of_the_input_is_told_apart():
    wampler, filip = nist.read("Wampler5"), nist.read("Filip")
    assert lstsq(wampler.rounded, wampler.target).input_error.max() == 0  # whole numbers
    rounded = lstsq(filip.rounded, filip.target)
    doubled = lstsq(polynomial_design(filip.variable, 10), filip.target)
    assert (rounded.input_error > 1e6 * (rounded.error_bound - rounded.input_error)).all()
    assert (doubled.input_error < 1e-5 * rounded.input_error).all()


def test_a_bound_without_the_rounding_of_the_input_would_promise_too_much():
    reference = nist.read("Filip")
    fit = lstsq(reference.rounded, reference.target)
    own = np.minimum(16.0, -np.log10((fit.error_bound - fit.input_error) / np.abs(fit.x)))
    assert (own > reached(fit, reference.exact())).all()  # the test of promises can fail


@pytest.mark.parametrize("name", [name for name in nist.NAMES if name != "Filip"])
@pytest.mark.parametrize("method", ["auto", "tsqr"])
def test_batches_keep_their_promises_as_well(name, method):
    reference = nist.read(name)
    X, y = reference.rounded, reference.target
    fit = lstsq_batches([(X[:2], y[:2]), (X[2:], y[2:])], method=method)
    right = reached(fit, reference.exact())
    assert (promised(fit) <= right + 1e-9).all()
    assert fit.digits > 3
    assert fit.status is Status.CONVERGED


def test_filip_in_batches_says_how_little_is_known():
    reference = nist.read("Filip")
    fit = lstsq_batches([(reference.rounded, reference.target)])
    assert fit.method == "tsqr"
    assert "too large to be squared" in fit.message
    assert (promised(fit) <= reached(fit, reference.exact())).all()
