"""Floor 3: the object that all of fivefold works on, a scaled negative log density of one vector."""

from fivefold.objective.base import Objective
from fivefold.objective.data import DataObjective
from fivefold.objective.function import FunctionObjective
from fivefold.objective.layout import Layout
from fivefold.objective.linear import Linear
from fivefold.objective.model import Model
from fivefold.objective.module import ModuleModel
from fivefold.objective.oracle import OracleObjective
from fivefold.objective.residuals import ResidualObjective

__all__ = [
    "DataObjective",
    "FunctionObjective",
    "Layout",
    "Linear",
    "Model",
    "ModuleModel",
    "Objective",
    "OracleObjective",
    "ResidualObjective",
]
