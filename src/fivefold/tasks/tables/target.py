r"""The target: which family of distributions it is modelled by, and the way there and back.

==============  =========================  ==========================================
family          target                     linear predictor
==============  =========================  ==========================================
gaussian        any number                 mean of y
log-gaussian    positive numbers           mean of log y
gamma           positive numbers           log of the mean of y
poisson         counts                     log of the expected count (per exposure)
bernoulli       two classes                log odds of the second class
categorical     three classes or more      one score per class, softmax to probabilities
ordinal         three levels or more       log probability of every level; softmax gives them back
==============  =========================  ==========================================

``smear`` is Duan's factor: the mean of :math:`e^r` over residuals on the log scale, which turns the
exponential of a mean of logarithms into a mean (Duan, Smearing estimate, JASA 78, 1983).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError, DataError

Floats = npt.NDArray[np.float64]
MOST_CLASSES = 100
MOST_LEVELS = 20
"""Levels of an ordered target: more of them are a number."""
_LOG_SCALE = frozenset({"log-gaussian", "gamma"})
"""Families whose intervals are made on the scale of the logarithm."""


def positions(labels: Sequence[str]) -> Floats:
    """Return the numbers that ordered labels stand for: themselves where all are numbers, else 1, 2, …

    >>> positions(("3", "5")).tolist(), positions(("low", "high")).tolist()
    ([3.0, 5.0], [1.0, 2.0])
    """
    try:
        numbers = np.array([float(label) for label in labels])
    except ValueError:
        numbers = np.full(len(labels), np.nan)
    return numbers if np.isfinite(numbers).all() else np.arange(1.0, len(labels) + 1.0)


def weighted_mean(values: Floats, weights: Floats | None) -> float:
    """Return the mean of ``values [n]``, weighted where the weights differ.

    >>> weighted_mean(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    2.0
    """
    if weights is None or np.ptp(weights) == 0:  # equal weights give the bits of none
        return float(np.mean(values))
    return float(values @ weights / weights.sum())


@dataclass(frozen=True, eq=False)
class Target:
    """A target column and its family.

    Attributes:
        name: The column.
        family: One of :attr:`FAMILIES`.
        classes: Labels in order, for the families of classification; texts, as the schema gives them.
        smear: Duan's factor of the log-gaussian family, 1 where the median is wanted.
        reason: Why this family, for the report.
    """

    FAMILIES: ClassVar[tuple[str, ...]] = (
        "gaussian",
        "log-gaussian",
        "gamma",
        "poisson",
        "bernoulli",
        "categorical",
        "ordinal",
    )
    name: str
    family: str
    classes: tuple[str, ...] = ()
    smear: float = 1.0
    reason: str = ""

    def __post_init__(self) -> None:
        if self.family not in self.FAMILIES:
            raise ArtifactError(f"a family of {', '.join(self.FAMILIES)}", repr(self.family))

    @property
    def classifies(self) -> bool:
        """Whether the target is a class."""
        return bool(self.classes)

    @property
    def outputs(self) -> int:
        """Number of linear predictors K; those of ordered classes are log probabilities."""
        return len(self.classes) if self.family in {"categorical", "ordinal"} else 1

    @property
    def exact(self) -> bool:
        """Whether a linear model of the family is solved exactly, in one step."""
        return self.family in {"gaussian", "log-gaussian"}

    @property
    def label(self) -> str:
        """What :meth:`summary` gives, in words."""
        if self.family == "ordinal":
            return f"mean level of {self.name}"
        return f"P({self.name} = {self.classes[-1]})" if self.classifies else self.name

    def encode(self, values: Any) -> Floats:
        """Return the target on the scale of the model, ``[n]``: codes of classes, logarithms, or itself.

        Raises:
            DataError: A class that training has not seen, or a value outside the family.
        """
        if self.classifies:
            table = {label: float(i) for i, label in enumerate(self.classes)}
            unknown = sorted({str(v) for v in values if v not in table})
            if unknown:
                raise DataError(
                    f"classes of {self.name}: {', '.join(self.classes[:10])}", ", ".join(unknown[:5])
                )
            return np.array([table[v] for v in values], dtype=np.float64)
        y = np.asarray(values, dtype=np.float64)
        positive = float(np.nextafter(0.0, 1.0))
        least = {"log-gaussian": positive, "gamma": positive, "poisson": 0.0}.get(self.family, -np.inf)
        if not (y >= least).all():
            wanted = "counts" if self.family == "poisson" else "positive numbers"
            raise DataError(f"{wanted} in {self.name!r}", f"{int((~(y >= least)).sum()):,} that are not")
        return np.log(y) if self.family == "log-gaussian" else y

    def mean(self, eta: Floats) -> Floats:
        """Return predictions of linear predictors ``[n, K]``: ``[n]``, or probabilities ``[n, classes]``."""
        match self.family:
            case "gaussian":
                return eta[:, 0]
            case "log-gaussian":
                return np.exp(np.clip(eta[:, 0], -700, 700)) * self.smear
            case "poisson" | "gamma":
                return np.exp(np.clip(eta[:, 0], -700, 700))
            case "bernoulli":
                p = 1.0 / (1.0 + np.exp(-np.clip(eta[:, 0], -700, 700)))
                return np.column_stack([1.0 - p, p])
            case _:
                shifted = np.exp(eta - eta.max(1, keepdims=True))
                return np.asarray(shifted / shifted.sum(1, keepdims=True))

    def summary(self, mean: Floats) -> Floats:
        """Return one number per prediction ``[n]``: itself, the last class's probability, or the mean level.

        Args:
            mean: What :meth:`mean` gives, ``[n]`` or ``[n, classes]``.
        """
        if self.family == "ordinal":
            return np.asarray(mean @ positions(self.classes))
        return mean[:, -1] if self.classifies else mean

    def residual(self, eta: Floats, y: Floats) -> Floats:
        """Return residuals ``[n]`` of a number on the scale on which its intervals are made."""
        return (np.log(y) if self.family == "gamma" else y) - eta[:, 0]

    def own_bounds(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Return bounds ``[n]`` of an interval in the target's unit; those of counts are whole numbers."""
        if self.family in _LOG_SCALE:
            return np.exp(np.clip(low, -700, 700)), np.exp(np.clip(high, -700, 700))
        if self.family == "poisson":
            return np.floor(np.maximum(low, 0.0)), np.ceil(np.maximum(high, 0.0))
        return low, high

    def loss(self, eta: Floats, y: Floats) -> Floats:
        r"""Return the loss per row ``[n]`` by which methods are chosen, on the scale of the model.

        Squared error, Poisson deviance, gamma deviance :math:`2 (y / \mu - 1 - \log(y / \mu))`, or the
        negative log probability of the class.
        """
        match self.family:
            case "gaussian" | "log-gaussian":
                return (eta[:, 0] - y) ** 2
            case "poisson":
                rate = np.exp(np.clip(eta[:, 0], -700, 700))
                with np.errstate(divide="ignore", invalid="ignore"):
                    own = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / rate), 0.0)
                return 2.0 * (own - (y - rate))
            case "gamma":
                z = np.clip(np.log(y) - eta[:, 0], -700, 700)
                return 2.0 * (np.expm1(z) - z)
            case _:
                p = self.mean(eta)[np.arange(len(y)), y.astype(np.int64)]
                return -np.log(np.maximum(p, 1e-15))

    @property
    def loss_name(self) -> str:
        """Name of the mean loss (its square root where it is a squared error)."""
        return {
            "gaussian": "RMSE",
            "log-gaussian": f"RMSE of log {self.name}",
            "gamma": "mean gamma deviance",
            "poisson": "mean Poisson deviance",
        }.get(self.family, "log loss")

    def score(self, losses: Floats) -> float:
        """Turn losses per row into the score that is shown."""
        mean = float(np.mean(losses))
        return float(np.sqrt(mean)) if self.family in {"gaussian", "log-gaussian"} else mean

    def with_smear(self, residuals: Floats, weights: Floats | None = None) -> "Target":
        """Set Duan's factor from residuals ``[n]`` on the log scale; other families are unchanged."""
        if self.family != "log-gaussian":
            return self
        return replace(self, smear=weighted_mean(np.exp(np.clip(residuals, -5, 5)), weights))

    def state(self) -> dict[str, Any]:
        """Return the saved form."""
        return {
            "name": self.name,
            "family": self.family,
            "classes": list(self.classes),
            "smear": self.smear,
            "reason": self.reason,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Target":
        """Read the saved form."""
        return cls(
            state["name"], state["family"], tuple(state["classes"]), float(state["smear"]), state["reason"]
        )
