"""What models that put pictures or texts into classes share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from fivefold.tasks.rejected import Rejected

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassPrediction:
    """What is said of some pictures or texts.

    Attributes:
        names: ``[n]`` of what was predicted.
        probabilities: ``[n, K]``, calibrated.
        sets: ``[n, K]`` which classes are in the prediction set.
        rejected: What could not be read.
        notes: What was noticed.
    """

    names: tuple[str, ...]
    probabilities: Floats
    sets: npt.NDArray[np.bool_]
    rejected: tuple[Rejected, ...]
    notes: tuple[str, ...]


class ClassModel(ABC):
    """A model with classes; a kind of its own writes :meth:`answer`.

    Attributes:
        classes: Labels in the order of the probabilities.
    """

    classes: tuple[str, ...]

    @property
    @abstractmethod
    def things(self) -> tuple[str, str]:
        """What is predicted: one, several."""

    @abstractmethod
    def answer(self, data: Any, level: float = 0.9) -> ClassPrediction:
        """Predict with sets.

        Args:
            data: A source as ``fit`` takes it; labels that are there are not looked at.
            level: Coverage of the sets, in (0, 1).

        Raises:
            ArgumentError: ``level`` outside (0, 1).
            DataError: Nothing that can be read.
        """

    @final
    def predict(self, data: Any) -> npt.NDArray[Any]:
        """Return the most probable label ``[n]`` of each."""
        return np.asarray(np.array(self.classes, dtype=object)[self.predict_proba(data).argmax(1)])

    @final
    def predict_proba(self, data: Any) -> Floats:
        """Return calibrated probabilities ``[n, K]`` in the order of :attr:`classes`."""
        return self.answer(data).probabilities

    @final
    def predict_set(self, data: Any, level: float = 0.9) -> list[tuple[str, ...]]:
        """Return for each the classes that together cover the true one with probability ``level``.

        Raises:
            ArgumentError: ``level`` is outside (0, 1).
        """
        labels = np.array(self.classes, dtype=object)
        return [tuple(labels[row]) for row in self.answer(data, level).sets]
