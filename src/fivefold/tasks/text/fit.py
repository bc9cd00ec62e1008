"""The verb ``fit`` for texts: words and networks under a budget, mixed, calibrated, tested."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import Budget, Clock, DataError, as_seed
from fivefold.tasks.class_record import softmax
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.seconds import seconds_of
from fivefold.tasks.tables.splits import Splitter
from fivefold.tasks.temperature import temperature_of
from fivefold.tasks.text.bag_of_words import Design
from fivefold.tasks.text.choose import Trial, choose
from fivefold.tasks.text.cut_texts import CutTexts
from fivefold.tasks.text.mixture import Mixture, choose_share
from fivefold.tasks.text.model import Network, TextModel
from fivefold.tasks.text.padded import Padded
from fivefold.tasks.text.penalty_path import Path as Penalties
from fivefold.tasks.text.penalty_path import choose_penalty
from fivefold.tasks.text.read import read_texts
from fivefold.tasks.text.text_set import TextSet, twin_key
from fivefold.tasks.text.tokens import Tokenizer
from fivefold.tasks.thin_data import require_two_classes
from fivefold.tasks.user_path import source_name

Progress = Callable[[str, dict[str, object]], None]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TOKENS, _LEAST_JOINS = 8_000, 500
_LONGEST = 256
_WORDS, _LAST = 0.3, 0.5
"""Share of the budget for the penalties of the words, and of what they took that the last fit is kept."""


@dataclass(eq=False)
class Parts:
    """Texts in four parts.

    Attributes:
        texts: All of them.
        train: Rows that are learnt from.
        judge: Rows that stop trainings and choose.
        calibrate: Rows for the temperature and the sets.
        test: Rows that nothing touches before the end.
        given: Whether the test rows are those that the source named.
        left_out: Training texts that the source's test texts hold too, and that nothing is learnt from.
        kept: Texts that another part drew but that stay in training, where a class would have none without.
    """

    texts: TextSet
    train: Rows
    judge: Rows
    calibrate: Rows
    test: Rows
    given: bool
    left_out: int = 0
    kept: int = 0

    def of(self, rows: Rows) -> list[str]:
        """Return the texts of rows."""
        return [self.texts.texts[row] for row in rows.tolist()]

    def distinct(self, rows: Rows) -> Rows:
        """Return rows without repetitions of a text and its class, capitals and spaces not counted."""
        first: dict[tuple[str, int], int] = {}
        for row in rows.tolist():
            first.setdefault((twin_key(self.texts.texts[row]), int(self.texts.labels[row])), row)
        return np.array(list(first.values()), dtype=np.int64)

    def shared(self) -> int:
        """Return how many texts stand in more than one part, but for capitals and spaces."""
        parts = (self.train, self.judge, self.calibrate, self.test)
        found = Counter(key for part in parts for key in set(map(twin_key, self.of(part))))
        return sum(count > 1 for count in found.values())


@dataclass(frozen=True)
class Reading:
    """How much of the training texts the networks read.

    Attributes:
        longest: Tokens of a text at most; what follows them is cut off.
        cut: Share of the texts that are longer, in 0..1.
    """

    longest: int
    cut: float


@dataclass(eq=False)
class Outcome:
    """Everything that came of a fit, for the record.

    Attributes:
        parts: The texts.
        model: The answer.
        trials: The text networks that were tried.
        best: The one that was mixed in, or ``None``.
        mixture: The share of the network, and the losses on the judging texts behind it.
        penalties: What came of the penalties of the words.
        converged: Whether the last fit of the words ended by its gradient.
        yardstick: The words alone, calibrated as the answer is.
        seed: Of everything random.
        reading: How much the networks read.
    """

    parts: Parts
    model: TextModel
    trials: list[Trial]
    best: Trial | None
    mixture: Mixture
    penalties: Penalties
    converged: bool
    yardstick: TextModel
    seed: int
    reading: Reading


def fit_texts(
    data: Any,
    *,
    target: str | None = None,
    budget: str | float | Budget | None = "60s",
    seed: int = 0,
    progress: Progress | None = None,
) -> TextModel:
    """Fit a classifier of texts within a budget: by the words they hold, by networks that read them, or both.

    Args:
        data: A table or data frame with a column of texts, a folder with a text file or a folder per class,
            or a :class:`TextSet`, as :func:`~fivefold.tasks.text.read.read_texts` makes one of lists.
        target: The table's column of labels.
        budget: Seconds for everything, as ``"5m"`` or a number.
        seed: Of everything random.
        progress: ``progress(event, details)``.

    Returns:
        The model with its record and plan.

    Raises:
        DataError: Nothing that can be learnt from.
        ArgumentError: A budget that is none, or a seed below 0.

    >>> texts = [f"it {'barks' if i % 2 else 'purrs'} at {i}" for i in range(80)]
    >>> labels, given = np.arange(80) % 2, np.full(80, -1, dtype=np.int8)
    >>> found = TextSet("memory", tuple(texts), tuple(map(str, range(80))), ("cat", "dog"), labels, given)
    >>> str(fit_texts(found, budget="1s").predict(["how it barks"])[0])
    'dog'
    """
    seconds = seconds_of(budget)
    seed = as_seed(seed)
    clock = Clock(Budget(seconds))
    tell = progress or (lambda event, details: None)
    tell("read", {"source": source_name(data)})
    texts = data if isinstance(data, TextSet) else read_texts(data, target=target)
    require_two_classes(texts.classes, texts.source, "add texts of another one")
    tell("found", {"described": texts.describe()})
    outcome = _run(divide(texts, seed), clock, seconds, seed, tell)
    tell("report", {})
    from fivefold.tasks.text.record import build_record

    record = build_record(outcome, seconds, clock.elapsed)
    return replace(outcome.model, record=record, plan=record["plan"])


def divide(texts: TextSet, seed: int) -> Parts:
    """Divide labelled texts class by class; texts that are equal but for capitals and spaces stay together.

    Where the source names the test texts, their copies among the others are left out. A part that would take
    the last training texts of a class leaves them there.

    Args:
        texts: Labelled texts.
        seed: Of the division.

    Raises:
        DataError: A class without a training text, nothing but copies of one text, or so few texts of every
            class that none can be held out.
    """
    rows = np.flatnonzero(texts.labels >= 0)
    labels = texts.labels[rows]
    twins = copies_of([texts.texts[r] for r in rows.tolist()])
    kept = 0

    def split(at: Rows, share: float, step: int) -> tuple[Rows, Rows]:
        nonlocal kept
        splitter = Splitter(seed + step, strata=labels[at], twins=twins[at], strict=True)
        inner, outer = (at[part] for part in splitter.test(len(at), share))
        last = np.isin(labels[outer], np.setdiff1d(labels[outer], labels[inner]))
        back = np.isin(twins[outer], twins[outer[last]])
        kept += int(back.sum())
        if back.all():
            fix = "add texts of at least one class"
            raise DataError("classes with texts to judge by", f"so few texts that all {len(at):,} train", fix)
        return np.sort(np.concatenate([inner, outer[back]])), outer[~back]

    given = texts.given[rows] == 1
    copies = np.zeros(len(rows), dtype=np.bool_)
    source = bool(given.any() and not given.all())
    if source:
        test = np.flatnonzero(given)
        copies = ~given & np.isin(twins, twins[test])
        known = np.flatnonzero(~given & ~copies)
        if not len(known):
            raise DataError("training texts", "none but copies of the test texts", "take the test texts away")
    else:
        known, test = split(np.arange(len(rows)), 0.2, 0)
    missing = np.setdiff1d(np.arange(len(texts.classes)), labels[known])
    if len(missing):
        named = ", ".join(texts.classes[code] for code in missing[:5].tolist())
        copied = sorted(set(labels[copies].tolist()) & set(missing.tolist()))
        if copied:
            those = ", ".join(texts.classes[code] for code in copied[:5])
            named += f"; those of {those} are all copies of test texts, and were left out"
        fix = "add texts of it, or leave it out"
        raise DataError("training texts of every class", f"none of {named}", fix)
    held = 0.1 if len(known) >= 2000 else 0.15
    rest, calibrate = split(known, held, 1)
    train, judge = split(rest, held, 2)
    return Parts(
        texts, rows[train], rows[judge], rows[calibrate], rows[test], source, int(copies.sum()), kept
    )


def copies_of(texts: Sequence[str]) -> Rows:
    """Return codes ``[n]``, the same for texts that are equal but for capitals and spaces.

    >>> copies_of(["a b", "c", "A  b "]).tolist()
    [0, 1, 0]
    """
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(twin_key(text), len(codes)) for text in texts], dtype=np.int64)


def _run(parts: Parts, clock: Clock, seconds: float, seed: int, tell: Progress) -> Outcome:
    labels, classes = parts.texts.labels, len(parts.texts.classes)
    judge = parts.distinct(parts.judge)
    truth = labels[judge]
    tell("trial", {"method": "words", "seconds": "a moment"})
    end = clock.elapsed + _WORDS * max(0.0, seconds - clock.elapsed)
    rows = np.concatenate([parts.train, parts.judge])
    cut = CutTexts.of(parts.of(rows))
    held = cut.take(np.flatnonzero(np.isin(rows, judge)))
    learnt = cut.take(np.arange(len(parts.train)))
    left = max(0.0, end - clock.elapsed)
    penalties = choose_penalty(learnt, labels[parts.train], (held, truth), classes, left)
    words, last = penalties.bag, _LAST * penalties.seconds
    own = words.scores(held)
    at = temperature_of(own, truth)
    own = own / at
    best, trials, network, reading = _networks(parts, judge, clock, seconds - last, seed, tell)
    other = None if network is None else network.scores(parts.of(judge))
    mixture = choose_share(own, other, truth)
    # the penalty and the share are chosen: now the judging texts teach, too
    most = {"most": len(words.terms)} if penalties.terms else {}
    design = Design.of(cut, labels[rows], classes, **most)
    end = clock.elapsed + max(seconds - clock.elapsed, last)
    words, fitted = design.fit(words.penalty, start=words, stop=lambda: clock.elapsed >= end)
    alone = TextModel(parts.texts.classes, words, at, None, 0.0, 1.0, Sets(np.zeros(0)))
    tell("chosen", {"method": method_name(mixture.share, best)})
    yardstick = model = _calibrated(alone, parts)
    if mixture.share > 0:
        model = _calibrated(replace(alone, network=network, share=mixture.share), parts)
    return Outcome(parts, model, trials, best, mixture, penalties, fitted.converged, yardstick, seed, reading)


def _calibrated(model: TextModel, parts: Parts) -> TextModel:
    """The model with a temperature and prediction sets of the texts that calibrate; of copies one counts."""
    rows = parts.distinct(parts.calibrate)
    texts, truth = parts.of(rows), parts.texts.labels[rows]
    held = np.log(np.maximum(model.probabilities_of(texts), 1e-300))
    temperature = temperature_of(held, truth)
    sets = Sets(np.sort(Sets.of(softmax(held / temperature), truth, ordered=False)))
    return replace(model, temperature=temperature, sets=sets)


def _networks(
    parts: Parts, judging: Rows, clock: Clock, seconds: float, seed: int, tell: Progress
) -> tuple[Trial | None, list[Trial], Network | None, Reading]:
    """The best text network that the budget holds, with its tokenizer, and how much of the texts all read."""
    labels = parts.texts.labels
    train, judge = parts.of(parts.train), parts.of(judging)
    tokenizer = Tokenizer.fit(train, _TOKENS, joins=max(_LEAST_JOINS, len(train) * 4))
    lengths = np.array([len(tokenizer.tokens(text)) for text in train])
    longest = int(min(_LONGEST, max(8, np.quantile(lengths, 0.98))))
    reading = Reading(longest, float((lengths > longest).mean()))
    tokens, held = (torch.from_numpy(tokenizer.encode(part, longest)[0]) for part in (train, judge))
    best, trials = choose(
        tokens,
        torch.from_numpy(labels[parts.train]),
        (held, torch.from_numpy(labels[judging])),
        tokenizer.size,
        len(parts.texts.classes),
        clock,
        seconds,
        seed,
        tell,
    )
    if best is None:
        return None, trials, None, reading
    assert isinstance(best.module, Padded)
    network = Network(best.name, best.module.eval(), tokenizer, longest, 1.0)
    temperature = temperature_of(network.scores(judge), labels[judging])
    return best, trials, replace(network, temperature=temperature), reading


def method_name(share: float, best: Trial | None) -> str:
    """Return how a report calls the mixture.

    >>> method_name(0.0, None), method_name(0.5, Trial("bigru"))
    ('words', 'words and bigru')
    """
    if best is None or share == 0:
        return "words"
    return best.name if share == 1 else f"words and {best.name}"


def plan_of(outcome: Outcome) -> dict[str, Any]:
    """Return what was done, in plain values."""
    return {
        "version": 1,
        "seed": outcome.seed,
        "unit": outcome.parts.texts.unit,
        "column": outcome.parts.texts.column,
        "threads": torch.get_num_threads(),
        "share": outcome.model.share,
        "network": None if outcome.best is None else outcome.best.name,
        "epochs": None if outcome.best is None else outcome.best.epochs,
        "penalty": outcome.model.words.penalty,
        "penalties_not_tried": list(outcome.penalties.untried),
        "terms": len(outcome.model.words.terms),
    }
