"""How the dense network is trained, why this way, and how a report says it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fivefold.optimize.training.optimizers import OptimizerFactory

AVERAGED = "averaged-adamw"
_OPTIMIZERS = {
    AVERAGED: "AdamW with its weights averaged",
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
        optimizer: ``"averaged-adamw"``, or a name in
            :data:`~fivefold.optimize.training.optimizers.OPTIMIZERS`.
        schedule: A name in :data:`~fivefold.optimize.training.schedules.SCHEDULES`.
        rate: The peak learning rate, positive.
        decay: Weight decay, at least 0.
        why: What was measured for it, in a sentence.
    """

    optimizer: str
    schedule: str
    rate: float
    decay: float = 0.0
    why: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return plain values.

        >>> Recipe("adamw", "cosine", 1e-3).to_record()
        {'optimizer': 'adamw', 'schedule': 'cosine', 'rate': 0.001, 'decay': 0.0, 'why': ''}
        """
        return asdict(self)

    def maker(self) -> "str | OptimizerFactory":
        """Return the optimizer in the form that ``train`` takes.

        >>> Recipe("adamw", "cosine", 1e-3).maker()
        'adamw'
        """
        if self.optimizer != AVERAGED:
            return self.optimizer
        # imported where it is used: the words of a report need no torch
        from fivefold.tasks.tables.candidates.averaged_adamw import AveragedAdamW

        return lambda groups: AveragedAdamW(groups, self.rate)


OF_NUMBERS = Recipe(
    AVERAGED,
    "constant",
    3e-3,
    1.0,
    "Why: of 26 recipes it held up best for numbers and counts. On 13 such tables that took no part in the "
    "choice its held-out loss was below that of AdamW with a cosine from 0.003 on 13 (sign test p = 0.0002), "
    "by 6.5% in the mean (benchmarks/optimize_network_recipe.py).",
)
"""The one that ``fit`` takes for numbers and counts."""

OF_CLASSES = Recipe(
    "adamw",
    "cosine",
    3e-3,
    0.0,
    "Why: none of 26 recipes was better for classes. The best of them had a lower held-out loss on 2 of 3 "
    "tables that took no part in the choice and a higher one by 4.7% in the mean "
    "(benchmarks/optimize_network_recipe.py).",
)
"""The one that it takes for classes."""


def summarised(fits: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Put the trainings of one method together, as the report shows them.

    Args:
        fits: One record per fit, as :meth:`NetworkCandidate.fit` leaves it: the recipe's, and ``epochs``,
            ``steps`` and the smallest and largest ``best_epoch`` of its members; of one that was watched
            also ``watch``, as :func:`~fivefold.tasks.tables.candidates.watched.told` gives it.

    Returns:
        The recipe, the number of fits, the smallest and largest count of epochs and of the epoch whose
        weights were kept, and a sentence; ``None`` where nothing was trained.

    >>> one = {**Recipe("adamw", "cosine", 1e-3).to_record(), "epochs": 9, "best_epoch": [4, 5]}
    >>> found = summarised([one, {**one, "best_epoch": [5, 7]}])
    >>> found["epochs"], found["best_epoch"]
    ([9, 9], [4, 7])
    """
    if not fits:
        return None
    first = fits[0]
    epochs, best = _ends(f["epochs"] for f in fits), _ends(e for f in fits for e in f["best_epoch"])
    optimizer, schedule = str(first["optimizer"]), str(first["schedule"])
    moves = _OPTIMIZERS.get(optimizer, optimizer)
    rates = _SCHEDULES.get(schedule, f"with the schedule {schedule!r}, peak rate {{rate:g}}")
    decay = f"weight decay {first['decay']:g}" if first["decay"] else "no weight decay"
    sentence = (
        f"Trained by {moves} {rates.format(rate=first['rate'])}, {decay}, {_range(epochs)} epochs; each "
        f"network kept its weights of epoch {_range(best)}, best for it on a tenth of the rows held back. "
        f"{first['why']}"
    )
    watched = next((dict(f["watch"]) for f in fits if f.get("watch")), None)
    sentence = sentence.strip() if watched is None else f"{sentence.strip()} {watched['sentence']}"
    kept = {name: first[name] for name in ("optimizer", "schedule", "rate", "decay", "why")}
    told = {**kept, "fits": len(fits), "epochs": epochs, "best_epoch": best, "sentence": sentence}
    return told if watched is None else {**told, "watch": watched}


def _ends(values: Iterable[int]) -> list[int]:
    found = list(values)
    return [min(found), max(found)]


def _range(ends: list[int]) -> str:
    """A number, or two with a word between them."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
