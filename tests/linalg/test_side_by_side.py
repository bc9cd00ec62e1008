import threading

import numpy as np
import pytest
import torch

from fivefold.linalg.side_by_side import side_by_side


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_and_not_all_at_once(threads):
    made = []

    def work(i):
        made.append(i)
        return i

    taken = []
    for i in side_by_side(work, range(50)):
        taken.append(i)
        assert len(made) <= len(taken) + threads + 1
    assert taken == list(range(50))


def test_an_error_reaches_the_caller_and_the_threads_end(threads):
    before = threading.active_count()

    def work(i):
        if i == 3:
            raise ValueError("three")
        return i

    with pytest.raises(ValueError, match="three"):
        list(side_by_side(work, range(9)))
    assert threading.active_count() == before


def test_work_is_done_on_other_threads_with_one_of_blas(threads):
    from threadpoolctl import threadpool_info

    def work(_):
        blas = [lib["num_threads"] for lib in threadpool_info() if lib["internal_api"] == "openblas"]
        return threading.get_ident(), max(blas)

    np.ones((2, 2)) @ np.ones((2, 2))
    found = list(side_by_side(work, range(6)))
    assert {count for _, count in found} == {1}
    assert ({ident for ident, _ in found} == {threading.get_ident()}) == (threads == 1)
