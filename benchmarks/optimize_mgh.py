"""The Moré-Garbow-Hillstrom functions: fivefold's methods beside SciPy's and PyTorch's, one judge for all.

42 problems with published starts and minima, as residuals in float64. Every method may spend the same number
of gradients (a value 1/3, a product with the Hessian 2, with a Jacobian 1, a dense matrix as many products as
its shorter side); every point that it evaluates is judged by F(w) - F_best <= tau (F(w0) - F_best). Methods
that know the residuals may use them, which SciPy's ``minimize`` cannot. Published local minima count as
failures for all.
"""

import argparse
import time

from common import arguments, write

METHODS = (
    "auto",
    "lbfgs",
    "bfgs",
    "newton",
    "newton-cg",
    "trust-region",
    "levenberg-marquardt",
    "scipy:BFGS",
    "scipy:L-BFGS-B",
    "scipy:CG",
    "scipy:Newton-CG",
    "scipy:trust-exact",
    "scipy:trust-krylov",
    "torch:LBFGS",
)


def main() -> None:
    """Measure, print who solves how many, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gradients", type=float, default=300.0, help="budget of each run (default: 300)")
    parser.add_argument("--cap", type=float, default=3.0, help="most seconds of each run (default: 3)")
    parser.add_argument("--methods", help="names joined by commas (default: all)")
    parser.add_argument("--every", type=int, default=1, help="take every n-th problem (default: 1)")
    parser.add_argument("--out", default="optimize_mgh", help="name of the results")
    options = arguments(__doc__, parser)
    import torch

    from fivefold.optimize.comparison.problems.more_garbow_hillstrom import more_garbow_hillstrom
    from fivefold.optimize.comparison.verb import compare
    from fivefold.optimize.methods.registry import METHODS as OURS

    torch.set_num_threads(options.threads)
    chosen = options.methods.split(",") if options.methods else METHODS
    methods = [name for name in chosen if name in OURS or name == "auto" or ":" in name]
    problems = more_garbow_hillstrom()[:: options.every]
    begun = time.perf_counter()
    result = compare(problems, methods, gradients=options.gradients, budget=options.cap)
    capped = dict.fromkeys(methods, 0)
    for run in result.runs:
        capped[run.method] += run.trace.ended == "the time is spent"
    rows = [{**row, "capped": capped[str(row["method"])]} for row in result.table()]
    for row in rows:
        print(" ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    costs = result.costs(1e-5)[:, 0]
    for index, (name, _) in enumerate(result.instances):
        ours = float(costs[index, 0])
        best = int(costs[index].argmin())
        if ours > 1.5 * float(costs[index, best]):
            theirs = float(costs[index, best])
            print(f"{methods[0]} loses {name}: {ours:.4g} against {methods[best]} {theirs:.4g}")
    write(
        options.out,
        rows,
        threads=options.threads,
        notes={
            "problems": f"{len(problems)} of More, Garbow and Hillstrom",
            "budget": f"{options.gradients:g} gradients, at most {options.cap:g} s a run",
            "profile_area": "mean of the performance profile over ratios 1 to 4, 90% bootstrap band",
            "seconds": f"{time.perf_counter() - begun:.0f}",
        },
    )


if __name__ == "__main__":
    main()
