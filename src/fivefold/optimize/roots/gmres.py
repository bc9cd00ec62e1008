"""GMRES for the linear systems of Newton's method: any square operator, preconditioned from the right."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg import LinearOperator


@dataclass(frozen=True, eq=False, slots=True)
class Solved:
    """What GMRES found.

    Args:
        x: The solution [n]; the best one so far where it did not converge.
        residual: |b - A x| / |b|, evaluated.
        products: Products made with A.
    """

    x: Tensor
    residual: float
    products: int


def gmres(
    A: LinearOperator,
    b: Tensor,
    *,
    preconditioner: LinearOperator | None = None,
    tolerance: float = 1e-10,
    restart: int = 50,
    products: int = 1000,
) -> Solved:
    r"""Solve A x = b with the least residual over a Krylov space, started anew when it has grown too large.

    .. math:: x = x_0 + M y, \quad y \in \operatorname{span}\{r, A M r, (A M)^2 r, \ldots\}

    with M near the inverse of A. Preconditioned from the right, the residual that is minimised is that of
    the system asked for. The basis is orthogonalised twice, which holds it orthogonal to rounding. Saad and
    Schultz, "GMRES", 1986; Saad, "Iterative methods for sparse linear systems", 2003, sections 6.5 and 9.3.2.

    Args:
        A: Square, [n, n].
        b: [n], finite.
        preconditioner: M [n, n]; the identity by default.
        tolerance: Largest |b - A x| / |b|.
        restart: Most vectors of a basis, at least 1.
        products: Most products with A.

    Raises:
        ArgumentError: Shapes that do not fit, or a number out of range.

    >>> from fivefold.linalg import as_operator
    >>> A = as_operator(torch.tensor([[2.0, 1.0], [0.0, 4.0]], dtype=torch.float64))
    >>> gmres(A, torch.tensor([4.0, 8.0], dtype=torch.float64)).x.round(decimals=12).tolist()
    [1.0, 2.0]
    """
    n = b.shape[0]
    require(b.ndim == 1 and tuple(A.shape) == (n, n), f"A of shape ({n}, {n})", tuple(A.shape))
    fits = preconditioner is None or tuple(preconditioner.shape) == (n, n)
    require(fits, f"a preconditioner of shape ({n}, {n})", getattr(preconditioner, "shape", None))
    require(restart >= 1 and products >= 1, "restart and products of at least 1", (restart, products))
    size = float(b.norm())
    x, residual, made = torch.zeros_like(b), b, 0
    if size == 0:
        return Solved(x, 0.0, 0)
    best = 1.0
    while made < products:
        steps = min(restart, n, products - made)
        change, count = _cycle(A, residual, preconditioner, steps, tolerance * size)
        candidate = x + change
        made += count + 1
        fresh = b - A @ candidate
        left = float(fresh.norm()) / size
        if not left < best:  # nothing gained, or not finite
            break
        stagnant = left > 0.999 * best
        x, residual, best = candidate, fresh, left
        if best <= tolerance or stagnant:
            break
    return Solved(x, best, made)


def _cycle(
    A: LinearOperator, r: Tensor, M: LinearOperator | None, steps: int, goal: float
) -> tuple[Tensor, int]:
    """One basis: the change of x, and the products made."""
    start = float(r.norm())
    V = r.new_zeros(steps + 1, r.shape[0])
    Z = r.new_zeros(steps, r.shape[0])
    H = r.new_zeros(steps + 1, steps)
    V[0] = r / start
    target = r.new_zeros(steps + 1)
    target[0] = start
    y, used = r.new_zeros(0), 0
    for j in range(steps):
        Z[j] = V[j] if M is None else M @ V[j]
        w = A @ Z[j]
        before = float(w.norm())
        for _ in range(2):
            h = V[: j + 1] @ w
            w = w - h @ V[: j + 1]
            H[: j + 1, j] += h
        rest = float(w.norm())
        if not torch.isfinite(H[: j + 1, j]).all():
            break
        H[j + 1, j] = rest
        used = j + 1
        y = torch.linalg.lstsq(H[: j + 2, : j + 1], target[: j + 2, None]).solution[:, 0]
        left = float((H[: j + 2, : j + 1] @ y - target[: j + 2]).norm())
        if left <= 0.5 * goal or rest <= 1e-14 * before:
            break
        V[j + 1] = w / rest
    return y @ Z[:used], used
