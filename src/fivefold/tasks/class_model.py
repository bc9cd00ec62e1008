"""What models that put pictures or texts into classes share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from fivefold.core import DataError
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
        """Return the most probable label ``[n]`` of each.

        Raises:
            DataError: Something that cannot be read; :meth:`answer` leaves it out and names it.
        """
        return np.asarray(np.array(self.classes, dtype=object)[self.predict_proba(data).argmax(1)])

    @final
    def predict_proba(self, data: Any) -> Floats:
        """Return calibrated probabilities ``[n, K]`` in the order of :attr:`classes`.

        Raises:
            DataError: Something that cannot be read; :meth:`answer` leaves it out and names it.
        """
        return self._whole(self.answer(data)).probabilities

    @final
    def predict_set(self, data: Any, level: float = 0.9) -> list[tuple[str, ...]]:
        """Return for each the classes that together cover the true one with probability ``level``.

        Raises:
            ArgumentError: ``level`` is outside (0, 1).
            DataError: Something that cannot be read; :meth:`answer` leaves it out and names it.
        """
        labels = np.array(self.classes, dtype=object)
        return [tuple(labels[row]) for row in self._whole(self.answer(data, level)).sets]

    def _whole(self, found: ClassPrediction) -> ClassPrediction:
        """Refuse an answer with gaps: its rows would be taken for others."""
        if found.rejected:
            first, more = found.rejected[0], len(found.rejected) - 1
            raise DataError(
                f"{self.things[1]} that can all be read",
                f"{first.name} ({first.reason})" + (f" and {more:,} more" if more else ""),
                "answer() gives the rest and names what is left out",
            )
        return found
