"""What every likelihood can do: its density in the linear predictor, and two derivatives of it."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fivefold.core import ArgumentError, DataError, require


@dataclass(frozen=True, eq=False, slots=True)
class JointCurvature:
    r"""Second derivatives of each row's negative log density in its predictor and the own parameters.

    Args:
        eta: In the predictor: ``[..., n]``, or ``[..., n, K, K]`` for K outputs.
        cross: Mixed: ``[..., n, q]``, or ``[..., n, K, q]``.
        theta: In the own parameters: ``[..., n, q, q]``.
        outer: s ``[..., n, K]`` where the curvature in the predictors is :math:`\operatorname{diag}(d) - s
            s^\top`, of which ``eta`` is then d ``[..., n, K]``.
    """

    eta: Tensor
    cross: Tensor
    theta: Tensor
    outer: Tensor | None = None


class Likelihood(ABC):
    r"""The density of an observation given its linear predictor, :math:`p(y \mid \eta, \theta)`.

    Every method works row by row: :math:`\eta` has shape ``[..., n]`` for one output and ``[..., n, K]`` for
    K outputs, ``y`` has shape ``[n]``, and :math:`\theta`, the likelihood's own unconstrained parameters,
    ``[..., q]`` with the leading dimensions of :math:`\eta`. All of it can be differentiated and mapped by
    torch.

    Implementers write the underscored methods; the public ones check shapes.

    Args:
        name: The name in the registry.
        outputs: 1, or K predictors per row.
        parameters: q, the number of own parameters.
        convex: Whether the negative log density is convex in :math:`(\eta, \theta)` for every y.
        by_row: Constants of the observations by name, each ``[n]`` (the trials of a binomial count).
    """

    def __init__(
        self,
        name: str,
        *,
        outputs: int = 1,
        parameters: int = 0,
        convex: bool = True,
        by_row: dict[str, Tensor] | None = None,
    ) -> None:
        self.name = name
        self.by_row = by_row or {}
        self.outputs = outputs
        self.parameters = parameters
        self.convex = convex

    def negative_log_density(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`-\log p(y_i \mid \eta_i, \theta)`, constants included.

        Args:
            eta: ``[..., n]`` or ``[..., n, K]``.
            y: ``[n]``, as :meth:`check` returns it.
            theta: ``[..., q]``; needed where q > 0.

        Returns:
            ``[..., n]``.

        Raises:
            ArgumentError: The shapes do not fit.
        """
        return self._value(eta, y, self._checked(eta, y, theta))

    def gradient(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`-\partial \log p / \partial \eta`, in the shape of ``eta``; arguments as above."""
        return self._gradient(eta, y, self._checked(eta, y, theta))

    def curvature(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`-\partial^2 \log p / \partial \eta^2`: ``[..., n]`` or ``[..., n, K, K]``."""
        return self._curvature(eta, y, self._checked(eta, y, theta))

    def fisher(self, eta: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`-E_y[\partial^2 \log p / \partial \eta^2]`: ``[..., n]`` or ``[..., n, K, K]``."""
        return self._fisher(eta, self._checked(eta, None, theta))

    def theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`-\partial \log p / \partial \theta` of each row, ``[..., n, q]``."""
        return self._theta_gradient(eta, y, self._checked(eta, y, theta))

    def joint_curvature(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> JointCurvature:
        r"""Return the second derivatives in :math:`(\eta, \theta)` of each row."""
        own = self._checked(eta, y, theta)
        cross, block = self._theta_curvature(eta, y, own)
        return JointCurvature(self._curvature(eta, y, own), cross, block)

    def factored_curvature(self, eta: Tensor, y: Tensor, theta: Tensor | None = None) -> JointCurvature:
        r"""Return :meth:`joint_curvature`, for K outputs as a diagonal less an outer product if it is one.

        That takes K numbers a row instead of K squared.
        """
        return self._factored(eta, y, self._checked(eta, y, theta))

    def joint_fisher(self, eta: Tensor, theta: Tensor | None = None) -> JointCurvature:
        r"""Return the expectation over y of the second derivatives in :math:`(\eta, \theta)`."""
        own = self._checked(eta, None, theta)
        cross, block = self._theta_fisher(eta, own)
        return JointCurvature(self._fisher(eta, own), cross, block)

    def mean(self, eta: Tensor, theta: Tensor | None = None) -> Tensor:
        r"""Return :math:`E[y \mid \eta]` in the shape of ``eta``; class probabilities for K outputs."""
        return self._mean(eta, self._checked(eta, None, theta))

    def sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor | None = None) -> Tensor:
        """Draw one observation per row, ``[..., n]``, in what :meth:`check` returns.

        Args:
            eta: ``[..., n]`` or ``[..., n, K]``.
            generator: Where the randomness comes from, on the device of ``eta``.
            theta: ``[..., q]``; needed where q > 0.
        """
        own = self._checked(eta, None, theta)
        with torch.no_grad():
            return self._sample(eta, generator, own)

    def check(
        self, y: Any, *, dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu"
    ) -> Tensor:
        """Return the observations as a tensor ``[n]``, once they are known to be possible.

        Args:
            y: Numbers ``[n]``: a tensor, a NumPy array or a list.
            dtype: Of real-valued observations; class numbers become int64.
            device: Where to put them.

        Raises:
            DataError: Not one-dimensional, empty, not numbers, not finite, or impossible under this density.
        """
        try:
            tensor = y if isinstance(y, Tensor) else torch.as_tensor(np.ascontiguousarray(y))
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError("y with numbers", str(error), "encode the target first") from error
        if tensor.ndim != 1 or tensor.shape[0] == 0 or tensor.is_complex():
            raise DataError(
                "y as a nonempty vector [n] of real numbers",
                f"{tensor.dtype} of shape {tuple(tensor.shape)}",
                "pass one target column",
            )
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise DataError("finite y", f"{bad} NaN or infinite of {len(tensor)}", "drop those rows")
        return self._support(tensor, dtype).to(device)

    def initial_theta(self, y: Tensor) -> Tensor:
        """Return a place where the own parameters may start, ``[q]``, from checked observations."""
        return self._initial_theta(y)

    def take(self, rows: Tensor) -> "Likelihood":
        """Return the likelihood of some of the rows: itself, unless it holds constants row by row.

        Args:
            rows: Row numbers or a mask.
        """
        if not self.by_row:
            return self
        part = copy.copy(self)
        part.by_row = {name: each[rows.to(each.device)] for name, each in self.by_row.items()}
        return part

    @abstractmethod
    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON: ``create(**record)`` makes the same likelihood."""

    def __repr__(self) -> str:
        options = ", ".join(f"{key}={value!r}" for key, value in self.to_record().items() if key != "name")
        return f"{type(self).__name__}({options})"

    def _checked(self, eta: Tensor, y: Tensor | None, theta: Tensor | None) -> Tensor:
        rows = eta.ndim - 1 if self.outputs == 1 else eta.ndim - 2
        fits = rows >= 0 and (self.outputs == 1 or eta.shape[-1] == self.outputs)
        if not fits:  # messages are made where they are needed: this is called often
            wanted = "[..., n]" if self.outputs == 1 else f"[..., n, {self.outputs}]"
            raise ArgumentError(f"eta of shape {wanted} for {self.name}", f"shape {tuple(eta.shape)}")
        n = eta.shape[rows]
        for name, each in self.by_row.items():
            require(
                len(each) == n, f"{len(each)} rows, as many as {name}", n, "use take() for some of the rows"
            )
        if y is not None and y.shape != (n,):
            raise ArgumentError(f"y of shape ({n},)", str(tuple(y.shape)))
        if self.parameters == 0:
            return eta.new_zeros((*eta.shape[:rows], 0))
        if theta is None:
            raise ArgumentError(f"theta [..., {self.parameters}] for {self!r}", "none", "pass its parameters")
        shape = (*eta.shape[:rows], self.parameters)
        require(tuple(theta.shape) == shape, f"theta of shape {shape}", tuple(theta.shape))
        return theta

    def _factored(self, eta: Tensor, y: Tensor, theta: Tensor) -> JointCurvature:
        """Return the second derivatives; overridden where they have structure."""
        cross, block = self._theta_curvature(eta, y, theta)
        return JointCurvature(self._curvature(eta, y, theta), cross, block)

    @abstractmethod
    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixed second derivatives and those in theta."""

    @abstractmethod
    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the expectations of what ``_theta_curvature`` returns."""

    @abstractmethod
    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor: ...

    @abstractmethod
    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        """Return finite observations in their dtype, or raise ``DataError`` where one is impossible."""

    @abstractmethod
    def _initial_theta(self, y: Tensor) -> Tensor: ...


class CanonicalLikelihood(Likelihood):
    r"""An exponential family in its natural parameter, without parameters of its own.

    .. math:: -\log p(y \mid \eta) = A(\eta) - T(y)^\top \eta + c(y), \quad
              -\partial^2_\eta \log p = \nabla^2 A(\eta) = \operatorname{Cov}(T(y))

    The curvature does not depend on y, so it equals its expectation, and the density is log-concave.

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", section 2.2.
    """

    def __init__(self, name: str, *, outputs: int = 1, by_row: dict[str, Tensor] | None = None) -> None:
        super().__init__(name, outputs=outputs, parameters=0, convex=True, by_row=by_row)

    @abstractmethod
    def _variance(self, eta: Tensor) -> Tensor:
        r"""Return :math:`\nabla^2 A(\eta)`."""

    def _curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return self._variance(eta)

    def _fisher(self, eta: Tensor, theta: Tensor) -> Tensor:
        return self._variance(eta)

    def _theta_gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        return eta.new_zeros((*self._rows(eta), 0))

    def _theta_curvature(self, eta: Tensor, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        return self._theta_fisher(eta, theta)

    def _theta_fisher(self, eta: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        return eta.new_zeros((*eta.shape, 0)), eta.new_zeros((*self._rows(eta), 0, 0))

    def _rows(self, eta: Tensor) -> tuple[int, ...]:
        return tuple(eta.shape) if self.outputs == 1 else tuple(eta.shape[:-1])

    def _initial_theta(self, y: Tensor) -> Tensor:
        return torch.zeros(0, dtype=torch.float64, device=y.device)
