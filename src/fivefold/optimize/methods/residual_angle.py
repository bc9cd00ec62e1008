"""Stationarity of least squares without units: the angle between the residuals and what J can reach."""

from torch import Tensor

from fivefold.core import Certificate, Kind
from fivefold.optimize.methods.descent import Descended, Distance, gradient_norm
from fivefold.optimize.methods.gauss_newton import GaussNewton
from fivefold.optimize.methods.levenberg_marquardt import Damped
from fivefold.optimize.methods.steps import Searched, Step


def distance_of(moves: Step) -> Distance:
    """How a step measures the distance from stationary: by the angle if it knows residuals.

    >>> from fivefold.objective import Objective
    >>> from fivefold.optimize.methods.gauss_newton import gauss_newton
    >>> distance_of(gauss_newton(Objective.from_residuals(lambda w: w, [1.0]))) is gradient_norm
    False
    """
    rule = moves.direction if isinstance(moves, Searched) else moves
    knows = isinstance(rule, Damped | GaussNewton) and rule.angles
    return rule.known.distance if knows and isinstance(rule, Damped | GaussNewton) else gradient_norm


def certify_angles(
    each: tuple[tuple[Certificate, ...], ...], distance: Distance, state: Descended, tolerance: float
) -> tuple[tuple[Certificate, ...], ...]:
    """Put the angle's certificate first at each point, in the place of the gradient norm's.

    Args:
        each: Certificates per point, that of the gradient's norm first.
        distance: As :func:`distance_of` says; where that is the norm, nothing changes.
        state: The points.
        tolerance: Largest cosine of a converged point.
    """
    if distance is gradient_norm:
        return each
    angles: Tensor = distance(state.w, state.gradient)
    return tuple(
        (certify_angle(float(angle), tolerance), *rest[1:]) for angle, rest in zip(angles, each, strict=True)
    )


def certify_angle(cosine: float, tolerance: float) -> Certificate:
    """The residuals are at right angles to the Jacobian's columns, up to the tolerance.

    >>> print(certify_angle(1e-9, 1e-8).verdict)
    yes
    """
    return Certificate(
        "F is finite at w and max_j |(J^T r)_j| / (|J_j| |r|) <= tolerance, up to rounding",
        Kind.PROOF,
        cosine <= tolerance,
        bound=tolerance,
        value=cosine,
        assumptions=("J is the Jacobian of r, up to rounding",),
        method="where J is formed, |Q^T r| / |r| with J = Q R, which is no smaller, less the rounding of r",
    )
