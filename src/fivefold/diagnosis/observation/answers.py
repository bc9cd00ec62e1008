"""What a network that no module makes gave for some data, and the labels that it was compared with."""

from torch import Tensor

from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.listening import count_labels
from fivefold.diagnosis.observation.record import Evaluation
from fivefold.diagnosis.observation.summary import summarise


class Answers:
    """A forward pass that may turn out to be an evaluation.

    Args:
        data: What it was given; ``None`` before any.

    >>> import torch
    >>> answers = Answers(torch.zeros(2, 3))
    >>> answers.compare(1, 2, torch.tensor([0, 1]))
    >>> answers.told
    True
    """

    def __init__(self, data: Tensor | None = None) -> None:
        self._data = None if data is None else data.detach()
        self._right = self._of = 0
        self._labels: Tensor | None = None
        self._made: list[Tensor] = [] if data is None else [data]

    @property
    def told(self) -> bool:
        """Whether what it gave was compared with labels."""
        return self._labels is not None

    def follows(self, given: list[Tensor], output: object) -> bool:
        """Whether a call goes on from this pass, and does not begin another; what it gave then does, too.

        Args:
            given: What it was given.
            output: What it gave.
        """
        goes_on = any(each is made for each in given for made in self._made)
        if goes_on and isinstance(output, Tensor):
            self._made.append(output)
        return goes_on

    def compare(self, right: int, of: int, labels: Tensor) -> None:
        """Take note of a comparison with the labels of what was given.

        Args:
            right: How many were equal.
            of: Of how many.
            labels: The labels.
        """
        if self._data is not None and self._data.ndim and self._data.shape[:1] == labels.shape[:1]:
            self._right, self._of, self._labels = right, of, labels

    def evaluation(self, after: int, rows: KeptRows) -> Evaluation:
        """Return what was seen, and keep its examples.

        Args:
            after: Updates before it.
            rows: Where they are kept.
        """
        if self._data is None or self._labels is None:
            raise RuntimeError("expected a pass that was compared with labels; got another")
        seen = Evaluation(after, passes=1, rows=len(self._data), right=self._right, compared=self._of)
        seen.watched, seen.inputs = True, [summarise(self._data)]
        count_labels(seen, self._labels)
        rows.keep([self._data], after)
        rows.keep_target(self._labels)
        return seen
