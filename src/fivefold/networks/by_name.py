"""Names and options of a closed registry, and what is said where they are unknown."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

from fivefold.core import ArgumentError
from fivefold.networks.arguments import check_arguments


def check_name(name: str, known: Iterable[str], listing: str) -> None:
    """Raise unless a registry knows the name.

    Args:
        name: What was asked for.
        known: The names of the registry.
        listing: The call that lists them, for the message.

    Raises:
        ArgumentError: An unknown name; the nearest one is named.

    >>> check_name("resnet18", ["resnet18", "resnet34"], "names()")
    """
    known = list(known)
    if name not in known:
        near = get_close_matches(str(name), known, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"see {listing}"
        raise ArgumentError("the name of an architecture", repr(name), fix)


def check_options(name: str, make: Callable[..., Any], options: Mapping[str, Any], *taken: str) -> None:
    """Raise unless all options are keyword-only parameters of what makes the network, of their kinds.

    Args:
        name: The architecture, for the message.
        make: Its class.
        options: The options given.
        taken: Parameters that the registry passes itself and that are no options.

    Raises:
        ArgumentError: An option that it does not have (those it has are named), or one of another kind or out
            of its range; see :func:`~fivefold.networks.arguments.check_arguments`.

    >>> check_options("net", lambda classes, *, width: None, {"width": 3})
    """
    parameters = signature(make).parameters.values()
    known = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY and p.name not in taken]
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"options of {name!r} among {', '.join(known)}" if known else f"no options of {name!r}"
        raise ArgumentError(takes, ", ".join(unknown))
    check_arguments(make, options)
