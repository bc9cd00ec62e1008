"""What a step of a descent reports, whatever made it: a line search, a trust region, a proximal map."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False, slots=True)
class Move:
    """Where a step ended, per point.

    Args:
        step: Its length in units of the method's direction [B]; 0 where no acceptable point was found.
        w: The points reached [B, P].
        value: F there [B].
        gradient: Its gradient there [B, P].
        found: Whether the method's own test of a good step holds [B]; where not, but step > 0, the value is
            lower all the same.
        unbounded: Whether F fell, without flattening, as far as 1e10 lengths away, or to minus infinity [B].
        evaluations: Rounds of evaluation made; each evaluates every point that still searches.
    """

    step: Tensor
    w: Tensor
    value: Tensor
    gradient: Tensor
    found: Tensor
    unbounded: Tensor
    evaluations: int
