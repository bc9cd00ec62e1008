"""A claim about an answer that can be checked, and its bound."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What stands behind a certificate.

    ``PROOF``: the bound follows from the stated assumptions. ``STATISTICAL``: it holds with a stated
    probability. ``INDICATOR``: a warning sign without a guarantee (R-hat, Pareto k, an eigenvalue estimate).
    """

    PROOF = "proof"
    STATISTICAL = "statistical"
    INDICATOR = "indicator"


@dataclass(frozen=True, eq=False, slots=True)
class Certificate:
    r"""A claim, the bound it is held against, the value it rests on, and whether it holds.

    ``holds`` is ``True``, ``False`` or ``None`` (unknown: the assumptions could not be checked, or no bound
    is known). A certificate can come out false; then the answer it belongs to must not be relied on for
    that claim.

    Args:
        claim: The sentence that is certified, for a reader who has not seen the code.
        kind: What stands behind it.
        holds: Yes, no or unknown.
        bound: The number that the claim is about, in the claim's unit, or ``None``.
        value: The measured number that the verdict rests on, or ``None``.
        assumptions: What must be true for the claim to follow.
        method: How the bound was obtained, with the formula.

    >>> c = Certificate("|Ax - b| / |b| <= 1e-10", Kind.PROOF, True, bound=1e-10, value=3e-16)
    >>> c.verdict
    'yes'
    >>> print(c)
    [yes, proof] |Ax - b| / |b| <= 1e-10 (value 3e-16, bound 1e-10)
    """

    claim: str
    kind: Kind
    holds: bool | None
    bound: float | None = None
    value: float | None = None
    assumptions: tuple[str, ...] = field(default=())
    method: str = ""

    @property
    def verdict(self) -> str:
        """``'yes'``, ``'no'`` or ``'unknown'``."""
        return {True: "yes", False: "no", None: "unknown"}[self.holds]

    def __str__(self) -> str:
        numbers = [
            f"{name} {number:.6g}"
            for name, number in (("value", self.value), ("bound", self.bound))
            if number is not None
        ]
        tail = f" ({', '.join(numbers)})" if numbers else ""
        return f"[{self.verdict}, {self.kind}] {self.claim}{tail}"

    def to_record(self) -> dict[str, Any]:
        """Return a plain record for reports and artifacts.

        >>> Certificate("a <= 1", Kind.INDICATOR, None).to_record()["holds"]
        'unknown'
        """
        return {
            "claim": self.claim,
            "kind": str(self.kind),
            "holds": self.verdict,
            "bound": self.bound,
            "value": self.value,
            "assumptions": list(self.assumptions),
            "method": self.method,
        }
