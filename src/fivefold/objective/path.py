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
        # the prior's share is a quadratic about its mean, of which everything but w is known
        self._ridge = None if prior is None else prior.precision / total
        self._least = 0.0 if prior is None else float(prior.value(prior.mean)) / total

    def split(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the model's and the likelihood's part of ``w``."""
        return w[..., : self.model.size], w[..., self.model.size :]

    def penalty(self, w: Tensor) -> Tensor:
        """Return the prior's share, ``[..., P]`` to ``[...]``."""
        if self.prior is None or self._ridge is None:
            return w.new_zeros(w.shape[:-1])
        away = w - self.prior.mean
        return 0.5 * (self._ridge * away * away).sum(-1) + self._least

    def penalty_gradient(self, w: Tensor) -> Tensor:
        """Return the gradient of the prior's share, ``[..., P]``, or zeros ``[P]``."""
        if self.prior is None or self._ridge is None:
            return w.new_zeros(w.shape[-1])
        return self._ridge * (w - self.prior.mean)

    def ridge(self, w: Tensor) -> Tensor:
        """Return the diagonal curvature of the prior's share, ``[P]``."""
        return w.new_zeros(w.shape[-1]) if self._ridge is None else self._ridge

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

    def probe(self, w: Tensor) -> None:
        """Raise what evaluating at w ``[P]`` would; nothing else of it is of use."""
        self.value(w)

    def share(self, w: Tensor) -> None:  # noqa: B027  (nothing, unless a path has what to share)
        """Keep, for this very tensor ``[P]``, what the value, the gradient and the Hessian have in common."""

    @abstractmethod
    def gauss_newton(self, w: Tensor) -> LinearOperator:
        """Return the Gauss-Newton matrix of F."""

    @abstractmethod
    def fisher(self, w: Tensor) -> LinearOperator:
        """Return the Fisher information of F's likelihood plus the prior's curvature."""

    @abstractmethod
    def jacobian(self, w: Tensor) -> LinearOperator:
        """Return the derivative of the predictors in all of ``w``."""
