"""Everything that a search tried: the cache before the journal before a new evaluation."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from fivefold.core import ArtifactError, Budget, FivefoldError
from fivefold.tasks.images.design.early_stopping import WINDOW, Bars, bars_from
from fivefold.tasks.images.design.journal import Journal
from fivefold.tasks.images.design.parallel import Team
from fivefold.tasks.images.design.trial import Candidate, Fitness, Trial

T = TypeVar("T")


class Trials:
    """Tries candidates, each genome once, until the budget is spent.

    Decisions of a search follow from its seed and from what was tried. A search that goes on from a journal
    therefore runs from its beginning, and is given the journal's answers until they are used up.

    Args:
        fitness: Tries one candidate.
        journal: Where trials are written and from where they are read.
        budget: Seconds, of all runs together, and trials (its steps).
        kept_back: Share of the seconds that is left for :meth:`again`, in [0, 1); 0 leaves nothing.
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
        kept_back: float = 0.0,
        team: Team | None = None,
        progress: Callable[[Trial], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history: list[Trial] = []
        self.tried: dict[str, Trial] = {}
        """By the key that was asked for, and by the key that was built."""
        self._fitness, self._journal, self._budget = fitness, journal, budget
        self._kept_back = kept_back
        self._team, self._progress, self._now = team or Team(), progress, now
        self._kept = deque(each for each in journal.trials if not each.final)
        searched = max((place for place, each in enumerate(journal.trials) if not each.final), default=-1)
        self._finals = {each.key: each for each in journal.trials[searched + 1 :]}
        self._before = journal.trials[-1].elapsed if journal.trials else 0.0
        self._start = now()

    @property
    def elapsed(self) -> float:
        """Seconds spent, those of earlier runs of the same journal included."""
        return self._before + self._now() - self._start

    @property
    def finals(self) -> frozenset[str]:
        """Keys of what an earlier run trained again, with which :meth:`again` will answer."""
        return frozenset(self._finals)

    @property
    def replaying(self) -> bool:
        """Whether answers still come from the journal."""
        return bool(self._kept)

    def judge(self, candidates: Sequence[Candidate], stop_share: float) -> bool:
        """Try what was not tried before; say whether the budget allowed all of it.

        Args:
            candidates: In the order in which they are decided.
            stop_share: See :func:`~fivefold.tasks.images.design.early_stopping.bars_from`; bars are those of
                the trials before.

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
            judged = [trial.curve for trial in self.history if trial.judged]
            bars = bars_from(judged[-WINDOW:], share=stop_share)

            def attempt(candidate: Candidate, bars: Bars = bars) -> Trial:
                return self._fitness(candidate, bars, self.tried.keys())

            for trial in self._round(handed, attempt):
                self._finals = {}  # what was trained longer was not the best of all
                self._note(trial)
            # what was lightened may be what was to come
            fresh = [each for each in fresh if each.key not in self.tried]
        return True

    def again(self, few: int, train: Callable[..., Trial]) -> list[Trial]:
        """Train the best few again, in equal parts of what is left of the seconds.

        None where nothing was kept back, or where a part would be shorter than the first training was.

        Args:
            few: How many, at least 1.
            train: Given a trial and ``seconds``, trains its genome for so long.

        Returns:
            What came of it, the best of the search first; of an earlier run what the journal holds.
        """
        judged = (each for each in self.history if each.judged)
        best = sorted(judged, key=lambda each: -each.accuracy)[:few]
        found = [self._finals[each.key] for each in best if each.key in self._finals]
        rest = [each for each in best if each.key not in self._finals]
        while rest and self._kept_back and self._budget.seconds is not None:
            handed, after = rest[: self._team.size], rest[self._team.size :]
            left = self._budget.seconds - self._team.from_first(self.elapsed)
            part = left / -(-len(rest) // self._team.size)
            if part < max(each.seconds for each in handed):
                break
            found += self._round(handed, partial(train, seconds=part))
            rest = after
        return found

    def spent(self) -> bool:
        """Whether the budget of the search is spent."""
        seconds, steps = self._budget.seconds, self._budget.steps
        return (seconds is not None and self.elapsed >= (1 - self._kept_back) * seconds) or (
            steps is not None and len(self.history) >= steps
        )

    def _next(self) -> int:
        """How many are handed out at once: one to each process, and no more than the budget has left."""
        steps = self._budget.steps
        return self._team.size if steps is None else min(self._team.size, steps - len(self.history))

    def _round(self, handed: Sequence[T], call: Callable[[T], Trial]) -> list[Trial]:
        """One trial on each process, those of all in the order of ranks, as they stand in the journal."""
        rank = self._team.rank
        answer: dict[str, object] = {}
        if rank < len(handed):
            try:
                answer["trial"] = call(handed[rank]).to_record()
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
        trials = [replace(Trial.from_record(each["trial"]), elapsed=elapsed) for each in found if each]
        for trial in trials if rank == 0 else ():
            self._journal.append(trial)
            if self._progress is not None:
                self._progress(trial)
        return trials

    def _note(self, trial: Trial) -> None:
        self.history.append(trial)
        self.tried.setdefault(trial.key, trial)
        self.tried.setdefault(trial.asked, trial)
