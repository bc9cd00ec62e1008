"""The verb ``fit`` for texts: words and networks under a budget, mixed, calibrated, tested."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import Budget, Clock, DataError, require
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.seconds import seconds_of
from fivefold.tasks.tables.splits import Splitter
from fivefold.tasks.temperature import log_losses, temperature_of, tempered_losses
from fivefold.tasks.text.bag_of_words import fit_bag_of_words
from fivefold.tasks.text.choose import Trial, choose
from fivefold.tasks.text.model import Network, TextModel
from fivefold.tasks.text.padded import Padded
from fivefold.tasks.text.read import read_texts
from fivefold.tasks.text.text_set import TextSet, twin_key
from fivefold.tasks.text.tokens import Tokenizer
from fivefold.tasks.thin_data import require_two_classes

Progress = Callable[[str, dict[str, object]], None]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TOKENS = 8_000
_LONGEST = 256
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the network that are tried in the mixture."""


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
    """

    texts: TextSet
    train: Rows
    judge: Rows
    calibrate: Rows
    test: Rows
    given: bool
    left_out: int = 0

    def of(self, rows: Rows) -> list[str]:
        """Return the texts of rows."""
        return [self.texts.texts[row] for row in rows.tolist()]

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
        losses: Log loss on the judging texts by share of the network.
        words_loss: That of the words alone, row by row.
        words_seconds: Spent on the words.
        seed: Of everything random.
        reading: How much the networks read.
    """

    parts: Parts
    model: TextModel
    trials: list[Trial]
    best: Trial | None
    losses: dict[float, float]
    words_loss: Floats
    words_seconds: float
    seed: int
    reading: Reading


def fit_texts(
    data: str | Path | TextSet,
    *,
    target: str | None = None,
    budget: str | float | Budget | None = "60s",
    seed: int = 0,
    progress: Progress | None = None,
) -> TextModel:
    """Fit a classifier of texts within a budget: by the words they hold, by networks that read them, or both.

    Args:
        data: A table with a column of texts, a folder with a text file or a folder per class, or a
            :class:`TextSet`, as :func:`~fivefold.tasks.text.read.read_texts` makes one of texts in memory.
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
    require(isinstance(seed, int) and seed >= 0, "a seed of at least 0", seed)
    clock = Clock(Budget(seconds))
    tell = progress or (lambda event, details: None)
    tell("read", {"source": str(data) if not isinstance(data, TextSet) else data.source})
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

    Where the source names the test texts, their copies among the others are left out.

    Args:
        texts: Labelled texts.
        seed: Of the division.

    Raises:
        DataError: A class without a training text, or nothing but copies of one.
    """
    rows = np.flatnonzero(texts.labels >= 0)
    twins = copies_of([texts.texts[r] for r in rows.tolist()])

    def split(at: Rows, share: float, step: int) -> tuple[Rows, Rows]:
        splitter = Splitter(seed + step, strata=texts.labels[rows[at]], twins=twins[at], strict=True)
        inner, outer = splitter.test(len(at), share)
        return at[inner], at[outer]

    given = texts.given[rows] == 1
    left_out = 0
    if given.any() and not given.all():
        test = np.flatnonzero(given)
        copies = ~given & np.isin(twins, twins[test])
        known, left_out = np.flatnonzero(~given & ~copies), int(copies.sum())
        if not len(known):
            raise DataError("training texts", "none but copies of the test texts", "take the test texts away")
    else:
        known, test = split(np.arange(len(rows)), 0.2, 0)
    rest, calibrate = split(known, 0.1 if len(known) >= 2000 else 0.15, 1)
    train, judge = split(rest, 0.1 if len(known) >= 2000 else 0.15, 2)
    missing = sorted(set(range(len(texts.classes))) - set(texts.labels[rows[train]].tolist()))
    if missing:
        named = ", ".join(texts.classes[code] for code in missing[:5])
        raise DataError(
            "training texts of every class", f"none of {named}", "add texts of it, or leave it out"
        )
    source = bool(given.any() and not given.all())
    return Parts(texts, rows[train], rows[judge], rows[calibrate], rows[test], source, left_out)


def copies_of(texts: Sequence[str]) -> Rows:
    """Return codes ``[n]``, the same for texts that are equal but for capitals and spaces.

    >>> copies_of(["a b", "c", "A  b "]).tolist()
    [0, 1, 0]
    """
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(twin_key(text), len(codes)) for text in texts], dtype=np.int64)


def _run(parts: Parts, clock: Clock, seconds: float, seed: int, tell: Progress) -> Outcome:
    texts, labels = parts.texts, parts.texts.labels
    classes = len(texts.classes)
    train, judge = parts.of(parts.train), parts.of(parts.judge)
    tell("trial", {"method": "words", "seconds": "a moment"})
    before = clock.elapsed
    words = fit_bag_of_words(train, labels[parts.train], (judge, labels[parts.judge]), classes)
    words_seconds = clock.elapsed - before
    own = words.scores(judge)
    at = temperature_of(own, labels[parts.judge])
    own = own / at
    best, trials, network, reading = _networks(parts, clock, seconds, seed, tell)
    words_loss = log_losses(own, labels[parts.judge])
    losses = {0.0: float(words_loss.mean())}
    if network is not None:
        other = network.scores(judge)
        for share in _SHARES[1:]:
            mixed = share * other + (1 - share) * own
            losses[share] = float(tempered_losses(mixed, labels[parts.judge]).mean())
    share = min(losses, key=lambda s: losses[s])
    # the penalty and the share are chosen: now the judging texts teach, too
    rows = np.concatenate([parts.train, parts.judge])
    words = fit_bag_of_words(parts.of(rows), labels[rows], None, classes, words.penalty)
    model = TextModel(texts.classes, words, at, network if share > 0 else None, share, 1.0, Sets(np.zeros(0)))
    tell("chosen", {"method": method_name(share, best)})
    held = np.log(np.maximum(model.probabilities_of(parts.of(parts.calibrate)), 1e-300))
    temperature = temperature_of(held, labels[parts.calibrate])
    model = replace(model, temperature=temperature)
    probabilities = model.probabilities_of(parts.of(parts.calibrate))
    sets = Sets(np.sort(Sets.of(probabilities, labels[parts.calibrate], ordered=False)))
    model = replace(model, sets=sets)
    return Outcome(parts, model, trials, best, losses, words_loss, words_seconds, seed, reading)


def _networks(
    parts: Parts, clock: Clock, seconds: float, seed: int, tell: Progress
) -> tuple[Trial | None, list[Trial], Network | None, Reading]:
    """The best text network that the budget holds, with its tokenizer, and how much of the texts all read."""
    labels = parts.texts.labels
    train, judge = parts.of(parts.train), parts.of(parts.judge)
    tokenizer = Tokenizer.fit(train, min(_TOKENS, max(500, len(train) * 4)))
    lengths = np.array([len(tokenizer.tokens(text)) for text in train])
    longest = int(min(_LONGEST, max(8, np.quantile(lengths, 0.98))))
    reading = Reading(longest, float((lengths > longest).mean()))
    tokens, held = (torch.from_numpy(tokenizer.encode(part, longest)[0]) for part in (train, judge))
    best, trials = choose(
        tokens,
        torch.from_numpy(labels[parts.train]),
        (held, torch.from_numpy(labels[parts.judge])),
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
    temperature = temperature_of(network.scores(judge), labels[parts.judge])
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
    }
