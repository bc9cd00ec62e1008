from itertools import pairwise

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError, Status
from fivefold.linalg import DataMatrix, lstsq, lstsq_batches

RNG = np.random.default_rng(6)
X = RNG.standard_normal((3000, 6)) @ (np.eye(6) + 0.5 * RNG.standard_normal((6, 6))) + 40
Y = X @ RNG.standard_normal((6, 2)) + RNG.standard_normal((3000, 2)) - 7


def cut(X, y, sizes=(5, 2500, 495)):
    edges = np.cumsum((0, *sizes))
    return [(X[a:b], y[a:b]) for a, b in pairwise(edges)]


def reference(X, y, intercept, penalty=0.0):
    X, y = np.asarray(X, np.longdouble), np.asarray(y, np.longdouble)
    means = (X.mean(0), y.mean(0)) if intercept else (0 * X[0], 0 * y[0])
    Xc, yc = X - means[0], y - means[1]
    A, b = Xc.T @ Xc + penalty * np.eye(X.shape[1]), Xc.T @ yc
    x = np.linalg.solve(A.astype(float), b.astype(float)).astype(np.longdouble)
    for _ in range(3):  # refined in extended precision
        x = x + np.linalg.solve(A.astype(float), (b - A @ x).astype(float))
    return x, means[1] - means[0] @ x


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("method", ["gram", "tsqr"])
@pytest.mark.parametrize("penalty", [0.0, 300.0])
def test_against_extended_precision(intercept, method, penalty):
    fit = lstsq_batches(cut(X, Y), intercept=intercept, method=method, penalty=penalty)
    x, b = reference(X, Y, intercept, penalty)
    error = np.abs(fit.x - x)
    assert error.max() < 1e-12 * np.abs(x).max()
    assert (error <= fit.error_bound).all()
    assert np.allclose(fit.intercept, b.astype(float), rtol=1e-10, atol=1e-10)
    residual = np.linalg.norm(Y - X @ fit.x - fit.intercept, axis=0)
    if penalty == 0:
        assert np.allclose(fit.residual_norm, residual, rtol=1e-9)
    assert fit.digits > 9
    assert fit.rows == 3000
    assert fit.method == method
    assert fit.status is Status.CONVERGED
    assert [c.verdict for c in fit.certificates] == ["yes"] * 3


def test_batches_do_not_matter_and_vectors_stay_vectors():
    whole = lstsq_batches([(X, Y[:, 0])], intercept=True)
    parts = lstsq_batches(cut(X, Y[:, 0]), intercept=True)
    assert whole.x.shape == (6,)
    assert whole.intercept.shape == ()
    assert np.allclose(whole.x, parts.x, rtol=1e-13)
    tensors = lstsq_batches([(torch.from_numpy(X), torch.from_numpy(Y))])
    assert isinstance(tensors.x, torch.Tensor)


def test_an_iterator_is_read_once_and_refused_where_that_is_not_enough():
    once = lstsq_batches(iter(cut(X, Y)), intercept=True)
    assert once.passes == 1
    assert np.allclose(once.x, reference(X, Y, True)[0].astype(float), rtol=1e-11)
    near = np.column_stack([X, X[:, 0] + 1e-8 * X[:, 1] ** 2])
    with pytest.raises(ArgumentError, match="read again"):
        lstsq_batches(iter(cut(near, Y)))
    with pytest.raises(ArgumentError, match="condition that allows"):
        lstsq_batches(cut(near, Y), method="gram")
    qr = lstsq_batches(iter(cut(near, Y)), method="tsqr")
    assert qr.passes == 1
    both = lstsq_batches(cut(near, Y))
    assert both.method == "tsqr"
    assert 3 <= both.passes <= 5  # moments, QR, corrections
    assert "solved by QR" in both.message
    sure = lstsq(near, Y)  # doubled precision, with a bound of its own
    assert sure.digits > 3
    truth = sure.x
    assert (np.abs(both.x - truth) <= both.error_bound).all()
    assert (np.abs(qr.x - truth) <= qr.error_bound).all()


def test_float32_far_from_zero_and_over_half_a_million_rows():
    # scikit-learn's LinearRegression gets no digit right where means are a thousand spreads away.
    rng = np.random.default_rng(3)
    far = (1000 + rng.standard_normal((520_000, 8))).astype(np.float32)
    y = (far.astype(float) @ np.tile([1.0, -2.0, 0.5, 3.0], 2) + rng.standard_normal(520_000)).astype(
        np.float32
    )
    fit = lstsq_batches(cut(far, y, (200_000, 320_000)), intercept=True)
    X64 = far.astype(float) - far.astype(float).mean(0)
    truth = np.linalg.lstsq(X64, y.astype(float) - y.astype(float).mean())[0]
    assert fit.x.dtype == np.float32
    assert np.abs(fit.x - truth).max() <= 2.0**-24 * np.abs(truth).max()
    assert fit.digits > 7.2 - 0.3
    whole = lstsq(far, y)
    truth = np.linalg.lstsq(far.astype(float), y.astype(float))[0]
    assert np.abs(whole.x - truth).max() <= 2.0**-24 * np.abs(truth).max()
    assert whole.rank == 8
    assert whole.method in {"gram", "tsqr"}


