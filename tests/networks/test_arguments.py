"""Arguments of another kind or out of their range are refused, with what to write instead."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks.arguments import check_arguments, device_of, making


def make(
    classes: int,
    *,
    width: int = 64,
    feed: int | None = None,
    windows: Sequence[int] = (3, 5),
    repeats: Sequence[int],
    dropout: float = 0.1,
    multiplier: float = 1.5,
    bidirectional: bool = False,
    generator: torch.Generator | None = None,
    pair: tuple[int, int] = (0, 0),
    untold="x",
):
    return classes


@pytest.mark.parametrize(
    "given",
    [
        {"classes": 1, "width": 10**9, "feed": None},
        {"feed": 3, "windows": [1], "repeats": range(1, 4)},
        {"dropout": 0, "multiplier": 2},
        {"dropout": 0.999, "multiplier": 1e-3, "bidirectional": True},
        {"generator": None},
        {"generator": torch.Generator()},
        {"pair": (0, "x"), "untold": -1, "of nobody": -1},
    ],
)
def test_what_the_signature_states_is_taken(given):
    check_arguments(make, given)


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("classes", 2.0, "write classes=2"),
        ("classes", " 64 ", "write classes=64"),
        ("classes", np.int64(7), "write classes=7"),
        ("classes", "ten", "write classes=2, for one"),
        ("classes", None, "write classes=2, for one"),
        ("width", True, "write width=64, for one"),
        ("width", 0, "write width=64, for one"),
        ("width", -3, "write width=64, for one"),
        ("width", 2.5, "write width=64, for one"),
        ("width", float("nan"), "write width=64, for one"),
        ("width", float("inf"), "write width=64, for one"),
        ("feed", 0, "write feed=2, for one"),
    ],
)
def test_sizes_are_whole_numbers_of_at_least_1(name, value, fix):
    with pytest.raises(ArgumentError) as caught:
        check_arguments(make, {name: value})
    assert str(caught.value) == f"expected {name} as a whole number of at least 1; got {value!r}; {fix}"


@pytest.mark.parametrize("value", [3, (), [], (3, 0), (3, 2.0), "345", None, {3, 4}, np.array([3, 4])])
def test_lists_of_sizes_hold_some_and_sizes_alone(value):
    expected = "windows as a list of whole numbers of at least 1; got .*; write windows=\\(3, 5\\), for one"
    with pytest.raises(ArgumentError, match=expected):
        check_arguments(make, {"windows": value})
    with pytest.raises(ArgumentError, match="; list them"):  # there is none that would suit without asking
        check_arguments(make, {"repeats": value})


@pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, float("nan"), "0.5", None, True])
def test_probabilities_are_below_1(value):
    with pytest.raises(
        ArgumentError, match=r"dropout as a probability, a number in \[0, 1\); got .*=0.1, for"
    ):
        check_arguments(make, {"dropout": value})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), "1", None, False])
def test_other_real_numbers_are_positive_and_finite(value):
    with pytest.raises(ArgumentError, match=r"a positive multiplier, a finite number; got .*=1.5, for one"):
        check_arguments(make, {"multiplier": value})


def test_yes_and_no_are_not_told_by_other_values():
    with pytest.raises(
        ArgumentError, match="bidirectional as True or False; got 1; write bidirectional=True"
    ):
        check_arguments(make, {"bidirectional": 1})


def test_a_seed_is_no_generator():
    with pytest.raises(ArgumentError, match=r"a torch.Generator; got 42; .*manual_seed\(42\)"):
        check_arguments(make, {"generator": 42})
    with pytest.raises(ArgumentError, match=r"a torch.Generator; got '42'; .*manual_seed\(0\)"):
        check_arguments(make, {"generator": "42"})


class OfGpu(torch.Generator):
    """A generator that says of itself what one of a GPU says."""

    device = torch.device("cuda:0")


def test_a_generator_of_a_gpu_is_refused():
    with pytest.raises(ArgumentError, match="generator on the CPU; got one on cuda:0"):
        check_arguments(make, {"generator": OfGpu()})


def test_devices_are_torchs_and_of_this_machine():
    assert device_of("meta") == device_of(torch.device("meta")) == torch.device("meta")
    for wrong in ("gpu", "", 3.5, None, True, -1):
        with pytest.raises(
            ArgumentError, match=r"a device of torch, as 'cpu' or 'cuda:0'; got .*; write device="
        ):
            device_of(wrong)
    for absent in ("cuda:99", "vulkan"):
        with pytest.raises(ArgumentError, match=f"a device that this machine has; got '{absent}'"):
            device_of(absent)


@pytest.mark.parametrize("error", [TypeError, ValueError, RuntimeError, OverflowError])
def test_what_torch_says_names_the_options(error):
    said = "options that 'net' can be made with; got {'width': 3}: first; take others"
    with pytest.raises(ArgumentError, match=said), making("net", {"width": 3}):
        raise error("first\nsecond")
    with pytest.raises(ArgumentError, match=f": {error.__name__};"), making("net", {}):
        raise error
    with pytest.raises(ArgumentError, match="expected ours; got none"), making("net", {}):
        raise ArgumentError("ours", "none")
