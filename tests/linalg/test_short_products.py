import numpy as np
import pytest
import torch

from fivefold.linalg.short_products import SHORT, short_products


@pytest.mark.parametrize("rows", [1, 127, 128, 129, 1000, 2048])
def test_products_are_rounded_as_those_of_few_rows(rows):
    rng = np.random.default_rng(rows)
    P, Q = 3 + rng.standard_normal((rows, 4)), rng.standard_normal((rows, 2))
    high, low = short_products(torch.from_numpy(P), torch.from_numpy(Q))
    exact = P.astype(np.longdouble).T @ Q.astype(np.longdouble)
    gap = np.abs(high.numpy() + (low.numpy() - exact)).astype(float)
    assert (gap <= 1.01 * SHORT * 2.0**-53 * (np.abs(P).T @ np.abs(Q))).all()


def test_what_halving_loses_is_kept():
    P = torch.ones(3 * SHORT, 1, dtype=torch.float64)
    Q = torch.zeros(3 * SHORT, 1, dtype=torch.float64)
    Q[0], Q[SHORT], Q[2 * SHORT] = 1.0, 1e-17, -1.0
    high, low = short_products(P, Q)
    assert high.item() + low.item() == 1e-17
