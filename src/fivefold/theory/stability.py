"""Whether the rate of an optimizer stands below, at or beyond its edge of stability."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from fivefold.core import Certificate, Kind, require
from fivefold.optimize import StabilityLimit, stability_limit


@dataclass(frozen=True, eq=False, slots=True)
class StabilityMargin:
    r"""Rate times curvature against the optimizer's edge.

    Args:
        rate: :math:`\eta`, the largest of the optimizer's groups.
        limit: Curvature (preconditioned as the optimizer does), edge and largest stable rate.
        certificates: Whether the rate is within the limit.
    """

    rate: float
    limit: StabilityLimit
    certificates: tuple[Certificate, ...]

    @property
    def product(self) -> float:
        r""":math:`\eta \lambda_{\max}`, against ``limit.edge`` (2 for plain gradient descent)."""
        return self.rate * self.limit.curvature

    @property
    def ratio(self) -> float:
        """The product over the edge: above 1 the quadratic model diverges."""
        return self.product / self.limit.edge

    @property
    def verdict(self) -> str:
        """``"stable"``, ``"at the edge"`` (within 10%, or within the curvature's error) or ``"beyond"``."""
        slack = max(0.1, self.rate * self.limit.residual / self.limit.edge)
        if self.ratio > 1 + slack:
            return "beyond"
        return "stable" if self.ratio < 1 - slack else "at the edge"


def stability_margin(
    module: nn.Module,
    loss: Any,
    batch: tuple[Tensor, ...],
    optimizer: Optimizer,
    *,
    seed: int = 0,
) -> StabilityMargin | None:
    r"""Return the optimizer's rate times the (preconditioned) sharpness against its edge of stability.

    .. math:: \eta\, \lambda_{\max}(P^{-1/2} H P^{-1/2}) \lessgtr 2 \text{ (gradient descent)}, \quad
              2 (1 + \beta) \text{ (momentum)}, \quad 2 \tfrac{1 + \beta_1}{1 - \beta_1} \text{ (Adam)}

    Full-batch training rises to the edge and stays about it, which does no harm by itself; far beyond it the
    loss grows. With small batches noise keeps training below it.

    Source: Cohen, Kaur, Li, Kolter and Talwalkar, "Gradient descent on neural networks typically occurs at
    the edge of stability", ICLR 2021; Cohen et al., arXiv 2207.14484, for Adam.

    Args:
        module: At its parameters and in the mode in which it trains.
        loss: ``loss(output, *targets)``, a scalar.
        batch: ``(X, *targets)``: as many rows as the estimate should rest on.
        optimizer: Of the module's parameters, with its moments: it must have made steps, unless it is SGD.
        seed: Of the Lanczos start.

    Returns:
        The margin, or ``None`` where the optimizer has no known edge or no moments yet, or where the
        curvature is not finite.

    Raises:
        ArgumentError: An optimizer of other parameters, or a batch without targets.

    >>> import torch
    >>> net = nn.Linear(1, 1, bias=False)
    >>> X = torch.tensor([[2.0]])  # the loss (2 w - y)^2 has curvature 8
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.5)
    >>> margin = stability_margin(net, nn.MSELoss(), (X, X), sgd)
    >>> round(margin.product, 4), margin.limit.edge, margin.verdict
    (4.0, 2.0, 'beyond')
    """
    require(
        isinstance(batch, tuple) and len(batch) >= 2 and all(isinstance(part, Tensor) for part in batch),
        "one batch (X, *targets) of tensors",
        type(batch).__name__,
        "join batches, or take the first",
    )
    limit = stability_limit(module, loss, batch, optimizer, seed=seed)
    return None if limit is None else margin_of(limit, optimizer)


def margin_of(limit: StabilityLimit, optimizer: Optimizer) -> StabilityMargin:
    """Return how far an optimizer's rate is from a limit that is known already.

    Args:
        limit: Curvature and edge.
        optimizer: Whose rate is asked for.

    >>> import torch
    >>> w = [torch.zeros(1, requires_grad=True)]
    >>> margin_of(StabilityLimit(0.5, 4.0, 2.0, 0.0, True), torch.optim.SGD(w, lr=0.4)).ratio
    0.8
    """
    rates = {float(group["lr"]) for group in optimizer.param_groups}
    rate = max(rates)
    low, high = (rate * (limit.curvature + sign * limit.residual) for sign in (-1, 1))
    holds = True if high <= limit.edge else False if low > limit.edge else None
    claim = Certificate(
        "the optimizer's rate times the largest curvature is at most its edge of stability",
        Kind.INDICATOR,
        holds,
        bound=limit.edge,
        value=rate * limit.curvature,
        assumptions=(
            "the loss is quadratic and the preconditioner fixed over a few steps",
            *(() if len(rates) == 1 else ("all groups take the largest group's rate",)),
            *(() if limit.converged else ("the curvature converged, which it did not",)),
        ),
        method="Lanczos on products with the batch's Hessian; unknown within the residual",
    )
    return StabilityMargin(rate, limit, (claim,))
