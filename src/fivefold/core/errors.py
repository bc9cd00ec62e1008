"""Errors that say what was expected, what came, and what to do."""


class FivefoldError(Exception):
    """Base of every error that fivefold raises on purpose.

    Args:
        expected: What was expected, as a clause: ``"a column named 'price'"``.
        got: What came instead.
        fix: What the user can do about it.

    >>> print(DataError("at least 2 rows", "1 row", "add rows"))
    expected at least 2 rows; got 1 row; add rows
    """

    exit_code = 1

    def __init__(self, expected: str, got: str = "", fix: str = "") -> None:
        self.expected, self.got, self.fix = expected, got, fix
        parts = [f"expected {expected}"]
        if got:
            parts.append(f"got {got}")
        if fix:
            parts.append(fix)
        super().__init__("; ".join(parts))


class ArgumentError(FivefoldError, ValueError):
    """An argument is of the wrong shape, type or range. Exit code 2."""

    exit_code = 2


class DataError(FivefoldError, ValueError):
    """The data cannot be read or cannot be modelled. Exit code 3."""

    exit_code = 3


class ArtifactError(FivefoldError):
    """A saved model is missing, damaged, tampered with or of another version. Exit code 4."""

    exit_code = 4


class MissingExtraError(FivefoldError, ImportError):
    """An optional dependency is not installed. Exit code 5.

    >>> print(MissingExtraError.of("duckdb", extra="tables"))
    expected the package duckdb; got no such package; run: pip install 'fivefold[tables]'
    """

    exit_code = 5

    @classmethod
    def of(cls, package: str, *, extra: str) -> "MissingExtraError":
        """Name the package and the extra that brings it."""
        return cls(f"the package {package}", "no such package", f"run: pip install 'fivefold[{extra}]'")


class NumericalError(FivefoldError, ArithmeticError):
    """A direct computation broke down where no status can be returned. Exit code 6."""

    exit_code = 6


def require(condition: bool, expected: str, got: object, fix: str = "") -> None:
    """Raise :class:`ArgumentError` unless ``condition`` holds.

    >>> require(2 > 1, "a positive number", 1)
    """
    if not condition:
        raise ArgumentError(expected, str(got), fix)
