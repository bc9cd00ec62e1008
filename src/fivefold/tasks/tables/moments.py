r"""Coefficients of a Gaussian linear model from the moments of rows that come in pages.

What any number of rows says about the coefficients :math:`w` stands in

.. math::
    \sum_i a_i (x_i - s)(x_i - s)^\top, \quad \sum_i a_i (x_i - s)(y_i - t), \quad
    \sum_i a_i (y_i - t)^2

with :math:`a_i` the weights, and :math:`s, t` near the means, so that nothing cancels. They are added up in
double precision. The penalties maximise the marginal likelihood as in
:mod:`fivefold.inference.block_evidence`, whose fixed point is iterated here on the moments alone.

Source: D. J. C. MacKay, Bayesian interpolation, Neural Computation 4 (1992).
"""

from dataclasses import dataclass
from math import frexp, log

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import Certificate, Kind, NumericalError, Status
from fivefold.inference.block_evidence import block_index, updated_variances

Floats = npt.NDArray[np.float64]
_STEPS, _TOLERANCE = 60, 1e-3


@dataclass(eq=False)
class Moments:
    """Weighted first and second moments of a design and a target about fixed centres.

    Attributes:
        shift: ``[p]`` about which the columns are taken.
        centre: About which the target is taken.
        rows: Rows so far.
        gram: ``[p + 2, p + 2]`` of the columns, the target and a one.
    """

    shift: Floats
    centre: float
    rows: int
    gram: Floats

    @classmethod
    def about(cls, shift: Floats, centre: float) -> "Moments":
        """Return the moments of no row.

        Args:
            shift: ``[p]`` near the means of the columns.
            centre: Near the mean of the target.
        """
        return cls(shift, centre, 0, np.zeros((len(shift) + 2, len(shift) + 2)))

    def add(self, design: npt.NDArray[np.float32], y: Floats, weights: Floats | None = None) -> None:
        """Take in rows.

        Args:
            design: ``[m, p]``.
            y: ``[m]``.
            weights: ``[m]`` positive weights; all one by default.
        """
        z = np.empty((len(y), len(self.shift) + 2))
        np.subtract(design, self.shift, out=z[:, :-2])
        z[:, -2], z[:, -1] = y - self.centre, 1.0
        if weights is not None:
            z *= np.sqrt(weights)[:, None]
        self.gram += z.T @ z
        self.rows += len(y)

    def centred(self) -> tuple[Floats, Floats, float, Floats, float]:
        """Return Gram matrix, moment with the target and its power about the means, and the means.

        Weights count as if their mean were one.
        """
        p, total = len(self.shift), float(self.gram[-1, -1])
        mean = self.gram[:-1, -1] / total
        about = (self.gram[:-1, :-1] - total * np.outer(mean, mean)) * (self.rows / total)
        means = self.shift + mean[:p]
        return about[:p, :p], about[:p, p], float(about[p, p]), means, self.centre + float(mean[p])


def solve(moments: Moments, sizes: list[int], start: Floats) -> tuple[Floats, Status, Certificate]:
    """Return the coefficients ``[1 + p]`` whose block penalties maximise the marginal likelihood.

    Args:
        moments: Of all rows.
        sizes: Number of columns of every block.
        start: ``[p]`` coefficients of the draw.

    Raises:
        NumericalError: The precision matrix could not be factorised.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> moments = Moments.about(np.zeros(1), 0.0)
    >>> moments.add(x.astype(np.float32), 2 * x[:, 0] + 1)
    >>> solve(moments, [1], np.ones(1))[0].round(3).tolist()
    [1.0, 2.0]
    """
    found, moment, power, mean_x, mean_y = moments.centred()
    n = moments.rows
    unit = 2.0 ** (frexp(np.sqrt(max(power, 1e-300) / n))[1] - 1)
    gram = torch.from_numpy(found)
    b, power = torch.from_numpy(moment) / unit, power / unit**2
    index = block_index(sizes)
    w = torch.from_numpy(start) / unit
    zero = torch.zeros(len(sizes), dtype=torch.float64)
    count = zero.index_add(0, index, torch.ones_like(w))
    variances = (zero.index_add(0, index, w * w) / count).clamp(1e-10, 1e8)
    noise = max((power - 2 * float(b @ w) + float(w @ gram @ w)) / n, 1e-12 * power / n, 1e-300)
    status, error = Status.OUT_OF_BUDGET, 0.0
    for _ in range(_STEPS):
        precision = gram / noise
        precision.diagonal().add_(1.0 / variances[index])
        factor, failed = torch.linalg.cholesky_ex(precision)
        if int(failed):
            raise NumericalError("a positive definite precision", "a failed Cholesky factorisation")
        w = torch.cholesky_solve((b / noise)[:, None], factor)[:, 0]
        residual = float((b / noise - precision @ w).norm())
        error = residual * float(variances.max()) / max(float(w.norm()), 1e-300) if residual else 0.0
        rss = max(power - 2 * float(b @ w) + float(w @ gram @ w), 1e-12 * power, 1e-300)
        new, effective = updated_variances(w, torch.cholesky_inverse(factor).diagonal(), variances, index)
        new_noise = max(rss / max(n - 1 - float(effective.sum()), 1.0), 1e-300)
        moved = max(float((new / variances).log().abs().max()), abs(log(new_noise / noise)))
        variances, noise = new, new_noise
        if moved < _TOLERANCE:
            status = Status.CONVERGED
            break
    out = w.numpy() * unit
    certificate = Certificate(
        "the coefficients are within a relative distance of 1e-6 of the exact solution for these penalties",
        Kind.PROOF,
        error <= 1e-6,
        bound=1e-6,
        value=error,
        assumptions=(f"the Gram matrix as accumulated in float64 over {n:,} rows",),
        method="|w - w*| <= |A w - b| / lambda_min(A), and lambda_min(A) >= 1 / the largest prior variance",
    )
    return np.concatenate([[mean_y - float(mean_x @ out)], out]), status, certificate
