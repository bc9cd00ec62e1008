"""What a network is made with, checked in one place: sizes, probabilities, a generator, a device."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, signature
from math import inf
from numbers import Integral
from types import MappingProxyType, UnionType
from typing import Any, get_args

import torch

from fivefold.core import ArgumentError, FivefoldError, require

_PROBABILITIES = ("drop", "dropout")


def check_arguments(make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise unless arguments are of the kinds that the signature states, and in the range of their kind.

    An ``int`` is a size: a whole number of at least 1. A ``Sequence[int]`` is one or more of them. A
    ``float`` is a probability in [0, 1) where its name is ``drop`` or ``dropout``, else positive and finite.
    A ``bool`` is one, and a ``torch.Generator`` one on the CPU. ``None`` is taken where the signature has it.
    Names that are not of the signature, and other annotations, are left to what is made.

    Args:
        make: A class or a function with annotated parameters.
        given: Arguments by name.

    Raises:
        ArgumentError: One of another kind or out of its range.

    >>> def make(width: int, *, dropout: float = 0.5) -> None: ...
    >>> check_arguments(make, {"width": 3, "dropout": 0})
    >>> check_arguments(make, {"width": 2.0})
    Traceback (most recent call last):
    ...
    fivefold.core.errors.ArgumentError: expected width as a whole number of at least 1; got 2.0; write width=2
    """
    parameters = signature(make).parameters
    for name, value in given.items():
        if name not in parameters:
            continue
        annotation = parameters[name].annotation
        kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
        if value is None and type(None) in kinds:
            continue
        default = parameters[name].default
        for kind, check in _CHECKS.items():
            if kind in kinds:
                check(name, value, None if default is Parameter.empty else default)


def _check_size(name: str, value: Any, default: Any) -> None:
    fix = _instead(name, value, default)
    require(_is_size(value), f"{name} as a whole number of at least 1", repr(value), fix)


def _check_sizes(name: str, value: Any, default: Any) -> None:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    fits = listed and len(value) >= 1 and all(_is_size(each) for each in value)
    fix = f"write {name}={default}, for one" if default else "list them, as (3, 4)"
    require(fits, f"{name} as a list of whole numbers of at least 1", repr(value), fix)


def _check_number(name: str, value: Any, default: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _PROBABILITIES:
        fits, expected = number and 0.0 <= value < 1.0, f"{name} as a probability, a number in [0, 1)"
    else:
        fits, expected = number and 0.0 < value < inf, f"a positive {name}, a finite number"
    require(fits, expected, repr(value), f"write {name}={0.5 if default is None else default}, for one")


def _check_truth(name: str, value: Any, default: Any) -> None:
    require(type(value) is bool, f"{name} as True or False", repr(value), f"write {name}={bool(value)}")


def _check_generator(name: str, value: Any, default: Any) -> None:
    seed = value if type(value) is int else 0
    made = f"write {name}=torch.Generator().manual_seed({seed})"
    require(isinstance(value, torch.Generator), f"{name} as a torch.Generator", repr(value), made)
    require(value.device.type == "cpu", f"{name} on the CPU", f"one on {value.device}", made)


_CHECKS: MappingProxyType[Any, Callable[[str, Any, Any], None]] = MappingProxyType(
    {
        int: _check_size,
        float: _check_number,
        bool: _check_truth,
        Sequence[int]: _check_sizes,
        torch.Generator: _check_generator,
    }
)


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 1


def _instead(name: str, value: Any, default: Any) -> str:
    """The number that was meant, where one was."""
    written = isinstance(value, str) and value.strip().isdecimal()
    whole = isinstance(value, float) and value.is_integer()
    meant = int(value) if written or whole or isinstance(value, Integral) else 0
    if meant >= 1 and type(value) is not bool:
        return f"write {name}={meant}"
    return f"write {name}={default or 2}, for one"


def device_of(device: torch.device | str | int) -> torch.device:
    """Return torch's device of that name, where this machine has it.

    Args:
        device: As torch takes it: ``"cpu"``, ``"cuda:0"``, the index of an accelerator, or ``"meta"``.

    Raises:
        ArgumentError: No such name, or nothing of that name in this machine or this build of torch.

    >>> device_of("cpu")
    device(type='cpu')
    """
    named = isinstance(device, torch.device | str) or type(device) is int
    require(named, "a device of torch, as 'cpu' or 'cuda:0'", repr(device), "write device='cpu'")
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError) as error:
        known = "write device='cpu', or 'cuda' for a GPU"
        raise ArgumentError("a device of torch, as 'cpu' or 'cuda:0'", repr(device), known) from error
    try:
        torch.empty(0, device=place)
    except Exception as error:  # what is missing is said in as many ways as there are backends
        absent = repr(str(place))
        raise ArgumentError("a device that this machine has", absent, "write device='cpu'") from error
    return place


@contextmanager
def making(name: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Turn what torch says of sizes that cannot be made into an error that names the options.

    Args:
        name: Of the architecture.
        options: What it is made with.

    Raises:
        ArgumentError: Within, something could not be made.

    >>> with making("net", {"width": 3}):
    ...     network = torch.nn.Linear(3, 3)
    """
    try:
        yield
    except FivefoldError:
        raise
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        said = str(error).strip().splitlines()
        why = f"{dict(options)}: {said[0] if said else type(error).__name__}"
        raise ArgumentError(f"options that {name!r} can be made with", why[:300], "take others") from error
