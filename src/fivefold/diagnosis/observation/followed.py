"""What a model gave in one pass of an evaluation, and what was made of it since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from fivefold.diagnosis.observation.step import LossCall

MOST_FOLLOWED = 16
"""Tensors made of the output in one pass that are followed (and held until the next)."""


@dataclass(slots=True)
class Followed:
    """Tensors by identity: the model's own outputs and what was made of them, and errors written by hand.

    Attributes:
        made: Outputs, and what was made of them before they met a target.
        errors: Differences of these to something else, and what was made of the differences.
        losses: Losses of the evaluation before this pass.
        maker: What gave them.
        steps: Whether it was given what it had made itself, so that differences are no errors.

    >>> import torch
    >>> output, target = torch.zeros(2), torch.ones(2)
    >>> seen = Followed().then("model", [output], 0)
    >>> error = output - target
    >>> seen.met(error)
    >>> seen.knows(output), [seen.fed("model", [t]) for t in (error, target)], seen.fed("other", [error])
    (True, [True, False], False)
    """

    made: dict[int, Tensor] = field(default_factory=dict)
    errors: dict[int, Tensor] = field(default_factory=dict)
    losses: int = 0
    maker: object = None
    steps: bool = False

    def then(self, maker: object, outputs: Iterable[Tensor], losses: int) -> "Followed":
        """Begin anew with what the next pass gave, after so many losses of the evaluation."""
        return Followed({id(each): each for each in outputs}, losses=losses, maker=maker, steps=self.steps)

    def knows(self, tensor: Tensor) -> bool:
        """Whether a tensor is an output or was made of one, and met no target yet."""
        return id(tensor) in self.made

    def met(self, error: Tensor) -> None:
        """Take note that something made of the output met a target."""
        self.errors[id(error)] = error

    def follow(self, args: Iterable[object], output: Tensor) -> None:
        """Take note of a tensor that was made of others, where there is room."""
        if len(self.made) + len(self.errors) >= MOST_FOLLOWED:
            return
        ids = [id(a) for a in args if isinstance(a, Tensor)]
        if any(i in self.errors for i in ids):
            self.errors[id(output)] = output
        elif any(i in self.made for i in ids):
            self.made[id(output)] = output

    def fed(self, taker: object, example: Sequence[Tensor]) -> bool:
        """Whether a model is given as an example what it made: a sample that is drawn step by step."""
        known = any(id(t) in self.made or id(t) in self.errors for t in example[:1])
        self.steps = known and taker is self.maker
        return self.steps

    def without_steps(self, losses: list[LossCall]) -> list[LossCall]:
        """Return an evaluation's losses without the errors of this pass: they were steps of a sample."""
        return [c for i, c in enumerate(losses) if i < self.losses or c.function != "difference"]
