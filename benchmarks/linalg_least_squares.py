"""Least squares beside NumPy and SciPy: correct digits and seconds on the same systems.

Run: ``python benchmarks/linalg_least_squares.py``. Accuracy is measured against rational arithmetic on NIST's
Wampler 1 polynomial (all coefficients are 1) and on Hilbert columns; time on a tall random system, the best
of five after one warm-up. Writes ``benchmarks/results/linalg_least_squares.csv``.
"""

import csv
import math
import os
import platform
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
import scipy.linalg
import torch

from fivefold.linalg import lstsq

SOLVERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "fivefold": lambda X, y: lstsq(X, y).x,
    "numpy": lambda X, y: np.linalg.lstsq(X, y)[0],
    "scipy gelsy": lambda X, y: scipy.linalg.lstsq(X, y, lapack_driver="gelsy")[0],
}


def exact(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows_of_X = [[Fraction(v) for v in row] for row in X.tolist()]
    target = [Fraction(v) for v in y.tolist()]
    n = X.shape[1]
    rows = [
        [sum(r[a] * r[b] for r in rows_of_X) for b in range(n)]
        + [sum(r[a] * t for r, t in zip(rows_of_X, target, strict=True))]
        for a in range(n)
    ]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return np.array([float(row[n]) for row in rows])


def digits(x: np.ndarray, truth: np.ndarray) -> float:
    error = float(np.abs(x / truth - 1).max())
    return 16.0 if error == 0 else min(16.0, -math.log10(error))


def best_seconds(solve: Callable[[], object]) -> float:
    solve()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        solve()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    t = np.arange(21.0)
    wampler = np.vander(t, 6, increasing=True)
    hilbert = np.array([[1.0 / (i + j + 1) for j in range(7)] for i in range(10)])
    systems = {
        "wampler1 21x6": (wampler, wampler.sum(axis=1)),
        "hilbert 10x7": (hilbert, 3 + np.cos(np.arange(10.0))),
    }
    rng = np.random.default_rng(0)
    tall = 5 + rng.standard_normal((20_000, 60))
    response = tall @ np.ones(60) + rng.standard_normal(20_000)
    versions = f"torch {torch.__version__}, numpy {np.__version__}, scipy {scipy.__version__}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    rows = []
    for name, (X, y) in systems.items():
        truth = exact(X, y)
        for solver, solve in SOLVERS.items():
            rows.append([name, solver, "correct digits", round(digits(solve(X, y), truth), 2)])
    times = {
        solver: best_seconds(lambda s=solve: s(tall, response))  # type: ignore[misc]
        for solver, solve in SOLVERS.items()
    }
    rows += [["random 20000x60", solver, "seconds", round(value, 4)] for solver, value in times.items()]
    path = Path(__file__).parent / "results" / "linalg_least_squares.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["system", "solver", "quantity", "value", "machine", "versions"])
        writer.writerows([*row, machine, versions] for row in rows)
    for system, solver, quantity, value in rows:
        print(f"{system:16s} {solver:12s} {quantity:15s} {value}")
    print(f"time, fivefold / numpy: {times['fivefold'] / times['numpy']:.2f}")


if __name__ == "__main__":
    main()
