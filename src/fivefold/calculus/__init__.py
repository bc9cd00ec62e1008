"""Floor 2: derivatives of a torch function of one vector as operators, and checks of hand-written ones."""

from fivefold.calculus.check import GradientCheck, gradient_check
from fivefold.calculus.gauss_newton import GaussNewtonOperator
from fivefold.calculus.gradients import gradient, value_and_gradient
from fivefold.calculus.hessian import HessianOperator
from fivefold.calculus.jacobian import JacobianOperator

__all__ = [
    "GaussNewtonOperator",
    "GradientCheck",
    "HessianOperator",
    "JacobianOperator",
    "gradient",
    "gradient_check",
    "value_and_gradient",
]
