"""The version of the library that writes an artifact."""

from importlib.metadata import PackageNotFoundError, version


def library_version() -> str:
    """Return the installed version, or ``"0+source"`` where the package runs from a checkout.

    >>> library_version()[0].isdigit()
    True
    """
    try:
        return version("fivefold")
    except PackageNotFoundError:
        return "0+source"
