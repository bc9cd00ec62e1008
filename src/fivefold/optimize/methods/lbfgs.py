"""Limited-memory BFGS: a quasi-Newton direction from the last few steps."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(slots=True)
class Memory:
    r"""The last m pairs (s, y) of each point, and the direction that they give.

    p = -H g by the two-loop recursion, with H_0 = (s.y / y.y) I from the newest pair: Nocedal, "Updating
    quasi-Newton matrices with limited storage", 1980; Liu and Nocedal, 1989.

    The points of a batch share the slots. A pair that a point refuses has weight 1 / (s.y) set to 0 there,
    with which both loops pass it over, so that no masks are needed. A pair is refused unless
    s.y > 1e-10 |s| |y|: only then does H stay positive definite.

    Args:
        size: Pairs m kept, at least 1.

    >>> memory = Memory(5)
    >>> s = torch.tensor([[1.0, 0.0]])
    >>> memory.push(s, 4 * s)
    >>> memory.direction(torch.tensor([[4.0, 4.0]])).tolist()
    [[-1.0, -1.0]]
    """

    size: int = 10
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    diagonal: Tensor | None = None

    def push(self, s: Tensor, y: Tensor) -> None:
        """Add the pairs s = w' - w and y = g' - g, both [B, P]; a zero s is refused."""
        product = (s * y).sum(-1)
        good = product > 1e-10 * s.norm(dim=-1) * y.norm(dim=-1)
        weight = torch.where(good, 1 / torch.where(good, product, 1.0), 0.0)
        scale = product / (y * y).sum(-1)
        old = torch.ones_like(scale) if self.diagonal is None else self.diagonal
        self.diagonal = torch.where(good, scale, old)
        self.pairs = [*self.pairs, (s, y, weight)][-self.size :]

    def forget(self, rows: Tensor) -> None:
        """Drop every pair of the points where the mask ``rows`` [B] holds."""
        for _, _, weight in self.pairs:
            weight[rows] = 0.0
        if self.diagonal is not None:
            self.diagonal[rows] = 1.0

    def known(self) -> Tensor | None:
        """Whether a point has any pair [B]; ``None`` where no pair was pushed."""
        weights = [weight for _, _, weight in self.pairs]
        return torch.stack(weights).gt(0).any(0) if weights else None

    def direction(self, gradient: Tensor, solve: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        r"""-H g for gradients [B, P].

        Args:
            gradient: g.
            solve: q [B, P] to B^{-1} q, where H_0 = (s.y / y.B^{-1} y) B^{-1} instead of a multiple of I.
        """
        q, shares = gradient, []
        for s, y, weight in reversed(self.pairs):
            share = weight * (s * q).sum(-1)
            shares.append(share)
            q = q - share[:, None] * y
        if solve is not None:
            q = solve(q)
            if self.pairs:
                s, y, weight = self.pairs[-1]
                scale = (s * y).sum(-1) / (y * solve(y)).sum(-1)
                q = torch.where((weight > 0) & (scale > 0), scale, 1.0)[:, None] * q
        elif self.diagonal is not None:
            q = self.diagonal[:, None] * q
        for (s, y, weight), share in zip(self.pairs, reversed(shares), strict=True):
            q = q + s * (share - weight * (y * q).sum(-1))[:, None]
        return -q
