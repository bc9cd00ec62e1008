"""The two ways to the derivatives of a data objective share this: rows, prior, and who owns what in w."""

from abc import ABC, abstractmethod

from torch import Tensor

from fivefold.linalg import LinearOperator
from fivefold.objective.model import Model
from fivefold.probability import GaussianPrior, Likelihood


class Path(ABC):
    r"""How :math:`F(w) = \frac1n \sum_i a_i \ell_i(w) + \frac1N \pi(w)` and its derivatives are computed.

    Args:
        model: The model, whose parameters come first in ``w``.
        likelihood: The likelihood, whose parameters come after them.
        prior: With one precision per parameter of ``w``, or ``None``.
        total: N, the rows of the whole data.
    """

    def __init__(
        self, model: Model, likelihood: Likelihood, prior: GaussianPrior | None, total: float
    ) -> None:
        self.model = model
        self.likelihood = likelihood
        self.prior = prior
        self.total = total

    def split(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the model's and the likelihood's part of ``w``."""
        return w[..., : self.model.size], w[..., self.model.size :]

    def penalty(self, w: Tensor) -> Tensor:
        """Return the prior's share, ``[..., P]`` to ``[...]``."""
        return w.new_zeros(w.shape[:-1]) if self.prior is None else self.prior.value(w) / self.total

    def penalty_gradient(self, w: Tensor) -> Tensor:
        """Return the gradient of the prior's share, ``[..., P]``, or zeros ``[P]``."""
        return w.new_zeros(w.shape[-1]) if self.prior is None else self.prior.gradient(w) / self.total

    def ridge(self, w: Tensor) -> Tensor:
        """Return the diagonal curvature of the prior's share, ``[P]``."""
        return w.new_zeros(w.shape[-1]) if self.prior is None else self.prior.curvature(w) / self.total

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of rows n."""

    @property
    @abstractmethod
    def batching(self) -> str:
        """How a batch of points is worked off."""

    @abstractmethod
    def take(self, index: Tensor) -> "Path":
        """Return the same objective on some of its rows."""

    @abstractmethod
    def predictor(self, w: Tensor) -> Tensor:
        """Return the predictors at the rows, offset included."""

    @abstractmethod
    def value(self, w: Tensor) -> Tensor:
        """Map ``[..., P]`` to ``[...]``."""

    @abstractmethod
    def value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``[..., P]`` to ``[...]`` and ``[..., P]``."""

    @abstractmethod
    def hessian(self, w: Tensor) -> LinearOperator:
        """Return the Hessian of F."""

    @abstractmethod
    def gauss_newton(self, w: Tensor) -> LinearOperator:
        """Return the Gauss-Newton matrix of F."""

    @abstractmethod
    def fisher(self, w: Tensor) -> LinearOperator:
        """Return the Fisher information of F's likelihood plus the prior's curvature."""

    @abstractmethod
    def jacobian(self, w: Tensor) -> LinearOperator:
        """Return the derivative of the predictors in all of ``w``."""
