"""What is known about the curvature of a loss at a point."""

from dataclasses import dataclass

from torch import Tensor

from fivefold.core import Certificate, Status, require
from fivefold.linalg import Estimate, SpectralDensity
from fivefold.theory.spectral_sums import Sums


@dataclass(frozen=True, eq=False, slots=True)
class Curvature:
    r"""Eigenvalues, trace and density of a matrix of curvature, each with its error.

    Args:
        eigenvalues: The k largest, descending, ``[k]`` float64.
        residual_norms: An eigenvalue lies within this of each, ``[k]``.
        eigenvectors: ``[P, k]``, each with its largest entry positive; ``None`` unless asked for.
        smallest: The smallest Ritz value: an upper bound of the smallest eigenvalue.
        smallest_residual: An eigenvalue lies within this of it.
        trace: With its standard error; ``None`` unless asked for.
        density: Smoothed, with standard errors; ``None`` unless asked for.
        shares: For each named block of parameters, its part of each eigenvector's squared norm, ``[k]``.
        sums: What the effective dimension is computed from.
        size: P.
        products: Products with the matrix that were made.
        seconds: Taken.
        status: ``CONVERGED`` where eigenpairs and trace reached their tolerances.
        certificates: Residuals, orthonormality, completeness, negative curvature.
        message: Why it stopped.
    """

    eigenvalues: Tensor
    residual_norms: Tensor
    eigenvectors: Tensor | None
    smallest: float
    smallest_residual: float
    trace: Estimate | None
    density: SpectralDensity | None
    shares: dict[str, Tensor]
    sums: Sums
    size: int
    products: int
    seconds: float
    status: Status
    certificates: tuple[Certificate, ...]
    message: str

    @property
    def sharpness(self) -> float:
        """The largest eigenvalue."""
        return float(self.eigenvalues[0])

    def effective_dimension(self, a: float) -> Estimate:
        r"""Return :math:`d(a) = \sum_i \lambda_i^+ / (\lambda_i^+ + a)`, without further products.

        How many directions the data determine beside a penalty :math:`\tfrac a2 \lVert w \rVert^2` on the
        same scale as the loss. Negative eigenvalues count as 0.

        Args:
            a: The penalty's curvature, positive.

        Raises:
            ArgumentError: Not positive.
        """
        require(a > 0, "a positive curvature of the penalty", a)
        return self.sums.total(lambda x: x.clamp_min(0) / (x.clamp_min(0) + a))
