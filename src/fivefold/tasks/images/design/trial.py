"""What is asked of an evaluation, and what it answers."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from fivefold.core import ArgumentError
from fivefold.tasks.images.design.early_stopping import Bars
from fivefold.tasks.images.design.genome import Genome
from fivefold.tasks.images.design.variation import Child


class Ending(StrEnum):
    """How an evaluation ended."""

    TRAINED = "trained"
    STOPPED = "stopped"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A genome that is to be tried.

    Args:
        child: The genome, and where its units come from.
        generation: 0 for those drawn at random.
        parents: Keys of its parents, in the order that the origins count.
    """

    child: Child
    generation: int = 0
    parents: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The genome's key."""
        return self.child.genome.key


@dataclass(frozen=True, slots=True)
class Trial:
    """A genome that was tried, what came of it and why.

    Args:
        key: The genome that was built; where limits were exceeded, after it was lightened.
        asked: The genome that was asked for.
        generation: In which it was asked for.
        parents: Keys of its parents.
        mutation: What a mutation did; empty where none did.
        ending: Trained, stopped early, refused before training, or failed.
        reason: The same in words.
        accuracy: Share of the validation pictures that it classes rightly at its end, of the few that judge
            on the way where it was stopped; 0 where none was trained.
        curve: That share at each rung reached, and at the end where it was.
        loss: Mean negative log probability of the validation classes, in nats; ``None`` where it was not
            trained to the end.
        updates: Updates made.
        inherited: Parameters taken from parents, as a share.
        parameters: Numbers that are trained.
        memory_bytes: Of a training step, as planned.
        latency_ms: Of a prediction.
        step_ms: Of an update.
        seconds: Of this evaluation.
        elapsed: Seconds of the search at its end.
        final: Whether it is the longer training of one that was among the best.

    >>> trial = Trial("D:4:1", "D:4:1", 0, (), "", Ending.TRAINED, "", 0.5)
    >>> Trial.from_record(trial.to_record()) == trial
    True
    """

    key: str
    asked: str
    generation: int
    parents: tuple[str, ...]
    mutation: str
    ending: Ending
    reason: str
    accuracy: float
    curve: tuple[float, ...] = ()
    loss: float | None = None
    updates: int = 0
    inherited: float = 0.0
    parameters: int | None = None
    memory_bytes: int | None = None
    latency_ms: float | None = None
    step_ms: float | None = None
    seconds: float = 0.0
    elapsed: float = 0.0
    final: bool = False

    @property
    def genome(self) -> Genome:
        """The genome that was built."""
        return Genome.from_key(self.key)

    @property
    def judged(self) -> bool:
        """Whether its accuracy was measured."""
        return self.ending in (Ending.TRAINED, Ending.STOPPED)

    def to_record(self) -> dict[str, Any]:
        """Return a plain record."""
        lists = {"parents": list(self.parents), "curve": list(self.curve)}
        return {**asdict(self), "ending": str(self.ending), **lists}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Trial":
        """Read a record.

        Raises:
            ArgumentError: Not such a record.
        """
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise ArgumentError(f"the entries {sorted(names)}", str(sorted(record)))
        try:
            return cls(
                **{
                    **record,
                    "ending": Ending(record["ending"]),
                    "parents": tuple(record["parents"]),
                    "curve": tuple(record["curve"]),
                }
            )
        except (TypeError, ValueError) as error:
            raise ArgumentError("the record of a trial", str(error)) from error


Fitness = Callable[[Candidate, Bars, Collection[str]], Trial]
"""Tries a candidate, with the bars that it meets and the keys that were tried before."""
