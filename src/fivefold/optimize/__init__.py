"""Floor 4: minimisation with certificates, and stochastic training that takes callbacks."""

from fivefold.optimize.advice import Advice, advise
from fivefold.optimize.augmentation import Chain, Cutout, Flip, Shift
from fivefold.optimize.batch_norm import recalibrate
from fivefold.optimize.callbacks import Callback, Moment
from fivefold.optimize.compare import compare
from fivefold.optimize.comparison import Comparison
from fivefold.optimize.constants import self_concordance, strong_convexity
from fivefold.optimize.kfac import KFAC
from fivefold.optimize.line_search import search_wolfe
from fivefold.optimize.losses import cross_entropy_loss, logistic_loss, squared_loss
from fivefold.optimize.methods import METHODS, Method
from fivefold.optimize.minimization import Optimum, minimize
from fivefold.optimize.move import Move
from fivefold.optimize.optimality import certify_suboptimality
from fivefold.optimize.optimizers import OPTIMIZERS, make_optimizer, parameter_groups
from fivefold.optimize.range_test import RateRange, range_test
from fivefold.optimize.root_finding import Root, root
from fivefold.optimize.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from fivefold.optimize.schedules import SCHEDULES, Schedule, rate_multiplier
from fivefold.optimize.soap import SOAP
from fivefold.optimize.stability_limit import StabilityLimit, stability_edge, stability_limit
from fivefold.optimize.step_choices import StepChoices
from fivefold.optimize.steps import Searched, Step
from fivefold.optimize.training import Training, train
from fivefold.optimize.training_progress import ReportProgress, TrainingProgress, print_progress
from fivefold.optimize.weight_averaging import WeightAverage

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
    "Method",
    "Moment",
    "Move",
    "Optimum",
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
