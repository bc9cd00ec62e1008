"""`fivefold fit` of 2,000,000 x 100 float32 columns in Parquet: peak memory, seconds and error on new rows.

The target is a line in a hundred correlated columns, with noise of spread 1 and a mild nonlinearity in two of
them. Every method is a child process. Its memory is the peak resident memory of the process above what the
imports took: for fivefold those of `fivefold` and `torch`, for the peers those of scikit-learn and DuckDB.
The seconds are those after the imports, reading included; for fivefold they go to the artifact on the disk.

The peers, in the same run on the same file: scikit-learn's `LinearRegression` and
`HistGradientBoostingRegressor`, with their defaults, on the whole table in memory as float32 (as it came).
Test rows are 100,000 rows of a second file. fivefold gives intervals besides, whose coverage is measured on
the same rows, and it chooses its method; the peers do neither. What the noise alone leaves is shown too.

What would make this unfair: another job beside it (a budget in seconds buys fewer fits then), and memory that
is short, for the peers need more of it.

Run: ``python benchmarks/fit_large.py [--threads 2] [--rows 2000000] [--columns 100] [--budget 60s]``.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import arguments, ratio, write

PART = 100_000
METHODS = ("fivefold", "LinearRegression", "HistGradientBoostingRegressor")


def generate(folder: Path, rows: int, columns: int) -> None:
    """Write ``big.parquet`` and the test rows, a part at a time; the parts are gone afterwards."""
    import duckdb
    import numpy as np

    rng = np.random.default_rng(0)
    weights = (rng.standard_normal(columns) / np.sqrt(columns)).astype("f4")
    mix = np.eye(columns) + 0.3 * rng.standard_normal((columns, columns)) / np.sqrt(columns)
    parts = folder / "parts"
    parts.mkdir()
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        for part, start in enumerate(range(0, rows + PART, PART)):
            count = min(PART, rows - start) if start < rows else PART
            X = rng.standard_normal((count, columns), dtype="f4") @ mix.astype("f4")
            signal = X @ weights + 0.3 * np.sin(2 * X[:, 0]) + 0.2 * X[:, 1] ** 2
            y = signal + rng.standard_normal(count, dtype="f4")
            table = {f"x{j:03d}": np.ascontiguousarray(X[:, j]) for j in range(columns)} | {"y": y}
            con.register("part", table)
            path = parts / f"{part:04d}.parquet" if start < rows else folder / "test.parquet"
            con.execute(f"copy (select * from part) to '{path}' (format parquet)")
        con.execute(
            f"copy (from read_parquet('{parts}/*.parquet')) to '{folder}/big.parquet' (format parquet)"
        )
    shutil.rmtree(parts)


def read_whole(path: Path) -> "tuple[Any, Any]":
    import duckdb
    import numpy as np

    with duckdb.connect() as con:
        found = con.execute("select * from read_parquet(?)", [str(path)]).fetchnumpy()
    y = np.asarray(found.pop("y"))
    X = np.empty((len(y), len(found)), "f4")
    for j, name in enumerate(list(found)):
        X[:, j] = found.pop(name)
    return X, y


def peak() -> float:
    """MiB of resident memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def child(method: str, folder: Path, budget: str) -> None:
    """Run one method and print seconds, memory above the imports and the error on the test rows."""
    import duckdb
    import numpy as np

    duckdb.connect().close()
    if method == "fivefold":
        import torch

        import fivefold  # noqa: F401 - its import is not counted
        from fivefold.cli.main import app

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    else:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.linear_model import LinearRegression
    before, start = peak(), time.perf_counter()
    found: dict[str, object] = {}
    if method == "fivefold":
        place = folder / "model"
        words = ["fit", str(folder / "big.parquet"), "--target", "y", "--budget", budget, "--out", str(place)]
        try:
            app([*words, "--overwrite", "--quiet"])
        except SystemExit as end:
            if end.code:
                raise
        found |= {"seconds": time.perf_counter() - start, "mib": peak() - before}
        from fivefold.tasks.tables.model import load

        model = load(place)
        mean = model.predict(folder / "test.parquet")
        low, high = model.predict_interval(folder / "test.parquet", 0.9)
        y = read_whole(folder / "test.parquet")[1]
        chosen = next(c["name"] for c in model.record["candidates"] if c["verdict"] == "chosen")
        drawn = model.record["data"].get("sampling") or {"drawn": "all", "refit": ""}
        found |= {"coverage": float(((low <= y) & (y <= high)).mean()), "chosen": chosen}
        found |= {"drawn": drawn["drawn"], "refit": drawn["refit"], "said": model.record["warnings"][:4]}
    else:
        X, y = read_whole(folder / "big.parquet")
        peer = LinearRegression() if method == "LinearRegression" else HistGradientBoostingRegressor()
        peer.fit(X, y)
        found |= {"seconds": time.perf_counter() - start, "mib": peak() - before}
        X, y = read_whole(folder / "test.parquet")
        mean = peer.predict(X)
    found["rmse"] = float(np.sqrt(np.mean((np.asarray(mean, "f8") - np.asarray(y, "f8")) ** 2)))
    print(json.dumps(found))


_LAUNCHER = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"


def measure(method: str, folder: Path, budget: str) -> "dict[str, object]":
    """The child's figures. A process starts with the peak of the one that started it: a small one does."""
    command = [sys.executable, __file__, "--child", method, "--folder", str(folder), "--budget", budget]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{method} failed:\n{done.stderr}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    print(f"{method}: {json.dumps(found)}", flush=True)
    return found


def main() -> None:
    """Make the table, run the methods, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--folder", type=Path, help="folder that holds big.parquet and test.parquet, or will")
    parser.add_argument("--child", default="")
    if "--child" in sys.argv:
        options = parser.parse_args()
        child(options.child, options.folder, options.budget)
        return
    options = arguments(__doc__, parser)
    scratch = Path(tempfile.mkdtemp(prefix="fivefold-large-"))
    folder = options.folder or scratch
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / "test.parquet").exists():
            generate(folder, options.rows, options.columns)
        results = {method: measure(method, folder, options.budget) for method in METHODS}
    finally:
        shutil.rmtree(scratch)
    ours = results["fivefold"]
    rows: list[dict[str, object]] = [
        {
            "method": method,
            "seconds": found["seconds"],
            "peak MiB above the imports": found["mib"],
            "RMSE on new rows": found["rmse"],
            "coverage of 90% intervals": found.get("coverage", ""),
            "chosen": found.get("chosen", ""),
            "rows drawn": found.get("drawn", ""),
            "further rows of the refit": found.get("refit", ""),
        }
        for method, found in results.items()
    ]
    for peer in METHODS[1:]:
        theirs = results[peer]
        for key, what in (("mib", "peak MiB"), ("seconds", "seconds"), ("rmse", "RMSE on new rows")):
            print(ratio(float(str(ours[key])), float(str(theirs[key])), what, peer))
    if options.rows < 2_000_000:
        print("fewer rows than the comparison is about: no result is written")
        return
    notes = {
        "rows": str(options.rows),
        "columns": f"{options.columns}, float32",
        "test rows": f"{PART}, of a second file",
        "noise": "spread 1: no method can have a smaller RMSE",
        "budget": options.budget,
    }
    write("fit_large", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
