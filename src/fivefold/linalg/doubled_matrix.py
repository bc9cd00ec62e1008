"""A matrix in doubled working precision, and polynomial designs whose powers are formed in it."""

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.compose import Adjoint
from fivefold.linalg.doubled import pair_product
from fivefold.linalg.input_rounding import half_ulp_where_rounded
from fivefold.linalg.operator import LinearOperator


class DoubledMatrix(LinearOperator):
    r"""A matrix known to about 32 digits, as the sum of two float64 matrices.

    .. math:: X = X_h + X_l, \qquad |X_l| \le u |X_h|

    ``lstsq`` and ``ridge`` use both parts; products use them in the operator's dtype.

    Args:
        high: ``[m, n]``.
        low: ``[m, n]``, what rounding to ``high`` left.
        slope: ``[m, n]``: derivative of each row with respect to one number that the row was made from and
            that was itself rounded; with ``spread`` it tells ``lstsq`` what that rounding can cost.
        spread: ``[m]``: bound of that rounding.

    Raises:
        ArgumentError: Shapes that differ, not finite, or a low part that is not small beside the high one.

    >>> X = DoubledMatrix([[0.1]], [[-5.551115123125783e-18]])
    >>> X.shape, X.to_dense().item()
    ((1, 1), 0.1)
    """

    def __init__(
        self, high: Array, low: Array, *, slope: Array | None = None, spread: Array | None = None
    ) -> None:
        given = to_tensor(high, "the high part", dims=(2,)).detach()
        self.high = given.double()
        self.low = to_tensor(low, "the low part", dims=(2,)).detach().double().to(self.high.device)
        require(
            self.low.shape == self.high.shape,
            f"a low part of shape {tuple(self.high.shape)}",
            f"shape {tuple(self.low.shape)}",
        )
        require(
            bool((self.low.abs() <= self.high.abs() * 2.0**-52).all()),
            "a low part below one unit in the last place of the high one",
            "a larger one",
            "pass (high, low) with high the float64 nearest to the sum",
        )
        require((slope is None) == (spread is None), "slope and spread together", "one of them")
        m, n = self.high.shape
        self.slope = None if slope is None else to_tensor(slope, "slope", dims=(2,)).to(self.high)
        self.spread = None if spread is None else to_tensor(spread, "spread", dims=(1,)).to(self.high)
        if self.slope is not None and self.spread is not None:
            require(
                tuple(self.slope.shape) == (m, n), f"slope [{m}, {n}]", f"shape {tuple(self.slope.shape)}"
            )
            require(tuple(self.spread.shape) == (m,), f"spread [{m}]", f"shape {tuple(self.spread.shape)}")
        super().__init__((m, n), dtype=given.dtype, device=given.device)

    def _matmat(self, X: Tensor) -> Tensor:
        return self.high.to(self.dtype) @ X + self.low.to(self.dtype) @ X

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, lambda Y: self.high.to(self.dtype).mT @ Y + self.low.to(self.dtype).mT @ Y)

    def to_dense(self) -> Tensor:
        """Return the matrix rounded to its dtype."""
        return self.high.to(self.dtype)


def polynomial_design(x: Array, degree: int, *, intercept: bool = True) -> DoubledMatrix:
    r"""Return the columns :math:`1, x, x^2, \dots, x^d` with the powers formed in doubled precision.

    .. math:: X_{ij} = x_i^j, \qquad |X_{ij} - \hat X_{ij}| \le 4 j u^2 |X_{ij}|

    Rounding the powers to float64 costs as many digits as the condition has: of the eleven coefficients of
    NIST's Filip data at most seven or eight digits are left to any method. With the powers exact and x as
    given, all digits are there.

    Source: T. J. Dekker, Numer. Math. 18 (1971).

    Args:
        x: ``[m]``, the variable.
        degree: d, at least 1.
        intercept: Whether the column of ones comes first.

    Returns:
        The design ``[m, d + 1]``, or ``[m, d]`` without intercept, for ``lstsq`` and ``ridge``.

    Raises:
        ArgumentError: Not a vector, not finite, a degree below 1, or powers outside the range of float64.

    >>> from fivefold.linalg import lstsq
    >>> lstsq(polynomial_design([0.0, 1.0, 2.0, 3.0], 2), [1.0, 3.0, 7.0, 13.0]).x.round(12).tolist()
    [1.0, 1.0, 1.0]
    """
    given = to_tensor(x, "x", dims=(1,)).detach()
    t = given.double()
    require(isinstance(degree, int) and degree >= 1, "a degree of at least 1", degree)
    high, low = [torch.ones_like(t)], [torch.zeros_like(t)]
    for _ in range(degree):
        power, rest = pair_product(high[-1], low[-1], t)
        high.append(power)
        low.append(rest)
    top = float(torch.stack(high).abs().max())
    bottom = float(high[-1][t != 0].abs().min()) if bool((t != 0).any()) else 1.0
    require(
        top < 1e290 and bottom > 1e-270,  # NaN compares false as well
        "powers between 1e-270 and 1e290",
        f"powers between {bottom:.1e} and {top:.1e}",
        "rescale x or take a lower degree",
    )
    slopes = [torch.zeros_like(t)] + [j * high[j - 1] for j in range(1, degree + 1)]
    first = 0 if intercept else 1
    return DoubledMatrix(
        torch.stack(high[first:], dim=1),
        torch.stack(low[first:], dim=1),
        slope=torch.stack(slopes[first:], dim=1),
        spread=half_ulp_where_rounded(t),
    )
