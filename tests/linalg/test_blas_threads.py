"""OpenBLAS's threads beside torch's, and as they were afterwards."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from fivefold.linalg.blas_threads import one_blas_thread


def threads():
    return {each["num_threads"] for each in ThreadpoolController().select(internal_api="openblas").info()}


@pytest.fixture(autouse=True)
def _two():
    np.ones((2, 2)) @ np.ones((2, 2))
    with one_blas_thread():  # also loads SciPy's
        pass
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_inside_and_as_many_as_before_afterwards():
    before = threads()
    inside = set()

    def failing():
        with one_blas_thread():
            inside.update(threads())
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        failing()
    assert inside == {1}
    assert threads() == before == {2}


def test_contexts_that_overlap_give_back_what_was_before_the_first():
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == {2}
