"""The weights at the lowest score of a training."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.core import require


@dataclass(slots=True)
class BestWeights:
    """The weights at the lowest score so far, kept member by member where there are several scores.

    Args:
        score: The lowest so far, [] or [K].
        weights: The module's state at it.
        epochs: Completed epochs at it, one per member.
    """

    score: Tensor
    weights: dict[str, Any]
    epochs: tuple[int, ...]

    @classmethod
    def start(cls, module: nn.Module, score: Tensor) -> "BestWeights":
        """Keep the weights before training.

        Raises:
            ArgumentError: Several scores, and a tensor without that many members first.

        >>> BestWeights.start(nn.Linear(1, 1), torch.tensor(2.0)).epochs
        (0,)
        """
        score = torch.nan_to_num(score, nan=math.inf)
        weights = {name: _copy(value) for name, value in module.state_dict().items()}
        if score.ndim:
            for name, value in weights.items():
                require(
                    isinstance(value, Tensor) and value.ndim >= 1 and value.shape[0] == score.shape[0],
                    f"{name} with {score.shape[0]} members first, as the loss has",
                    tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__,
                    "return one number from the loss",
                )
        return cls(score, weights, (0,) * max(1, score.numel()))

    def update(self, module: nn.Module, score: Tensor, epoch: int) -> bool:
        """Keep what improved; say whether anything did."""
        better = score < self.score  # False where the score is NaN
        if not bool(better.any()):
            return False
        self.score = torch.where(better, score, self.score)
        for name, value in module.state_dict().items():
            if not isinstance(value, Tensor):
                self.weights[name] = value
            elif score.ndim:
                self.weights[name][better] = value.detach()[better]
            else:
                self.weights[name].copy_(value.detach())
        flags = better.reshape(-1).tolist()
        self.epochs = tuple(epoch if flag else old for flag, old in zip(flags, self.epochs, strict=True))
        return True

    def restore(self, module: nn.Module) -> None:
        """Put the kept weights into the module."""
        module.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"score": self.score, "weights": self.weights, "epochs": self.epochs}

    @classmethod
    def from_state(cls, state: dict[str, Any], device: torch.device) -> "BestWeights":
        """Take over what a checkpoint kept."""
        weights = {
            name: value.to(device) if isinstance(value, Tensor) else value
            for name, value in state["weights"].items()
        }
        return cls(state["score"].to(device), weights, tuple(state["epochs"]))


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value
