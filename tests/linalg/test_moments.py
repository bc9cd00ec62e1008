import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.linalg.moments import first_shift_and_scale, moments
from fivefold.linalg.row_batches import BLOCK, RowBatches
from fivefold.linalg.stacked_triangle import stacked_triangle

RNG = np.random.default_rng(2)
X = RNG.standard_normal((BLOCK + 500, 3)) * [1.0, 20.0, 0.1] + [1e6, -30.0, 5.0]
Y = RNG.standard_normal((BLOCK + 500, 1)) - 8


def batches(X=X, Y=Y, cut=700):
    return source(X, Y, cut).batches()


def source(X=X, Y=Y, cut=700):
    return RowBatches([(X[:cut], Y[:cut]), (X[cut:], Y[cut:])])


@pytest.mark.parametrize("order", ["C", "F"])
def test_centred_products_far_from_zero_within_their_bound(order):
    M = moments(batches(X=np.asarray(X, order=order)), centre=True)
    V = np.column_stack([X, Y]).astype(np.longdouble)
    V = V - V.mean(0)
    exact = V.T @ V
    got = (M.centred() * torch.outer(M.scale, M.scale)).numpy()
    norms = np.sqrt(np.diag(exact)).astype(float)
    assert (np.abs(got - exact) <= 2 * M.growth * np.outer(norms, norms)).all()
    assert np.allclose(M.mean, np.column_stack([X, Y]).mean(0), rtol=1e-14)
    assert M.rows == BLOCK + 500
    plain = moments(batches(), centre=False)
    assert np.allclose(plain.gram.numpy(), np.column_stack([X, Y]).T @ np.column_stack([X, Y]), rtol=1e-12)
    assert plain.shift.tolist() == [0] * 4


def test_the_triangle_has_the_same_products():
    R, shift, scale, rows, count = stacked_triangle(source().blocks(), None, None, ones=True)
    V = (np.column_stack([np.ones(len(X)), X, Y]) - [0, *shift]) / [1, *scale]
    assert np.allclose((R.T @ R).numpy(), V.T @ V, rtol=1e-10, atol=1e-8)
    assert rows == len(X)
    assert count == 2
    ridge = stacked_triangle(source().blocks(), None, None, ones=False, penalty=4.0)
    G = (ridge[0].T @ ridge[0]).numpy() * np.outer(ridge[2], ridge[2])
    V = np.column_stack([X, Y])
    assert np.allclose(G, V.T @ V + np.diag([4, 4, 4, 0]), rtol=1e-10)


def test_scales_at_the_ends_of_the_range():
    units = np.array([1e-180, 1e180, 1.0])
    M = moments(batches(X * units), centre=True)
    base = moments(batches(), centre=True)
    G, H = (m.centred() / torch.outer(d, d) for m in (M, base) for d in [m.centred().diagonal().sqrt()])
    assert torch.allclose(G, H, rtol=1e-9, atol=1e-9)
    constant = first_shift_and_scale(torch.full((3, 1), 7.0).double(), centre=True)
    assert constant[1].item() == 1.0


@pytest.mark.parametrize("columns", [3, 140])
def test_the_bits_do_not_depend_on_the_threads(columns):
    wide = torch.from_numpy(RNG.standard_normal((5000, columns)))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(moments([(part, part[:, :1]) for part in wide.split(4500)], centre=True))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0].gram, found[1].gram)
    assert torch.equal(found[0].sums, found[1].sums)


def test_a_reader_may_fill_the_same_memory_again():
    memory = torch.empty(9000, 3, dtype=torch.float64)

    def refilled():
        for start in range(0, 27000, 9000):
            memory.copy_(torch.from_numpy(np.resize(X, (27000, 3))[start : start + 9000]))
            yield memory, memory[:, :0]

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        M = moments(refilled(), centre=False)
    finally:
        torch.set_num_threads(before)
    V = np.resize(X, (27000, 3))
    assert np.allclose(M.gram.numpy(), V.T @ V, rtol=1e-12)


def test_an_error_leaves_the_threads_of_blas_as_they_were():
    from threadpoolctl import threadpool_info, threadpool_limits

    late = torch.from_numpy(np.resize(X, (20000, 3)).copy())
    late[-1] = 1e200
    with threadpool_limits(2, user_api="blas"):
        try:
            moments([(part, part[:, :0]) for part in late.split(8000)], centre=True)
        except DataError as error:
            kept = error  # and with it the frames
        counts = {lib["num_threads"] for lib in threadpool_info() if lib["internal_api"] == "openblas"}
    assert kept.__traceback__ is not None
    assert counts == {2}


def test_rows_of_float64_about_zero_are_not_copied_and_not_changed():
    rows = torch.from_numpy(X - X.mean(0)).clone()
    kept = rows.clone()
    M = moments([(rows, rows[:, :0])], centre=True)
    assert torch.equal(rows, kept)
    assert torch.allclose(M.gram, rows.T @ rows, rtol=1e-12, atol=1e-9)
    half = moments([(rows.half(), rows.half()[:, :0])], centre=True)
    assert torch.allclose(half.gram, rows.half().double().T @ rows.half().double(), rtol=1e-12, atol=1e-9)


def test_bad_rows():
    with pytest.raises(ArgumentError, match="finite numbers in X, rows 700 to"):
        moments(batches(np.where(np.arange(len(X))[:, None] == 2500, np.inf, X)), centre=True)
    late = X.copy()
    late[-1] = 1e200  # not seen by the first block, which sets the scale
    with pytest.raises(DataError, match="overflow"):
        moments(batches(late), centre=True)
    with pytest.raises(ArgumentError, match="at least one row"):
        moments([], centre=True)


def test_means_within_a_quarter_spread_are_not_shifted_and_lose_nothing():
    near = RNG.standard_normal((BLOCK + 7, 4)) + 0.1
    M = moments(batches(near[:, :3], near[:, 3:]), centre=True)
    assert bool((M.shift == 0).all())
    V = near - near.mean(0)
    assert np.allclose(M.centred().numpy(), V.T @ V, rtol=1e-13, atol=1e-10)
    far = moments(batches(near[:, :3], near[:, 3:] + 1), centre=True)
    assert bool((far.shift != 0).all())
