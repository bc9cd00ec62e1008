"""OpenBLAS's threads beside torch's, and as they were afterwards."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from fivefold.linalg.blas_threads import few_blas_threads


def threads():
    return [each["num_threads"] for each in ThreadpoolController().select(internal_api="openblas").info()]


@pytest.mark.parametrize(("of_torch", "expected"), [(1, 1), (2, 1), (4, 4)])
def test_threads_within_and_afterwards(monkeypatch, of_torch, expected):
    np.ones((2, 2)) @ np.ones((2, 2))
    monkeypatch.setattr("torch.get_num_threads", lambda: of_torch)
    with few_blas_threads():  # also loads SciPy's
        assert set(threads()) <= {expected}
    before = threads()
    with few_blas_threads():
        assert set(threads()) <= {expected}
    assert threads() == before
