"""Coefficients that vary over a map, beside global models and another geographically weighted regression.

**Table.** `examples/sacramento.csv`: 932 home sales with latitude and longitude. The target is the logarithm
of the price.

**Splits.** Ten random ones (seeds from 100), four fifths for training; every method sees the same rows, and
chooses whatever it chooses (penalties, bandwidth, length scales) on the training rows alone. The local
regression was designed on this table with seeds 0 to 9, so that those would flatter it.

**Methods.** fivefold's candidates, each fitted alone as in the race of `fit`: *local regression*, and the
global *ridge*, *splines* and *kernel features*; the *boosted trees* (scikit-learn's defaults) as copied
there. The peer is *mgwr's GWR*, where the package is installed (it is no dependency: `pip install mgwr`):
adaptive bisquare kernel on the sphere, bandwidth by its AICc search; beds, baths, the area and its logarithm,
standardised. City, zip code and type are left out there: a neighbourhood often holds one level alone, and its
least squares then stop at a singular matrix.

**Comparison.** Root mean squared error of log price on the test rows, and the difference local regression -
other averaged over splits with the interval of :func:`common.paired_interval`. `results/local_regression.csv`
has every split and method; its head has the differences.
"""

import argparse
import importlib.metadata
import importlib.util
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import arguments, paired_interval, write

TABLE = Path(__file__).resolve().parent.parent / "examples" / "sacramento.csv"
OURS = "local regression"
PEER = "mgwr"
FIRST = 100


def problems(seed: int) -> tuple[Any, Any]:
    """Training and test rows of one split."""
    import numpy as np

    from fivefold.tasks.tables.candidates.problem import Problem
    from fivefold.tasks.tables.prepare import prepare
    from fivefold.tasks.tables.target import Target

    whole = prepare(str(TABLE), "price")
    target = Target("price", "log-gaussian")
    order = np.random.default_rng(seed).permutation(whole.typed.rows)
    cut = len(order) // 5

    def part(rows: Any) -> Any:
        y = target.encode(whole.target[rows])
        return Problem(whole.typed.take(rows), whole.schema, target, y, seed=seed)

    return part(np.sort(order[cut:])), part(np.sort(order[:cut]))


def candidate(make: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Predictions of one of fivefold's candidates."""

    def fit(train: Any, test: Any) -> Any:
        return make(train).fit(train).predictor.eta(test.table)[:, 0]

    return fit


def peer(train: Any, test: Any) -> Any:
    """Predictions of mgwr's geographically weighted regression."""
    import numpy as np
    from mgwr.gwr import GWR
    from mgwr.sel_bw import Sel_BW

    def inputs(problem: Any) -> tuple[Any, Any]:
        column = problem.table.column
        numbers = [column("beds"), column("baths"), column("sqft"), np.log(column("sqft"))]
        places = np.column_stack([column("longitude"), column("latitude")])
        return np.column_stack(numbers), places

    (x, at), (new, there) = inputs(train), inputs(test)
    mean, spread = x.mean(0), x.std(0)
    x, new = (x - mean) / spread, (new - mean) / spread
    y = train.y[:, None]
    bandwidth = Sel_BW(at, y, x, spherical=True, n_jobs=1).search(criterion="AICc")
    model = GWR(at, y, x, bandwidth, spherical=True, n_jobs=1)
    fitted = model.fit()
    found = model.predict(there, new, exog_scale=fitted.scale, exog_resid=fitted.resid_response)
    return found.predictions[:, 0]


def methods() -> dict[str, Callable[[Any, Any], Any]]:
    """Every method by name."""
    from fivefold.tasks.tables.candidates.linear import LinearCandidate
    from fivefold.tasks.tables.candidates.local import local_candidates
    from fivefold.tasks.tables.candidates.trees import TreesCandidate

    found = {
        OURS: candidate(lambda p: local_candidates(p.table, p.schema, p.target)[0]),
        "ridge": candidate(lambda p: LinearCandidate("plain")),
        "splines": candidate(lambda p: LinearCandidate("additive")),
        "kernel features": candidate(lambda p: LinearCandidate("kernel")),
        "boosted trees": candidate(lambda p: TreesCandidate()),
    }
    if importlib.util.find_spec(PEER) is not None:
        found[PEER] = peer
    return found


def main() -> None:
    """Run every method on every split and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--splits", type=int, default=10, help="random splits (default: 10)")
    options = arguments(__doc__, parser)
    warnings.filterwarnings("ignore", module="mgwr|spglm|libpysal")
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    rows: list[dict[str, object]] = []
    errors: dict[str, list[float]] = {}
    for seed in range(FIRST, FIRST + options.splits):
        train, test = problems(seed)
        for name, fit in methods().items():
            train.notes.clear()  # every method pays for its own encoding
            start = time.perf_counter()
            found = fit(train, test)
            taken = time.perf_counter() - start
            error = float(np.sqrt(np.mean((found - test.y) ** 2)))
            errors.setdefault(name, []).append(error)
            rows.append({"split": seed, "method": name, "rmse_log_price": error, "seconds": taken})
            print(f"split {seed}  {name:18} {error:.4f}  {taken:.2f} s", flush=True)
    notes = {"data": "examples/sacramento.csv, 932 rows", "splits": f"{options.splits}, four fifths to train"}
    for name, found in errors.items():
        line = f"mean RMSE {np.mean(found):.4f}"
        if name != OURS and len(found) > 1:
            own = [a - b for a, b in zip(errors[OURS], found, strict=True)]
            mean, low, high = paired_interval(own, held_out=0.25)
            share = np.mean(errors[OURS]) / np.mean(found)
            line += f"; {OURS} - {name}: {mean:.4f} ({low:.4f} to {high:.4f}), ratio {share:.3f}"
        notes[name] = line
        print(f"{name}: {line}")
    if PEER in errors:
        notes["mgwr version"] = importlib.metadata.version(PEER)
    write("local_regression", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
