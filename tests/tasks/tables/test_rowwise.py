"""Products whose rows have the same bits alone, in any company and at any place."""

import numpy as np
import pytest

from fivefold.tasks.tables.rowwise import row_sums, single_product, term_sums

PRODUCTS = [(single_product, np.float32, 2e-5), (row_sums, np.float32, 2e-6), (row_sums, np.float64, 1e-13)]
PRODUCTS += [(term_sums, np.float64, 1e-13)]


def _numbers(*shape, dtype, seed=0):
    return (3.0 + np.random.default_rng(seed).normal(size=shape)).astype(dtype)


@pytest.mark.parametrize(("product", "dtype", "tolerance"), PRODUCTS)
@pytest.mark.parametrize(("rows", "inner", "columns"), [(0, 5, 2), (1, 1, 1), (257, 30, 40), (300, 2000, 1)])
def test_the_product_is_that_of_numpy(product, dtype, tolerance, rows, inner, columns):
    x, a = _numbers(rows, inner, dtype=dtype), _numbers(inner, columns, dtype=dtype, seed=1)
    found = product(x, a)
    assert found.dtype == dtype
    assert found.shape == (rows, columns)
    np.testing.assert_allclose(found, x.astype(np.float64) @ a.astype(np.float64), rtol=tolerance)


@pytest.mark.parametrize(("product", "dtype", "tolerance"), PRODUCTS)
@pytest.mark.parametrize(("inner", "columns"), [(1, 1), (22, 100), (2000, 1), (600, 3)])
def test_no_row_depends_on_the_rows_beside_it_nor_on_its_place(product, dtype, tolerance, inner, columns):
    x, a = _numbers(300, inner, dtype=dtype), _numbers(inner, columns, dtype=dtype, seed=1)
    whole = product(x, a)
    for at in (0, 1, 7, 130, 255, 256, 299):
        np.testing.assert_array_equal(product(x[at : at + 1], a)[0], whole[at])
    for shift in range(1, 256, 51):
        np.testing.assert_array_equal(product(np.roll(x, shift, axis=0), a), np.roll(whole, shift, axis=0))


def test_the_plain_product_does_depend_on_them():
    """The defect that these products mend."""
    x, a = _numbers(300, 2000, dtype=np.float32), _numbers(2000, 1, dtype=np.float32, seed=1)
    whole = x @ a
    assert any(not np.array_equal(x[at : at + 1] @ a, whole[at : at + 1]) for at in range(300))


def test_the_order_of_the_terms_does_not_matter_to_the_exact_sums():
    x, a = _numbers(50, 300, dtype=np.float64), _numbers(300, 7, dtype=np.float64, seed=1)
    order = np.random.default_rng(2).permutation(300)
    np.testing.assert_array_equal(single_product(x[:, order], a[order]), single_product(x, a))


def test_exact_sums_of_rows_and_columns_of_any_size():
    rows, columns = np.array([[1e-30], [0.0], [1e20], [-3.0]]), np.array([[1e-8, 0.0, -1e12]])
    x, a = rows * np.linspace(1, 2, 9), columns * np.linspace(-1, 2, 9)[:, None]
    np.testing.assert_allclose(single_product(x, a), x @ a, rtol=1e-6)


def test_inputs_that_are_views_in_another_order():
    x, a = _numbers(40, 30, dtype=np.float64), _numbers(3, 40, dtype=np.float64, seed=1)
    for product in (single_product, row_sums, term_sums):
        np.testing.assert_allclose(product(x.T, a.T), x.T @ a.T, rtol=1e-6)
