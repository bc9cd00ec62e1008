"""The plan: which fits are made, decided from sizes and the budget before the first one, and stored.

Seconds never enter a result: the budget is turned into a number of operations of a nominal machine, and the
sizes of the table into the cost of every fit, so that the same table, seed, budget and version give the same
plan however busy the machine is. Only where the clock runs past the budget is the rest of the plan dropped,
which the plan then records; a replay follows the record.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fivefold.core import ArtifactError, Budget
from fivefold.tasks.tables.candidates.problem import Candidate

OPERATIONS_PER_SECOND = 1e11
"""What the nominal machine does in a second: two cores of a laptop at mixed work."""
_SHARE_FOR_CHOICE = 0.45
ALWAYS = frozenset({"constant", "ridge", "boosted trees"})
"""Tried however short the budget: an answer, the simplest real one, and what both are measured against."""


@dataclass(eq=False)
class Plan:
    """What is done, and what was left out.

    Attributes:
        seed: The seed of everything.
        threads: Threads of the linear algebra; the bits depend on it.
        budget: Seconds asked for.
        folds: Folds of a repetition.
        repetitions: Most repetitions of the cross-validation.
        names: Candidates considered, cheapest first.
        done: ``[name, repetition, fold]`` of every fit of the choice, as made.
        dropped: Why candidates or fits were left out, by name.
        newcomers: The plan of the search for levels that training has not seen, or ``None``.
        follow: Whether ``done`` is to be followed (a replay) rather than written.
        sampling: Which rows were drawn from a table that is too large, or ``None``.
    """

    seed: int
    threads: int
    budget: float | None
    folds: int
    repetitions: int
    names: list[str]
    done: list[tuple[str, int, int]] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    newcomers: "Plan | None" = None
    follow: bool = False
    sampling: dict[str, Any] | None = None

    @classmethod
    def make(
        cls,
        candidates: Sequence[Candidate],
        rows: int,
        columns: int,
        outputs: int,
        budget: Budget,
        seed: int,
        threads: int,
        rarest: int,
        exact: bool = True,
    ) -> "Plan":
        """Decide folds, repetitions and which candidates the budget admits.

        Args:
            candidates: What could be tried.
            rows: Training rows.
            columns: Encoded columns.
            outputs: Linear predictors.
            budget: Seconds, or no limit (then as for 60 seconds with three repetitions).
            seed: The seed.
            threads: Threads of the linear algebra.
            rarest: Rows of the rarest class (all rows for a number): no more folds than that. A class of one
                row is unknown in the one fold that holds it out, however many folds there are.
            exact: Whether the family is Gaussian; fits of the others take several passes.
        """
        seconds = budget.seconds or 60.0
        allowance = seconds * OPERATIONS_PER_SECOND * _SHARE_FOR_CHOICE
        folds = min(5, rarest) if rarest > 1 else 5
        costs = {c.name: (1 - 1 / folds) * c.cost(rows, columns, outputs, exact) for c in candidates}
        order = sorted(candidates, key=lambda c: costs[c.name])
        names: list[str] = []
        spent, dropped = 0.0, dict[str, str]()
        for candidate in order:
            if rows < candidate.least_rows:
                dropped[candidate.name] = (
                    f"needs at least {candidate.least_rows:,} training rows; there are {rows:,}"
                )
                continue
            # One fold decides whether a method is worth more; the best one needs all of them.
            first = costs[candidate.name]
            if names and spent + first * folds > allowance and candidate.name not in ALWAYS:
                dropped[candidate.name] = (
                    f"one fit needs about {first / OPERATIONS_PER_SECOND:.1g} s of the nominal machine; "
                    f"the budget of {seconds:g} s does not hold {folds} of them"
                )
                continue
            names.append(candidate.name)
            spent += first * 2
        once = sum(costs[name] for name in names) * folds
        repetitions = int(max(1, min(3 if rows > 2000 else 5, allowance // max(once, 1.0))))
        return cls(seed, threads, budget.seconds, folds, repetitions, names, [], dropped)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: plain JSON, that reading the JSON again gives unchanged."""
        record = asdict(replace(self, newcomers=None))
        record.pop("follow")
        if self.sampling is None:
            record.pop("sampling")
        record["done"] = [list(fit) for fit in self.done]
        record["newcomers"] = None if self.newcomers is None else self.newcomers.to_record()
        return {"version": 1, **record}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Plan":
        """Read the stored form, to be followed.

        Raises:
            ArtifactError: Another version, or fields that do not fit.
        """
        fields = {k: v for k, v in record.items() if k not in {"version", "newcomers"}}
        if record.get("version") != 1:
            raise ArtifactError(
                "a plan of version 1", repr(record.get("version")), "fit anew instead of replaying"
            )
        try:
            plan = cls(**fields, follow=True)
        except TypeError as error:
            raise ArtifactError("the fields of a plan", str(error), "fit anew instead of replaying") from None
        plan.done = [(str(n), int(r), int(f)) for n, r, f in plan.done]
        if record.get("newcomers") is not None:
            plan.newcomers = cls.from_record(record["newcomers"])
        return plan
