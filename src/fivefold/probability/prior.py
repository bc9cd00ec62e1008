"""The normal prior over a vector of parameters."""

import math
from typing import Any

import torch
from torch import Tensor

from fivefold.core import ArgumentError, require


class GaussianPrior:
    r"""Independent normal priors :math:`w_j \sim N(m_j, 1/\tau_j)`; flat where :math:`\tau_j = 0`.

    .. math:: -\log p(w) = \tfrac12 \sum_j \tau_j (w_j - m_j)^2
              - \tfrac12 \sum_{j: \tau_j > 0} \log \frac{\tau_j}{2\pi}

    A flat direction is improper and adds nothing.

    Source: Bishop 2006, "Pattern Recognition and Machine Learning", section 3.3.

    Args:
        precision: :math:`\tau`, at least 0: one number, or ``[P]``.
        mean: m: one number, or ``[P]``.

    Raises:
        ArgumentError: A negative precision, numbers that are not finite, or shapes that do not fit.

    >>> prior = GaussianPrior(precision=torch.tensor([4.0, 0.0]))
    >>> prior.value(torch.tensor([1.0, 100.0])), prior.gradient(torch.tensor([1.0, 100.0]))
    (tensor(2.2258), tensor([4., 0.]))
    """

    def __init__(self, precision: float | Tensor | Any, mean: float | Tensor | Any = 0.0) -> None:
        self.precision = as_numbers(precision, "the precision")
        self.mean = as_numbers(mean, "the prior mean")
        require(bool((self.precision >= 0).all()), "a precision of at least 0", float(self.precision.min()))
        lengths = {t.shape[0] for t in (self.precision, self.mean) if t.ndim == 1}
        require(len(lengths) <= 1, "precision and mean of one length", sorted(lengths))
        self.size: int | None = lengths.pop() if lengths else None
        self._constant: float | None = None

    def value(self, w: Tensor) -> Tensor:
        r"""Return :math:`-\log p(w)`, ``[..., P]`` to ``[...]``, constants included.

        Raises:
            ArgumentError: ``w`` has another length than the prior.
        """
        tau, m = self._like(w)
        repeats = w.shape[-1] if self.precision.ndim == 0 else 1
        return 0.5 * ((tau * (w - m).square()).sum(-1) - repeats * self._logs())

    def gradient(self, w: Tensor) -> Tensor:
        r"""Return :math:`\tau (w - m)`, ``[..., P]``."""
        tau, m = self._like(w)
        return tau * (w - m)

    def curvature(self, w: Tensor) -> Tensor:
        r"""Return the diagonal :math:`\tau` of the second derivatives, ``[P]``, for the P of ``w``."""
        return self._like(w)[0]

    def over(
        self, size: int, *, flat: Tensor | None = None, dtype: torch.dtype | None = None
    ) -> "GaussianPrior":
        """Return the prior with one precision and one mean per parameter.

        Args:
            size: P.
            flat: ``[P]``, true where a single precision does not apply (an intercept, a log variance); a
                precision that came per parameter is left as it is.
            dtype: Of the result; float64 by default.

        Raises:
            ArgumentError: The prior is of another length.

        >>> GaussianPrior(2.0).over(2, flat=torch.tensor([False, True])).precision
        tensor([2., 0.], dtype=torch.float64)
        """
        require(self.size in (None, size), f"a prior over {size} parameters", f"one over {self.size}")
        tau = self.precision.expand(size).to(dtype or torch.float64).clone()
        if flat is not None and self.precision.ndim == 0:
            tau[flat] = 0
        return GaussianPrior(tau, self.mean.expand(size).to(tau))

    def to(self, like: Tensor) -> "GaussianPrior":
        """Return the prior in the dtype and on the device of a tensor."""
        return GaussianPrior(self.precision.to(like), self.mean.to(like))

    def _logs(self) -> float:
        """The sum of log(tau / 2 pi) over what is not flat, computed once."""
        if self._constant is None:
            proper = self.precision[self.precision > 0].double()
            self._constant = float((proper / (2 * math.pi)).log().sum())
        return self._constant

    def _like(self, w: Tensor) -> tuple[Tensor, Tensor]:
        P = w.shape[-1]
        require(self.size in (None, P), f"w of shape [..., {self.size}]", f"shape {tuple(w.shape)}")
        tau, m = self.precision.to(w), self.mean.to(w)
        return (tau if tau.ndim else tau.expand(P)), (m if m.ndim else m.expand(P))

    def __repr__(self) -> str:
        return f"GaussianPrior(precision={self.precision.tolist()}, mean={self.mean.tolist()})"


def as_numbers(x: Any, name: str) -> Tensor:
    """Return a number or a vector of them as a tensor, once it is known to be finite.

    Raises:
        ArgumentError: Not numbers, more than one dimension, empty, or not finite.
    """
    try:
        tensor = torch.as_tensor(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"{name} as a number or a vector", str(error)) from error
    require(tensor.ndim <= 1 and tensor.numel() > 0, f"{name} as a number or [P]", tuple(tensor.shape))
    require(bool(torch.isfinite(tensor).all()), f"finite numbers in {name}", tensor.tolist())
    # A Python number is kept in float64, so that it is not rounded before it meets w.
    keep = isinstance(x, Tensor) and tensor.is_floating_point()
    return tensor.detach() if keep else torch.as_tensor(x, dtype=torch.float64).detach()