def test_large_systems_in_memory_take_the_same_way(monkeypatch):
    monkeypatch.setattr("fivefold.linalg.least_squares.CHEAP", 100)
    truth = reference(X, Y, False)[0].astype(float)
    for given in (X, DataMatrix([X[:100], X[100:]]), torch.from_numpy(X)):
        fit = lstsq(given, Y if not isinstance(given, torch.Tensor) else torch.from_numpy(Y))
        assert np.allclose(fit.x, truth, rtol=1e-11)
        assert np.allclose(fit.residual, Y - X @ truth, atol=1e-9)
        assert fit.method == "gram"
        assert type(fit.x) is type(fit.residual)
    deficient = np.column_stack([X, X[:, 0]])
    fit = lstsq(deficient, Y)
    assert fit.rank == 6
    assert fit.method == "minimum-norm"
    assert fit.status is Status.ILL_POSED
    assert np.allclose(fit.x, np.linalg.pinv(deficient) @ Y, atol=1e-9)
    with pytest.raises(ArgumentError, match="full column rank"):
        lstsq(deficient, Y, method="qr")


def test_deficient_rank_in_batches_gives_the_shortest_solution():
    deficient = np.column_stack([X, X[:, 0] - 2 * X[:, 1]])
    fit = lstsq_batches(cut(deficient, Y), intercept=True)
    centred = deficient - deficient.mean(0)
    assert fit.rank == 6
    assert np.isinf(fit.condition)
    assert np.isinf(fit.error_bound).all()
    assert fit.status is Status.ILL_POSED
    assert "not unique" in fit.message
    assert np.allclose(fit.x, np.linalg.pinv(centred, rcond=1e-12) @ (Y - Y.mean(0)), atol=1e-9)
    assert fit.certificates[0].holds is False
    assert lstsq_batches(cut(deficient, Y), penalty=1.0, intercept=True).status is Status.CONVERGED


def test_the_certificate_of_digits_comes_out_false():
    near = np.column_stack([X, X[:, 0] + 3e-10 * X[:, 1] ** 2])
    fit = lstsq_batches(cut(near, Y), method="tsqr")
    assert fit.certificates[2].holds is False
    assert fit.status is Status.ILL_POSED
    assert fit.digits < 1
    assert "no digit" in fit.message


def test_more_columns_than_rows_need_a_penalty():
    wide, y = X[:4], Y[:4]
    with pytest.raises(ArgumentError, match="at least as many rows"):
        lstsq_batches([(wide, y)])
    with pytest.raises(ArgumentError, match="at least as many rows"):
        lstsq_batches([(wide, y)], method="tsqr")
    fit = lstsq_batches([(wide, y)], penalty=1e3)
    truth = wide.T @ np.linalg.solve(wide @ wide.T + 1e3 * np.eye(4), y)
    assert np.allclose(fit.x, truth, rtol=1e-9)


def test_scale_of_columns_and_targets_does_not_matter():
    units = np.array([1e-150, 1.0, 1e150, 1e-3, 1e5, 1.0])
    base = lstsq_batches(cut(X, Y), intercept=True)
    scaled = lstsq_batches(cut(X * units, 1e-120 * Y), intercept=True)
    assert np.allclose(scaled.x * 1e120 * units[:, None], base.x, rtol=1e-11)


def changing():
    sizes = iter((3000, 2999))

    def read():
        n = next(sizes)
        yield X[:n] * [1, 1, 1, 1, 1, 0] + 1e-9 * X[:n, :1], Y[:n]

    return read


BAD = np.where(np.arange(3000)[:, None] == 2600, np.nan, X)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lstsq_batches([]), DataError, "at least one batch"),
        (lambda: lstsq_batches(iter([])), DataError, "at least one batch"),
        (lambda: lstsq_batches(lambda: []), DataError, "at least one batch"),
        (lambda: lstsq_batches(3), ArgumentError, "batches"),
        (lambda: lstsq_batches([X]), ArgumentError, "pair"),
        (lambda: lstsq_batches([(X, Y[:5])]), DataError, "3000 values of y"),
        (lambda: lstsq_batches([(X, Y), (X[:, :3], Y)]), DataError, "6 columns"),
        (lambda: lstsq_batches([(X, Y), (X, Y[:, :1])]), DataError, "y with 2 columns"),
        (lambda: lstsq_batches([(X[:0], Y[:0])]), ArgumentError, "nonempty"),
        (lambda: lstsq_batches([(X[0], Y)]), ArgumentError, "dimension"),
        (lambda: lstsq_batches(cut(BAD, Y)), ArgumentError, "finite numbers in X, rows"),
        (lambda: lstsq_batches(cut(BAD, Y), method="tsqr"), ArgumentError, "finite numbers in X, rows"),
        (lambda: lstsq_batches(cut(X, np.where(Y > 1e9, Y, np.inf))), ArgumentError, "finite numbers in y"),
        (lambda: lstsq_batches([(X, Y)], method="magic"), ArgumentError, "method among"),
        (lambda: lstsq_batches([(X, Y)], penalty=-1.0), ArgumentError, "not negative"),
        (lambda: lstsq_batches([(X, Y)], penalty=np.nan), ArgumentError, "not negative"),
        (lambda: lstsq_batches([(X, Y)], tolerance=2.0), ArgumentError, "between 0 and 1"),
        (lambda: lstsq_batches(changing()), DataError, "3000 rows at each pass"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
