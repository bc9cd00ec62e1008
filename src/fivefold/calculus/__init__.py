"""Floor 2: derivatives of functions and models as operators, checks of them, integrals and ODEs."""

from fivefold.calculus.batches import Batches
from fivefold.calculus.check import GradientCheck, gradient_check
from fivefold.calculus.gauss_kronrod import integrate, kronrod_rule
from fivefold.calculus.gauss_newton import GaussNewtonOperator
from fivefold.calculus.gradients import gradient, value_and_gradient
from fivefold.calculus.hessian import HessianOperator
from fivefold.calculus.jacobian import JacobianOperator
from fivefold.calculus.kernel import KernelOperator
from fivefold.calculus.memory import PeakMemory
from fivefold.calculus.model_gauss_newton import ModelFisher, ModelGaussNewton
from fivefold.calculus.model_hessian import ModelHessian
from fivefold.calculus.model_jacobian import ModelJacobian, ModelKernel
from fivefold.calculus.network import Network
from fivefold.calculus.obstacles import Obstacle, Preflight, preflight
from fivefold.calculus.ode import OdeGradient, OdeSolution, ode_gradient, solve_ode
from fivefold.calculus.plan import Plan
from fivefold.calculus.quadrature_rules import (
    Integral,
    gauss_legendre,
    hermite_rule,
    legendre_rule,
    normal_expectation,
)

__all__ = [
    "Batches",
    "GaussNewtonOperator",
    "GradientCheck",
    "HessianOperator",
    "Integral",
    "JacobianOperator",
    "KernelOperator",
    "ModelFisher",
    "ModelGaussNewton",
    "ModelHessian",
    "ModelJacobian",
    "ModelKernel",
    "Network",
    "Obstacle",
    "OdeGradient",
    "OdeSolution",
    "PeakMemory",
    "Plan",
    "Preflight",
    "gauss_legendre",
    "gradient",
    "gradient_check",
    "hermite_rule",
    "integrate",
    "kronrod_rule",
    "legendre_rule",
    "normal_expectation",
    "ode_gradient",
    "preflight",
    "solve_ode",
    "value_and_gradient",
]
