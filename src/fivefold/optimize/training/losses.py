"""Losses by name for training, over plain outputs or over an ensemble's."""

from collections.abc import Callable

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fivefold.core import ArgumentError, require

LossFunction = Callable[..., Tensor]
"""``loss(output, *targets) -> scalar``, or one number per member [K]."""


def squared_loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, mean over rows and outputs of (output - target)^2.

    Args:
        output: [n, m], or [K, n, m] for an ensemble.
        target: [n, m], or [n] where m = 1.

    Returns:
        A scalar, or [K].

    Raises:
        ArgumentError: Shapes that do not fit.

    >>> import torch
    >>> squared_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0])).item()
    2.0
    """
    target = target[:, None] if target.ndim == 1 else target
    require(output.shape[-2:] == target.shape, f"targets of shape {tuple(output.shape[-2:])}", target.shape)
    return (output - target).square().mean((-2, -1))


def cross_entropy_loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean negative log probability of the class, -log softmax(output)[target], in nats.

    Args:
        output: Logits [n, C], or [K, n, C] for an ensemble.
        target: Class numbers [n], int64, in 0 .. C - 1.

    Returns:
        A scalar, or [K].

    Raises:
        ArgumentError: Shapes that do not fit.

    >>> import torch
    >>> round(cross_entropy_loss(torch.zeros(3, 2), torch.tensor([0, 1, 1])).item(), 4)
    0.6931
    """
    require(output.shape[-2:-1] == target.shape, f"class numbers [{output.shape[-2]}]", target.shape)
    index = target.expand(output.shape[:-1])[..., None]
    return -F.log_softmax(output, -1).gather(-1, index)[..., 0].mean(-1)


def logistic_loss(output: Tensor, target: Tensor) -> Tensor:
    """Mean negative log probability of a yes or no, log(1 + exp(output)) - target * output, in nats.

    Args:
        output: Log odds [n, 1], or [K, n, 1] for an ensemble.
        target: [n], 0 or 1 (or a share between).

    Returns:
        A scalar, or [K].

    Raises:
        ArgumentError: Shapes that do not fit.

    >>> import torch
    >>> round(logistic_loss(torch.zeros(3, 1), torch.tensor([0.0, 1.0, 1.0])).item(), 4)
    0.6931
    """
    fits = output.shape[-1] == 1 and output.shape[-2:-1] == target.shape
    require(fits, "one output and targets [n]", (tuple(output.shape), tuple(target.shape)))
    eta = output[..., 0]
    return (F.softplus(eta) - target * eta).mean(-1)


def find_loss(loss: str | LossFunction) -> LossFunction:
    """The loss of that name, or the function itself.

    Raises:
        ArgumentError: No such loss.

    >>> find_loss("squared") is squared_loss
    True
    """
    if callable(loss):
        return loss
    known = {"squared": squared_loss, "cross-entropy": cross_entropy_loss, "logistic": logistic_loss}
    if loss not in known:
        raise ArgumentError(f"a loss among {', '.join(known)}, or a function", repr(loss))
    return known[loss]
