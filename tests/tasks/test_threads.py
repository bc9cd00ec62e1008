"""The number of threads holds inside the block and comes back after it."""

import pytest
import torch

from fivefold.tasks.threads import threads


def test_the_count_comes_back_even_after_an_error():
    before = torch.get_num_threads()
    seen = []

    def work():
        with threads(before + 1):
            seen.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
