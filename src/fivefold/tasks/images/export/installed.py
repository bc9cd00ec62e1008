"""Which packages an export needs: asked before anything is computed."""

from importlib.util import find_spec

from fivefold.core import MissingExtraError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What translates a network, checks the file and runs it."""


def check_installed(packages: tuple[str, ...] = PACKAGES, extra: str = "export") -> None:
    """Refuse where a package is missing, without importing any.

    Args:
        packages: Top-level names.
        extra: Of fivefold, that brings them.

    Raises:
        MissingExtraError: With the first that is not installed.

    >>> check_installed(("json",))
    """
    for name in packages:
        if find_spec(name) is None:
            raise MissingExtraError.of(name, extra=extra)
