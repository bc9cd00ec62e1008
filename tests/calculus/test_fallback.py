"""The first way that works is taken; the last one's error passes."""

import warnings

import pytest
import torch

from fivefold.calculus.fallback import Way, first_that_works


def raising(error):
    def run(x):
        raise error

    return run


@pytest.mark.parametrize("error", [NotImplementedError(), RuntimeError(), ValueError()])
def test_what_torch_refuses_is_passed_over(error):
    ways = [Way("a", "vmap", raising(error)), Way("b", "vmap", torch.sum), Way("c", "loop", torch.sum)]
    assert first_that_works(ways, torch.ones(2)).mode == "b"


def test_other_errors_pass():
    with pytest.raises(KeyError):
        first_that_works([Way("a", "vmap", raising(KeyError())), Way("b", "loop", torch.sum)], torch.ones(1))


def test_the_last_ways_error_passes():
    ways = [Way("a", "vmap", raising(RuntimeError("one"))), Way("b", "loop", raising(RuntimeError("two")))]
    with pytest.raises(RuntimeError, match="two"):
        first_that_works(ways, torch.ones(1))


def test_only_the_message_of_torchs_own_loading_is_silenced():
    def warns(text, kind):
        return lambda x: warnings.warn(text, kind, stacklevel=1)

    own = Way("a", "loop", warns("`torch.jit.script` is deprecated.", DeprecationWarning))
    assert first_that_works([own], torch.ones(1)) is own
    with pytest.warns(UserWarning, match="mine"):
        first_that_works([Way("a", "loop", warns("mine", UserWarning))], torch.ones(1))
