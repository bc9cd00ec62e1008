"""Floor 4: minimisation with certificates, and stochastic training that takes callbacks."""

from fivefold.optimize.advice.verb import Advice, advise
from fivefold.optimize.comparison.result import Comparison
from fivefold.optimize.comparison.verb import compare
from fivefold.optimize.learning_rate.range_test import RateRange, range_test
from fivefold.optimize.learning_rate.stability_limit import StabilityLimit, stability_edge, stability_limit
from fivefold.optimize.methods.constants import self_concordance, strong_convexity
from fivefold.optimize.methods.line_search import search_wolfe
from fivefold.optimize.methods.move import Move
from fivefold.optimize.methods.optimality import certify_suboptimality
from fivefold.optimize.methods.registry import METHODS, Method
from fivefold.optimize.methods.steps import Searched, Step
from fivefold.optimize.minimization import Optimum, minimize
from fivefold.optimize.roots.verb import Root, root
from fivefold.optimize.training.augmentation import Chain, Cutout, Flip, Shift
from fivefold.optimize.training.batch_norm import recalibrate
from fivefold.optimize.training.callbacks import Callback, Moment
from fivefold.optimize.training.kfac import KFAC
from fivefold.optimize.training.losses import cross_entropy_loss, logistic_loss, squared_loss
from fivefold.optimize.training.optimizers import OPTIMIZERS, make_optimizer, parameter_groups
from fivefold.optimize.training.perturbation import GradientSign, RandomNoise
from fivefold.optimize.training.progress import ReportProgress, TrainingProgress, print_progress
from fivefold.optimize.training.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from fivefold.optimize.training.schedules import SCHEDULES, Schedule, rate_multiplier
from fivefold.optimize.training.soap import SOAP
from fivefold.optimize.training.step_choices import StepChoices
from fivefold.optimize.training.verb import Training, train
from fivefold.optimize.training.weight_averaging import WeightAverage

__all__ = [
    "KFAC",
    "METHODS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SOAP",
    "Advice",
    "Callback",
    "Chain",
    "Comparison",
    "Cutout",
    "Flip",
    "GradientSign",
    "Method",
    "Moment",
    "Move",
    "Optimum",
    "RandomNoise",
    "RateRange",
    "ReportProgress",
    "Root",
    "Schedule",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
    "Searched",
    "Shift",
    "StabilityLimit",
    "Step",
    "StepChoices",
    "Training",
    "TrainingProgress",
    "WeightAverage",
    "advise",
    "certify_suboptimality",
    "compare",
    "cross_entropy_loss",
    "logistic_loss",
    "make_optimizer",
    "minimize",
    "parameter_groups",
    "print_progress",
    "range_test",
    "rate_multiplier",
    "recalibrate",
    "root",
    "search_wolfe",
    "self_concordance",
    "squared_loss",
    "stability_edge",
    "stability_limit",
    "strong_convexity",
    "train",
]
