"""Whether a root exists near a point, and how near: the theorem of Newton and Kantorovich."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import Certificate, Kind, require

DENSE_SIZE = 500
"""Largest n at which the Jacobian is inverted for a certificate."""
QUADRATIC_SIZE = 60
"""Largest n at which all second derivatives of a quadratic system are formed."""


def certify_root(
    x: Tensor, residual: Tensor, jacobian: Tensor | None, lipschitz: float | None
) -> Certificate:
    r"""A root lies within the bound of x.

    .. math:: \beta = \|F'(x)^{-1}\|, \quad \eta = \|F'(x)^{-1} F(x)\|, \quad h = \beta \eta L \le \tfrac12
              \;\Longrightarrow\; \exists x^*: F(x^*) = 0, \quad
              \|x^* - x\| \le \frac{1 - \sqrt{1 - 2h}}{\beta L} = \frac{2 \eta}{1 + \sqrt{1 - 2h}}

    and it is the only one within :math:`(1 + \sqrt{1 - 2h}) / (\beta L)`. Kantorovich and Akilov, "Functional
    analysis", 1982, chapter XVIII; Ortega and Rheinboldt, 1970, theorem 12.6.2. Where h > 1/2 nothing
    follows.

    Args:
        x: The point [n].
        residual: F(x) [n].
        jacobian: F'(x) [n, n]; ``None`` where it was too large to form.
        lipschitz: L with |F'(u) - F'(v)| <= L |u - v| (spectral norm) near x; ``None`` where unknown.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> c = certify_root(1.5 * one, 0.25 * one, 3.0 * one[:, None], 2.0)  # x^2 - 2
    >>> c.verdict, round(c.bound, 4)  # 1.5 - sqrt 2 = 0.0858
    ('yes', 0.0858)
    """
    claim = "F has a root within the bound of x"
    if lipschitz is None:
        method = "no Lipschitz constant of the Jacobian is known: pass lipschitz="
        return Certificate(claim, Kind.PROOF, None, method=method)
    if jacobian is None:
        method = f"the Jacobian is not formed beyond n = {DENSE_SIZE}"
        return Certificate(claim, Kind.PROOF, None, method=method)
    J, f = jacobian.double(), residual.double()
    if not bool(torch.isfinite(J).all() and torch.isfinite(f).all()):
        return Certificate(claim, Kind.PROOF, None, method="F or its Jacobian is not finite at x")
    values = torch.linalg.svdvals(J)
    eps = torch.finfo(jacobian.dtype).eps
    least = float(values[-1]) - 10 * len(values) * eps * float(values[0])
    if least <= 0:
        return Certificate(claim, Kind.PROOF, None, method="the Jacobian at x is singular to rounding")
    beta = 1 / least
    # the rounding of the solve and of F, of which at least an ulp of |J| |x| must be expected
    noise = beta * eps * len(values) * float(values[0]) * float(x.double().norm())
    eta = float(torch.linalg.solve(J, f).norm()) * (1 + 10 * len(values) * eps * float(values[0]) * beta)
    eta += noise
    h = beta * eta * lipschitz
    if not h <= 0.5:
        method = f"h = beta eta L = {h:.3g} > 1/2, so nothing follows"
        return Certificate(claim, Kind.PROOF, None, value=h, method=method)
    root = math.sqrt(1 - 2 * h)
    unique = (1 + root) / (beta * lipschitz) if lipschitz > 0 else math.inf
    return Certificate(
        claim,
        Kind.PROOF,
        True,
        bound=2 * eta / (1 + root),
        value=h,
        assumptions=(
            f"the Jacobian is Lipschitz with L = {lipschitz:.6g} within the bound of x",
            "F and its Jacobian at x are exact to rounding",
        ),
        method=f"Kantorovich: beta = {beta:.3g}, eta = {eta:.3g}, h = {h:.3g}; alone within {unique:.3g}",
    )


def lipschitz_of(
    function: Callable[[Tensor], Tensor], x: Tensor, given: float | Literal["quadratic"] | None
) -> float | None:
    r"""L of the Jacobian: the caller's, or that of a system which the caller says is quadratic.

    A quadratic system has constant second derivatives, and
    :math:`L \le (\sum_{ijk} (\partial_j \partial_k F_i)^2)^{1/2}`, formed up to n = 60.

    Raises:
        ArgumentError: A negative or infinite number, or another word.

    >>> F = lambda x: torch.stack([x[0] ** 2 - 2])
    >>> lipschitz_of(F, torch.tensor([1.0]), "quadratic")
    2.0
    """
    if given is None:
        return None
    if isinstance(given, str):
        require(given == "quadratic", "lipschitz as a number, 'quadratic' or None", repr(given))
        if x.shape[0] > QUADRATIC_SIZE:
            return None
        second = torch.func.jacrev(torch.func.jacrev(function))(x)
        return float(second.double().norm())
    require(0 <= given < math.inf, "a finite Lipschitz constant of at least 0", given)
    return float(given)
