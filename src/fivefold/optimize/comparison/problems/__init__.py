"""Published test problems with their minima, for comparisons of methods."""

from fivefold.optimize.comparison.problems.nist_nonlinear import nist_nonlinear
from fivefold.optimize.comparison.problems.problem import Problem

__all__ = ["Problem", "nist_nonlinear"]
