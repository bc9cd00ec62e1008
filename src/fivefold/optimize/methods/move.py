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


def pick(tensor: Tensor, rows: Tensor) -> Tensor:
    """The rows [R] of a tensor [B, ...], which are sorted and differ: itself where they are all of them.

    >>> import torch
    >>> pick(torch.tensor([5.0, 7.0]), torch.tensor([1])).tolist()
    [7.0]
    """
    return tensor if rows.shape[0] == tensor.shape[0] else tensor[rows]


def merge_moves(whole: Move, part: Move, rows: Tensor) -> Move:
    """Put a move of some rows [R] into a move of all; the rounds of both are counted.

    >>> import torch
    >>> zero, one = torch.zeros(2), torch.ones(1)
    >>> still = Move(zero, zero[:, None], zero, zero[:, None], zero > 0, zero > 0, 1)
    >>> part = Move(one, one[:, None], one, one[:, None], one > 0, one < 0, 2)
    >>> whole = merge_moves(still, part, torch.tensor([1]))
    >>> whole.step.tolist(), whole.evaluations
    ([0.0, 1.0], 3)
    """

    def put(a: Tensor, b: Tensor) -> Tensor:
        a = a.clone()
        a[rows] = b
        return a

    return Move(
        put(whole.step, part.step),
        put(whole.w, part.w),
        put(whole.value, part.value),
        put(whole.gradient, part.gradient),
        put(whole.found, part.found),
        put(whole.unbounded, part.unbounded),
        whole.evaluations + part.evaluations,
    )
