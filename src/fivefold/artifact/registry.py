"""A closed registry: the only way from a name in a file to code."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from fivefold.core import ArgumentError, ArtifactError

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


def is_kind(name: object) -> bool:
    """Whether this may be the name of a kind: lower-case letters, digits, ``.``, ``_``, ``-``, at most 64.

    >>> is_kind("tables"), is_kind("os:system")
    (True, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Registry(Generic[T]):
    """Names and what they stand for, given in code when it is made and never changed afterwards.

    Nothing is imported by name and no attribute is looked up, so a file can choose among the members and
    nothing else.

    Args:
        what: What the members are, for messages: ``"model kind"``.
        members: Name to member; the names are literals in the source.

    Raises:
        ArgumentError: A name that :func:`is_kind` refuses.

    >>> readers = Registry("number reader", {"integer": int, "decimal": float})
    >>> readers.get("decimal")("1.5")
    1.5
    >>> readers.get("os.system")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a number reader out of 'decimal', ...
    """

    def __init__(self, what: str, members: Mapping[str, T]) -> None:
        for name in members:
            if not is_kind(name):
                raise ArgumentError(f"a lower-case name for a {what}", ascii(name)[:80], "rename it")
        self.what = what
        self._members = MappingProxyType(dict(members))

    def get(self, name: object) -> T:
        """Return the member of this name.

        Raises:
            ArtifactError: No such member; the message lists those there are.
        """
        if not isinstance(name, str) or name not in self._members:
            known = ", ".join(repr(member) for member in self)
            raise ArtifactError(
                f"a {self.what} out of {known or 'none'}",
                ascii(name)[:80],
                "install the version of fivefold that wrote it, if you know who made it",
            )
        return self._members[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._members))

    def __len__(self) -> int:
        return len(self._members)
