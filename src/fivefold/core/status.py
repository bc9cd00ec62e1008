"""How a computation ended."""

from enum import StrEnum


class Status(StrEnum):
    """How an iterative method or a direct solve ended.

    Only ``CONVERGED`` claims success. A method that fails returns the best point so far with another
    status; it never returns NaN as a success.

    >>> Status.CONVERGED.succeeded, Status.STALLED.succeeded
    (True, False)
    >>> print(Status.OUT_OF_BUDGET)
    out of budget
    """

    CONVERGED = "converged"
    OUT_OF_BUDGET = "out of budget"
    STALLED = "stalled"
    DIVERGED = "diverged"
    ILL_POSED = "ill-posed"

    @property
    def succeeded(self) -> bool:
        """Whether the stopping test of the method was met."""
        return self is Status.CONVERGED
