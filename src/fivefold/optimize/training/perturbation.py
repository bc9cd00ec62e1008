"""Changes of a batch that look at the module: random noise, and the worst case within a radius."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from fivefold.core import ArgumentError, require
from fivefold.optimize.training.losses import LossFunction

DISTRIBUTIONS = ("gaussian", "uniform")


class Perturbation(Protocol):
    """What ``train(perturb=...)`` calls before every update: any function of this form."""

    def __call__(
        self,
        module: nn.Module,
        loss: LossFunction,
        X: Tensor,
        targets: tuple[Tensor, ...],
        generator: Generator,
    ) -> Tensor:
        """Return the inputs to train on, of the shape, type and device of X, which stays as it is."""
        ...


@dataclass(frozen=True)
class RandomNoise:
    r"""Add independent noise to every input.

    .. math:: \tilde x = x + \sigma z, \qquad z \sim N(0, I) \text{ or } U(-1, 1)^d

    For a linear model and the squared loss the noise adds sigma^2 ||w||^2 (uniform: a third of it) to the
    expected loss: ridge regression. Source: Bishop, "Training with noise is equivalent to Tikhonov
    regularization", Neural Computation 7, 1995.

    Args:
        scale: sigma, in units of the inputs, at least 0.
        distribution: ``"gaussian"`` or ``"uniform"``.
        low: Smallest value that an input may take, or ``None``.
        high: Largest, above ``low``, or ``None``.

    Raises:
        ArgumentError: A number out of its range, or an unknown distribution.

    >>> X = torch.zeros(2, 3)
    >>> noisy = RandomNoise(0.1, "uniform")(nn.Identity(), torch.mean, X, (), Generator().manual_seed(0))
    >>> noisy.shape, bool((noisy.abs() <= 0.1).all())
    (torch.Size([2, 3]), True)
    """

    scale: float
    distribution: str = "gaussian"
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        require(0 <= self.scale < math.inf, "a finite scale of at least 0", self.scale)
        known = ", ".join(DISTRIBUTIONS)
        require(self.distribution in DISTRIBUTIONS, f"a distribution among {known}", repr(self.distribution))
        _require_order(self.low, self.high)

    def __call__(
        self,
        module: nn.Module,
        loss: LossFunction,
        X: Tensor,
        targets: tuple[Tensor, ...],
        generator: Generator,
    ) -> Tensor:
        """Add noise to a batch of any shape.

        Raises:
            ArgumentError: Inputs that are whole numbers, or that lie outside of ``low`` and ``high``.
        """
        del module, loss, targets
        _require_inputs(X, self.low, self.high)
        if self.distribution == "gaussian":
            z = torch.randn(X.shape, generator=generator, dtype=X.dtype, device=X.device)
        else:
            z = _uniform(X, generator)
        return _clip(X + self.scale * z, self.low, self.high)


@dataclass(frozen=True)
class GradientSign:
    r"""Move every input within a radius to where the loss is large, by the sign of its gradient.

    .. math:: x_{k+1} = \Pi \bigl( x_k + \alpha \operatorname{sign} \nabla_x L(x_k) \bigr), \qquad
              \Pi \text{ the projection onto } \|x - x_0\|_\infty \le \epsilon, \; low \le x \le high

    One step from the inputs themselves is the fast gradient sign method, alpha = epsilon: Goodfellow, Shlens
    and Szegedy, "Explaining and harnessing adversarial examples", 2015. More steps, from a random point of
    the ball, are projected gradient ascent with alpha = 2.5 epsilon / steps: Madry, Makelov, Schmidt, Tsipras
    and Vladu, "Towards deep learning models resistant to adversarial attacks", 2018.

    For two classes and a linear f(x) = w'x + b one step is the exact worst case: the margin y f falls by
    epsilon ||w||_1, and the class changes for epsilon > |f(x)| / ||w||_1. For other modules it is a lower
    bound on the worst case: an accuracy under attack may be lower still under a stronger one.

    Args:
        radius: epsilon, in units of the inputs, at least 0.
        steps: At least 1; each costs a forward and a backward pass.
        step_size: alpha, positive, or ``None`` for the values above.
        low: Smallest value that an input may take, or ``None``.
        high: Largest, above ``low``, or ``None``.

    Raises:
        ArgumentError: A number out of its range.

    >>> line = nn.Linear(2, 1, bias=False)
    >>> _ = line.weight.data.copy_(torch.tensor([[2.0, -1.0]]))
    >>> loss = lambda out, y: (out[:, 0] - y).square().mean()
    >>> X, y = torch.tensor([[1.0, 1.0]]), torch.tensor([0.0])
    >>> GradientSign(0.25)(line, loss, X, (y,), Generator()).tolist()
    [[1.25, 0.75]]
    """

    radius: float
    steps: int = 1
    step_size: float | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        require(0 <= self.radius < math.inf, "a finite radius of at least 0", self.radius)
        require(self.steps >= 1, "at least 1 step", self.steps)
        step = self.step_size
        require(step is None or 0 < step < math.inf, "a positive, finite step size, or None", step)
        _require_order(self.low, self.high)

    def __call__(
        self,
        module: nn.Module,
        loss: LossFunction,
        X: Tensor,
        targets: tuple[Tensor, ...],
        generator: Generator,
    ) -> Tensor:
        """Move a batch of any shape; the parameters' ``.grad`` stay as they are.

        Args:
            module: Called on the inputs, in the mode in which it stands.
            loss: ``loss(output, *targets)``, [] or [K], a mean over rows.
            X: [n, ...], floating point.
            targets: What the loss gets beside the output.
            generator: For the start, where there are several steps.

        Raises:
            ArgumentError: Inputs that are whole numbers or lie outside of ``low`` and ``high``, or a loss
                that does not depend on them.
        """
        _require_inputs(X, self.low, self.high)
        X = X.detach()
        lower, upper = _clip(X - self.radius, self.low, None), _clip(X + self.radius, None, self.high)
        step = self.step_size
        if step is None:
            step = self.radius if self.steps == 1 else 2.5 * self.radius / self.steps
        moved = X
        if self.steps > 1:
            moved = torch.clamp(X + self.radius * _uniform(X, generator), lower, upper)
        for _ in range(self.steps):
            moved = torch.clamp(moved + step * _slope(module, loss, moved, targets).sign(), lower, upper)
        return moved


def _slope(module: nn.Module, loss: LossFunction, X: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
    """The gradient of the loss by the inputs alone."""
    with torch.enable_grad():
        X = X.detach().requires_grad_()
        value = loss(module(X), *targets).sum()
        found = torch.autograd.grad(value, X, allow_unused=True)[0] if value.requires_grad else None
    if found is None:
        raise ArgumentError(
            "a loss that depends on the inputs",
            "one without a gradient by them",
            "do not detach the inputs in the module, or train without perturb",
        )
    return found


def _uniform(X: Tensor, generator: Generator) -> Tensor:
    return 2.0 * torch.rand(X.shape, generator=generator, dtype=X.dtype, device=X.device) - 1.0


def _clip(X: Tensor, low: float | None, high: float | None) -> Tensor:
    return X if low is None and high is None else X.clamp(low, high)


def _require_order(low: float | None, high: float | None) -> None:
    ordered = (-math.inf if low is None else low) < (math.inf if high is None else high)
    require(ordered, "low below high", (low, high))


def _require_inputs(X: Tensor, low: float | None, high: float | None) -> None:
    require(X.is_floating_point(), "inputs of floating point", X.dtype, "give X.float()")
    if low is None and high is None:
        return
    least, most = (float(each) for each in X.detach().aminmax())
    fits = (low is None or least >= low) and (high is None or most <= high)
    # a batch with NaN fits nothing and is not this error
    require(
        fits or math.isnan(least),
        f"inputs within low and high ({low}, {high})",
        f"{least:.4g} to {most:.4g}",
        "give low and high in the units that the inputs have after scaling",
    )
