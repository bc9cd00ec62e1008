"""fivefold fits models from data and certifies the mathematics.

Public names are imported when they are first used, so that ``import fivefold`` takes a moment and nothing
heavy is loaded before it is needed.

>>> import fivefold as ff
>>> str(ff.Status.CONVERGED)
'converged'
"""

from importlib import import_module
from typing import Any

# Public name -> where it lives: "module" for a room, "module:name" for one thing in it.
_HOME = {
    "ArgumentError": "fivefold.core:ArgumentError",
    "ArtifactError": "fivefold.core:ArtifactError",
    "Budget": "fivefold.core:Budget",
    "Certificate": "fivefold.core:Certificate",
    "Classifier": "fivefold.tasks.tables.estimators:Classifier",
    "DataError": "fivefold.core:DataError",
    "DataObjective": "fivefold.objective:DataObjective",
    "FivefoldError": "fivefold.core:FivefoldError",
    "Linear": "fivefold.objective:Linear",
    "MissingExtraError": "fivefold.core:MissingExtraError",
    "Model": "fivefold.tasks.tables.model:Model",
    "NumericalError": "fivefold.core:NumericalError",
    "Objective": "fivefold.objective:Objective",
    "Regressor": "fivefold.tasks.tables.estimators:Regressor",
    "Status": "fivefold.core:Status",
    "advise": "fivefold.optimize:advise",
    "calculus": "fivefold.calculus",
    "compare": "fivefold.optimize:compare",
    "diagnose": "fivefold.diagnosis.diagnose:diagnose",
    "fit": "fivefold.tasks.fit:fit",
    "linalg": "fivefold.linalg",
    "load": "fivefold.tasks.saved:load",
    "minimize": "fivefold.optimize:minimize",
    "networks": "fivefold.networks",
    "probability": "fivefold.probability",
    "root": "fivefold.optimize:root",
    "theory": "fivefold.theory",
    "train": "fivefold.optimize:train",
    "watch": "fivefold.diagnosis.watch:watch",
}

__all__ = [  # noqa: PLE0604 - one list, kept in one place
    *_HOME,
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        from fivefold.artifact.version import library_version

        value: Any = library_version()
    elif name in _HOME:
        module, _, attribute = _HOME[name].partition(":")
        value = import_module(module)
        if attribute:
            value = getattr(value, attribute)
    else:
        raise AttributeError(f"module 'fivefold' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
