"""Counts out of n, with the logit link."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from fivefold.core import ArgumentError, DataError, require
from fivefold.probability.likelihood import CanonicalLikelihood


class Binomial(CanonicalLikelihood):
    r"""Successes y out of n trials with :math:`p = \sigma(\eta)`.

    .. math:: -\log p(y) = y \log(1 + e^{-\eta}) + (n - y) \log(1 + e^{\eta}) - \log \binom{n}{y}

    Source: McCullagh & Nelder 1989, "Generalized Linear Models", chapter 4.

    Args:
        trials: n, at least 1: one number for all rows, or one per row ``[rows]``.

    Raises:
        ArgumentError: Trials that are not whole numbers from 1 on.

    >>> likelihood = Binomial(4)
    >>> eta, y = torch.zeros(2, dtype=torch.float64), torch.tensor([2.0, 4.0], dtype=torch.float64)
    >>> likelihood.mean(eta), torch.exp(-likelihood.negative_log_density(eta, y))
    (tensor([2., 2.], dtype=torch.float64), tensor([0.3750, 0.0625], dtype=torch.float64))
    """

    def __init__(self, trials: Any) -> None:
        try:
            n = torch.as_tensor(np.asarray(trials), dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError("trials as whole numbers", str(error)) from error
        whole = n.ndim <= 1 and n.numel() > 0 and bool(torch.isfinite(n).all())
        whole = whole and bool(((n >= 1) & (n == n.round())).all())
        require(whole, "trials as one whole number from 1 on, or one per row", trials)
        super().__init__("binomial", by_row={} if n.ndim == 0 else {"trials": n})
        self._trials = n

    @property
    def trials(self) -> Tensor:
        """The number of trials: a scalar, or one per row."""
        return self.by_row.get("trials", self._trials)

    def to_record(self) -> dict[str, Any]:
        """Return name and options as plain JSON."""
        n = self.trials
        return {"name": self.name, "trials": int(n) if n.ndim == 0 else [int(each) for each in n]}

    def _value(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        n = self.trials.to(eta)
        ways = torch.lgamma(n + 1) - torch.lgamma(y + 1) - torch.lgamma(n - y + 1)
        return -y * logsigmoid(eta) - (n - y) * logsigmoid(-eta) - ways

    def _gradient(self, eta: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        # (n - y) p - y (1 - p) and not n p - y: all-or-nothing rows keep their relative precision.
        return (self.trials.to(eta) - y) * torch.sigmoid(eta) - y * torch.sigmoid(-eta)

    def _variance(self, eta: Tensor) -> Tensor:
        return self.trials.to(eta) * torch.sigmoid(eta) * torch.sigmoid(-eta)

    def _mean(self, eta: Tensor, theta: Tensor) -> Tensor:
        return self.trials.to(eta) * torch.sigmoid(eta)

    def _sample(self, eta: Tensor, generator: torch.Generator, theta: Tensor) -> Tensor:
        n = self.trials.to(eta).expand(eta.shape).contiguous()
        return torch.binomial(n, torch.sigmoid(eta), generator=generator)

    def _support(self, y: Tensor, dtype: torch.dtype) -> Tensor:
        counts = y.to(dtype)
        n = self.trials.to(counts)
        if n.ndim == 1 and len(n) != len(counts):
            raise DataError(f"y with the {len(n)} rows of the trials", f"{len(counts)} rows")
        bad = counts[(counts < 0) | (counts > n) | (counts != counts.round())]
        if len(bad):
            most = f"{int(n)}" if n.ndim == 0 else "each row's trials"
            raise DataError(
                f"y of counts from 0 to {most} for a binomial likelihood",
                f"{len(bad)} other values, such as {bad[0].item():g}",
                "pass the successes, and as trials how many were tried",
            )
        return counts
