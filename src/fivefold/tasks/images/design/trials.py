"""Everything that a search tried: the cache before the journal before a new evaluation."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from fivefold.core import ArtifactError, Budget, FivefoldError
from fivefold.tasks.images.design.early_stopping import Bars, bars_from
from fivefold.tasks.images.design.journal import Journal
from fivefold.tasks.images.design.parallel import Team
from fivefold.tasks.images.design.trial import Candidate, Fitness, Trial


class Trials:
    """Tries candidates, each genome once, until the budget is spent.

    Decisions of a search follow from its seed and from what was tried. A search that goes on from a journal
    therefore runs from its beginning, and is given the journal's answers until they are used up.

    Args:
        fitness: Tries one candidate.
        journal: Where trials are written and from where they are read.
        budget: Seconds, of all runs together, and trials (its steps).
        team: The processes among whom trials are handed out.
        progress: Called with each new trial, in rank 0.
        now: Seconds; another clock for tests.
    """

    def __init__(
        self,
        fitness: Fitness,
        journal: Journal,
        budget: Budget,
        *,
        team: Team | None = None,
        progress: Callable[[Trial], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history: list[Trial] = []
        self.tried: dict[str, Trial] = {}
        """By the key that was asked for, and by the key that was built."""
        self._fitness, self._journal, self._budget = fitness, journal, budget
        self._team, self._progress, self._now = team or Team(), progress, now
        self._kept = deque(journal.trials)
        self._before = journal.trials[-1].elapsed if journal.trials else 0.0
        self._start = now()

    @property
    def elapsed(self) -> float:
        """Seconds spent, those of earlier runs of the same journal included."""
        return self._before + self._now() - self._start

    @property
    def replaying(self) -> bool:
        """Whether answers still come from the journal."""
        return bool(self._kept)

    def judge(self, candidates: Sequence[Candidate], bars: Bars) -> bool:
        """Try what was not tried before; say whether the budget allowed all of it.

        Args:
            candidates: In the order in which they are decided.
            bars: What they must reach to go on.

        Raises:
            ArtifactError: The journal answers another question.
            FivefoldError: A trial failed for a reason of its own; under ``torchrun``, on every process.
        """
        fresh = list({each.key: each for each in candidates if each.key not in self.tried}.values())
        while fresh and self._kept:
            candidate = fresh.pop(0)
            if candidate.key in self.tried and self._kept[0].asked != candidate.key:
                continue  # what was lightened was this one, which was not tried by itself then
            trial = self._kept.popleft()
            if trial.asked != candidate.key:
                raise ArtifactError(
                    f"a trial of {candidate.key[:80]} in the journal",
                    trial.asked[:80],
                    "the journal is another version's; name another folder",
                )
            self._note(trial)
        fresh = [each for each in fresh if each.key not in self.tried]
        while fresh:
            if self._team.from_first(self.spent()):
                return False
            handed, fresh = fresh[: self._next()], fresh[self._next() :]
            for trial in self._round(handed, bars):
                if self._team.rank == 0:
                    self._journal.append(trial)
                    if self._progress is not None:
                        self._progress(trial)
                self._note(trial)
            # what was lightened may be what was to come
            fresh = [each for each in fresh if each.key not in self.tried]
        return True

    def spent(self) -> bool:
        """Whether the budget is spent."""
        seconds, steps = self._budget.seconds, self._budget.steps
        return (seconds is not None and self.elapsed >= seconds) or (
            steps is not None and len(self.history) >= steps
        )

    def bars(self, window: int, share: float) -> Bars:
        """Bars from the last trials that were judged."""
        judged = [trial.curve for trial in self.history if trial.judged]
        return bars_from(judged[-window:], share=share)

    def _next(self) -> int:
        """How many are handed out at once: one to each process, and no more than the budget has left."""
        steps = self._budget.steps
        return self._team.size if steps is None else min(self._team.size, steps - len(self.history))

    def _round(self, handed: Sequence[Candidate], bars: Bars) -> list[Trial]:
        """One trial on each process, those of all in the order of ranks."""
        rank = self._team.rank
        answer: dict[str, object] = {}
        if rank < len(handed):
            try:
                answer["trial"] = self._fitness(handed[rank], bars, self.tried.keys()).to_record()
            except Exception as error:
                if self._team.size == 1:
                    raise
                # the other processes wait for an answer
                answer["error"] = f"{type(error).__name__}: {error}"
        found = self._team.gather(answer)
        for place, each in enumerate(found):
            if "error" in each:
                raise FivefoldError("a trial on every process", f"on rank {place}: {each['error']}")
        elapsed = self._team.from_first(self.elapsed)
        return [replace(Trial.from_record(each["trial"]), elapsed=elapsed) for each in found if each]

    def _note(self, trial: Trial) -> None:
        self.history.append(trial)
        self.tried.setdefault(trial.key, trial)
        self.tried.setdefault(trial.asked, trial)
