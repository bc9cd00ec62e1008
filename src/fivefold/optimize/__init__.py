"""Floor 4: minimisation with certificates, and stochastic training that takes callbacks."""

from fivefold.optimize.callbacks import Callback, Moment
from fivefold.optimize.constants import self_concordance, strong_convexity
from fivefold.optimize.line_search import search_wolfe
from fivefold.optimize.losses import cross_entropy_loss, logistic_loss, squared_loss
from fivefold.optimize.methods import METHODS, Method
from fivefold.optimize.minimization import Optimum, minimize
from fivefold.optimize.move import Move
from fivefold.optimize.optimality import certify_suboptimality
from fivefold.optimize.schedules import rate_multiplier
from fivefold.optimize.steps import Searched, Step
from fivefold.optimize.training import Training, train

__all__ = [
    "METHODS",
    "Callback",
    "Method",
    "Moment",
    "Move",
    "Optimum",
    "Searched",
    "Step",
    "Training",
    "certify_suboptimality",
    "cross_entropy_loss",
    "logistic_loss",
    "minimize",
    "rate_multiplier",
    "search_wolfe",
    "self_concordance",
    "squared_loss",
    "strong_convexity",
    "train",
]
