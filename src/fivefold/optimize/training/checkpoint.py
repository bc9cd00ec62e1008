"""Checkpoints of a training: written whole, compared before they are taken up again."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fivefold.artifact import Bundle, load, save
from fivefold.artifact.swap import previous_path
from fivefold.artifact.write import check_target
from fivefold.core import ArtifactError, Budget, require
from fivefold.optimize.training.state_tree import flatten_state, restore_state

_KIND = "training-checkpoint"


@dataclass(slots=True)
class Checkpoint:
    """A directory that holds the last complete state of a training, or nothing.

    A state is written beside the old one, flushed to disk and then put in its place in one step, so that a
    kill or a full disk at any moment leaves a whole one. There is no pickle in it: numbers as safetensors,
    the rest as JSON.

    Args:
        directory: Where.
        seconds: Seconds between states, or ``None``.
        steps: Steps between states, or ``None``.
        identity: What the training is made of, by name; another's checkpoint is refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     kept = Checkpoint.every(Path(place) / "c", 10, {"optimizer": "adam"})
    ...     kept.write({"step": 10}), kept.read()
    ('', {'step': 10})
    """

    directory: Path
    seconds: float | None
    steps: int | None
    identity: dict[str, str]
    last: float = field(default_factory=time.monotonic)
    step: int | None = None

    @classmethod
    def every(
        cls, directory: str | os.PathLike[str], interval: str | int, identity: dict[str, str]
    ) -> "Checkpoint":
        """Write after so many steps (a whole number) or after a duration (``"60s"``).

        Raises:
            ArgumentError: Neither.
        """
        if isinstance(interval, int):
            require(interval >= 1, "at least 1 step between checkpoints", interval)
            return cls(Path(directory), None, interval, identity)
        return cls(Path(directory), Budget.parse(interval).seconds, None, identity)

    def exists(self) -> bool:
        """Whether there is a state, or what remains of an interrupted writer's old one."""
        target = Path(os.path.realpath(self.directory))
        filled = target.is_dir() and any(target.iterdir())
        return filled or target.is_file() or previous_path(target).exists()

    def require_free(self) -> None:
        """Refuse a place that holds a state already, or that cannot be written.

        Raises:
            ArtifactError: It does, or cannot.
        """
        if self.exists():
            raise ArtifactError(
                f"a free name for checkpoints at {self.directory}",
                "something there",
                "set resume=True to go on from it, or name another directory",
            )
        check_target(self.directory)

    def read(self) -> dict[str, Any]:
        """The state, after its identity was compared.

        Raises:
            ArtifactError: Damaged, not a checkpoint, or that of another training.
        """
        bundle = load(self.directory)
        if bundle.kind != _KIND:
            raise ArtifactError("a checkpoint of a training", bundle.kind, "name another directory")
        found = bundle.config.get("identity", {})
        for name in sorted({*found, *self.identity}):
            mine, theirs = self.identity.get(name, "none"), found.get(name, "none")
            if mine != theirs:
                raise ArtifactError(
                    f"a checkpoint of the same {name} ({mine})",
                    str(theirs),
                    "call train as for the checkpoint, or name another directory",
                )
        state = restore_state(bundle.config.get("state"), bundle.tensors)
        if not isinstance(state, dict):
            raise ArtifactError("a state in the checkpoint", type(state).__name__, "start anew")
        self.step = state.get("step")
        return state

    def due(self, step: int) -> bool:
        """Whether a state is to be written after this step."""
        if self.steps is not None:
            return step % self.steps == 0
        return self.seconds is not None and time.monotonic() - self.last >= self.seconds

    def write(self, state: dict[str, Any]) -> str:
        """Write a state; returns why it could not be written, or nothing. The one before then still stands.

        Raises:
            ArgumentError: The state holds what cannot be written without pickle.
        """
        tree, arrays = flatten_state(state)
        self.last = time.monotonic()
        bundle = Bundle(_KIND, {"identity": self.identity, "state": tree}, arrays)
        try:
            save(self.directory, bundle, overwrite=True)
        except ArtifactError as error:
            kept = "none is kept" if self.step is None else f"that of step {self.step} is kept"
            return f"the checkpoint of step {state.get('step')} could not be written ({error.got}); {kept}"
        self.step = state.get("step")
        return ""
