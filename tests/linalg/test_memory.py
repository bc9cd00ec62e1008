import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Diagonal, memory
from fivefold.linalg.memory import available_bytes, require_memory


def test_the_system_says_what_is_free():
    free = available_bytes()
    assert free is None or 1 << 20 < free < 1 << 50


def test_the_size_is_in_the_message(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 3 << 30)
    require_memory(2 << 30, "a matrix", "")
    with pytest.raises(
        ArgumentError, match=r"a matrix that fits in the 3.0 GiB of free memory; got one of 5.0 GiB; x"
    ):
        require_memory(5 << 30, "a matrix", "x")
    with pytest.raises(ArgumentError, match="dense diagonal matrix"):
        Diagonal(torch.ones(40_000, dtype=torch.float64)).to_dense()


def test_where_the_system_does_not_say_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: None)
    require_memory(1 << 60, "a matrix", "")
