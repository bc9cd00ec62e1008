"""Check a gradient against central differences."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.calculus.gradients import gradient as automatic_gradient
from fivefold.core import Certificate, Kind, Status, require, torch_generator
from fivefold.linalg.arrays import Array, to_tensor


@dataclass(frozen=True, eq=False, slots=True)
class GradientCheck:
    """What a gradient check found.

    Args:
        error: The largest difference between the two gradients, divided by the larger of their greatest
            entries.
        noise: The rounding error of the differences, on the same scale; below it nothing can be seen.
        gradient: The gradient that was checked, at ``coordinates``.
        differences: The central differences, at ``coordinates``.
        coordinates: Which parameters were varied.
        worst: The parameter with the largest difference.
        status: ``CONVERGED`` where they agree, ``STALLED`` where rounding hides the answer, ``DIVERGED``
            where they differ.
        certificates: One, of kind *indicator*.
    """

    error: float
    noise: float
    gradient: Tensor
    differences: Tensor
    coordinates: Tensor
    worst: int
    status: Status
    certificates: tuple[Certificate, ...]

    @property
    def holds(self) -> bool | None:
        """Whether the gradients agree: yes, no, or ``None`` where rounding hides the answer."""
        return self.certificates[0].holds


def gradient_check(
    fn: Callable[[Tensor], Tensor],
    w: Array,
    *,
    gradient: Callable[[Tensor], Tensor] | None = None,
    tolerance: float = 1e-6,
    coordinates: int = 256,
    seed: int = 0,
) -> GradientCheck:
    r"""Compare a gradient with central differences in float64.

    .. math:: d_j = \frac{f(w + h_j e_j) - f(w - h_j e_j)}{2 h_j}, \quad
              h_j = \varepsilon^{1/3} \max(1, |w_j|), \quad
              \text{error} = \frac{\max_j |d_j - g_j|}{\max(\max_j |d_j|, \max_j |g_j|)}

    The truncation error of :math:`d_j` is :math:`h^2 |f'''| / 6`, its rounding error about
    :math:`\varepsilon |f| / h`.

    Source: Nocedal & Wright 2006, "Numerical Optimization", section 8.1.

    Args:
        fn: Maps ``[P]`` to a scalar.
        w: The point, ``[P]``; converted to float64. Choose one away from symmetric points such as 0.
        gradient: The gradient to be checked, maps ``[P]`` to ``[P]``; automatic differentiation by default.
        tolerance: The relative error up to which they agree, positive.
        coordinates: How many parameters are varied at most, at least 1; chosen at random where P is larger.
        seed: For that choice.

    Returns:
        The error and a certificate, which is unknown where the rounding error exceeds the tolerance, or
        where the gradient and the differences are both zero.

    Raises:
        ArgumentError: ``w`` is not a finite vector, the gradient has another shape, or a value is not finite.

    >>> check = gradient_check(lambda w: (w**3).sum(), torch.tensor([1.0, -2.0]))
    >>> check.holds, check.error < 1e-8
    (True, True)
    >>> gradient_check(lambda w: (w**3).sum(), torch.tensor([1.0]), gradient=lambda w: 2 * w**2).holds
    False
    """
    point = to_tensor(w, "w", dims=(1,)).detach().to(torch.float64)
    require(tolerance > 0, "a positive tolerance", tolerance)
    require(coordinates >= 1, "at least 1 coordinate", coordinates)
    P = point.shape[0]
    chosen = torch.arange(P)
    if coordinates < P:
        order = torch.randperm(P, generator=torch_generator(seed, "gradient check"))
        chosen = order[:coordinates].sort().values
    full = (gradient or automatic_gradient(fn))(point.clone())
    require(full.shape == point.shape, f"a gradient of shape ({P},)", f"shape {tuple(full.shape)}")
    g = full.detach()[chosen].to(torch.float64)

    epsilon = torch.finfo(torch.float64).eps
    steps = epsilon ** (1 / 3) * point.abs().clamp(min=1.0)
    differences = torch.empty_like(g)
    largest = 0.0
    for k, j in enumerate(chosen.tolist()):
        ahead, behind = point.clone(), point.clone()
        ahead[j] += steps[j]
        behind[j] -= steps[j]
        with torch.no_grad():
            high, low = float(fn(ahead)), float(fn(behind))
        largest = max(largest, abs(high), abs(low))
        # The step as it is after rounding of w, not as it was meant.
        differences[k] = (high - low) / float(ahead[j] - behind[j])
    finite = bool(torch.isfinite(differences).all() and torch.isfinite(g).all())
    require(finite, "finite values and gradients around w", "NaN or infinity", "choose another point")

    scale = float(torch.maximum(g.abs().max(), differences.abs().max()))
    floor = torch.finfo(torch.float64).tiny
    error = float((g - differences).abs().max()) / max(scale, floor)
    noise = epsilon * largest / float(steps[chosen].min()) / max(scale, floor)
    # A difference that rounding alone cannot make is an error whatever the tolerance; one that it can make
    # is no evidence either way.
    unclear = scale == 0 or (noise > tolerance and error <= 10 * noise)
    holds = None if unclear else error <= tolerance
    certificate = Certificate(
        "the gradient agrees with central differences",
        Kind.INDICATOR,
        holds,
        bound=tolerance,
        value=error,
        assumptions=("fn is three times differentiable near w", "fn is computed to float64 precision"),
        method=f"central differences of {len(chosen)} of {P} parameters; rounding noise {noise:.1e}",
    )
    status = {True: Status.CONVERGED, False: Status.DIVERGED, None: Status.STALLED}[holds]
    worst = int(chosen[(g - differences).abs().argmax()])
    return GradientCheck(error, noise, g, differences, chosen, worst, status, (certificate,))
