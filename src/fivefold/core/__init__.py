"""Floor 0: certificates, statuses, budgets, errors, seeds and the iteration driver.

Nothing here imports another room of ours, and importing it imports neither torch nor scikit-learn,
so that an artifact can predict with NumPy alone.
"""

from fivefold.core.budget import Budget, Clock
from fivefold.core.call_with import call_with
from fivefold.core.certificate import Certificate, Kind
from fivefold.core.driver import Info, Iteration, Method, drive
from fivefold.core.errors import (
    ArgumentError,
    ArtifactError,
    DataError,
    FivefoldError,
    MissingExtraError,
    NumericalError,
    require,
)
from fivefold.core.seeds import as_seed, child_seed, fork_global, numpy_generator, torch_generator
from fivefold.core.status import Status

__all__ = [
    "ArgumentError",
    "ArtifactError",
    "Budget",
    "Certificate",
    "Clock",
    "DataError",
    "FivefoldError",
    "Info",
    "Iteration",
    "Kind",
    "Method",
    "MissingExtraError",
    "NumericalError",
    "Status",
    "as_seed",
    "call_with",
    "child_seed",
    "drive",
    "fork_global",
    "numpy_generator",
    "require",
    "torch_generator",
]
