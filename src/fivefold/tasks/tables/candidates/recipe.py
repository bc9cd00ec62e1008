"""How the dense network is trained, why this way, and how a report says it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_OPTIMIZERS = {
    "adamw": "AdamW",
    "nadam": "NAdam",
    "rmsprop": "RMSprop",
    "schedule-free-adamw": "schedule-free AdamW",
    "sgd": "SGD with Nesterov momentum",
    "soap": "SOAP",
}
_SCHEDULES = {
    "constant": "at a constant rate of {rate:g}",
    "cosine": "with a rate that rises to {rate:g} in the first twentieth and falls to 0 along a cosine",
    "one-cycle": "with one cycle of the rate, up to {rate:g} in the first three tenths and down to 0",
}


@dataclass(frozen=True)
class Recipe:
    """What moves the weights of a network, at which rates, and why this way.

    Args:
        optimizer: A name in :data:`~fivefold.optimize.training.optimizers.OPTIMIZERS`.
        schedule: A name in :data:`~fivefold.optimize.training.schedules.SCHEDULES`.
        rate: The peak learning rate, positive.
        why: What was measured for it, in a sentence.
    """

    optimizer: str
    schedule: str
    rate: float
    why: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return plain values.

        >>> Recipe("adamw", "cosine", 1e-3).to_record()
        {'optimizer': 'adamw', 'schedule': 'cosine', 'rate': 0.001, 'why': ''}
        """
        return asdict(self)


RECIPE = Recipe(
    "adamw",
    "cosine",
    3e-3,
)
"""The one that ``fit`` takes."""


def summarised(fits: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Put the trainings of one method together, as the report shows them.

    Args:
        fits: One record per fit, as :meth:`NetworkCandidate.fit` leaves it: the recipe's, and ``epochs``,
            ``steps`` and ``best_epoch``.

    Returns:
        The recipe, the number of fits, the smallest and largest count of epochs and of the epoch whose
        weights were kept, and a sentence; ``None`` where nothing was trained.

    >>> one = {**Recipe("adamw", "cosine", 1e-3, "Why not.").to_record(), "epochs": 9, "best_epoch": 4}
    >>> found = summarised([one, {**one, "best_epoch": 7}])
    >>> found["epochs"], found["best_epoch"]
    ([9, 9], [4, 7])
    """
    if not fits:
        return None
    first = fits[0]
    epochs, best = _ends(f["epochs"] for f in fits), _ends(f["best_epoch"] for f in fits)
    optimizer, schedule = str(first["optimizer"]), str(first["schedule"])
    moves = _OPTIMIZERS.get(optimizer, optimizer)
    rates = _SCHEDULES.get(schedule, f"with the schedule {schedule!r}, peak rate {{rate:g}}")
    sentence = (
        f"Trained by {moves} {rates.format(rate=first['rate'])}, {_range(epochs)} epochs; the weights of "
        f"epoch {_range(best)}, best on a tenth of the rows held back, were kept. {first['why']}"
    )
    kept = {name: first[name] for name in ("optimizer", "schedule", "rate", "why")}
    return {**kept, "fits": len(fits), "epochs": epochs, "best_epoch": best, "sentence": sentence.strip()}


def _ends(values: Iterable[int]) -> list[int]:
    found = list(values)
    return [min(found), max(found)]


def _range(ends: list[int]) -> str:
    """A number, or two with a word between them."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
