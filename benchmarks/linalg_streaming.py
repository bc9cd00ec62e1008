"""Least squares and PCA on 2,000,000 x 100 float32 rows streamed from Parquet, beside reading them whole.

Each measurement is a child process: seconds after the imports, and the peak of its memory above what the
imports took. Least squares: batches through
``parquet_batches`` into ``lstsq_batches`` against the whole table through
DuckDB into scikit-learn's ``LinearRegression`` (its defaults, float32 as it came, and float64). PCA:
``pca`` over batches against ``IncrementalPCA`` fed with the same batches (20 components), with its
variances and its space against float64 products of everything. The columns are correlated and their means
lie up to a hundred spreads from zero.

Both sides read the same files, with the same threads, in one run: batches through Arrow, whole through
DuckDB. Reading is part of the
seconds of all fits, and is also timed alone; the fits of PCA are timed once more on batches held in memory;
transform and inverse are timed on one batch in memory.

Run: ``python benchmarks/linalg_streaming.py [--threads 2] [--rows 2000000] [--columns 100]``.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from common import arguments, ratio, write

PART = 100_000
"""Rows of a file: what is read, generated and batched at a time."""

COMPONENTS = 20
HELD = 8
"""Batches that are kept in memory to time the fits of PCA without the reading."""


def generate(folder: Path, rows: int, columns: int) -> None:
    import duckdb
    import numpy as np

    rng = np.random.default_rng(0)
    mix = (np.eye(columns) + 0.3 * rng.standard_normal((columns, columns)) / np.sqrt(columns)).astype("f4")
    spread = (2.0 ** np.linspace(0, -5, columns)).astype("f4")
    mean = (100 * rng.uniform(-1, 1, columns)).astype("f4")
    weights = rng.standard_normal(columns)
    for part, start in enumerate(range(0, rows, PART)):
        count = min(PART, rows - start)
        X = (rng.standard_normal((count, columns), dtype="f4") * spread) @ mix + mean
        y = (X.astype("f8") @ weights + rng.standard_normal(count)).astype("f4")
        con = duckdb.connect()
        table = {f"x{j:03d}": np.ascontiguousarray(X[:, j]) for j in range(columns)} | {"y": y}
        con.register("part", table)
        con.execute(f"copy (select * from part) to '{folder}/part-{part:04d}.parquet' (format parquet)")
        con.close()


def read_part(path: Path) -> "tuple[object, object]":
    import duckdb
    import numpy as np

    with duckdb.connect() as con:
        found = con.execute(f"select * from read_parquet('{path}')").fetchnumpy()
    y = np.asarray(found.pop("y"))
    return np.stack([np.asarray(column) for column in found.values()]).T, y


def parts(folder: Path) -> "Callable[[], Iterator[tuple[object, object]]]":
    from fivefold.tasks.tables.row_batches import parquet_batches

    return parquet_batches(sorted(folder.glob("*.parquet")), "y", rows=PART // 2)


def read_whole(folder: Path) -> "tuple[object, object]":
    return read_part(folder / "*.parquet")


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(task: str, folder: Path, out: Path) -> None:
    """Run one task and print its seconds and its memory above the imports; leave its arrays in a file."""
    import duckdb
    import numpy as np

    duckdb.connect().close()
    if task.startswith("fivefold"):
        from fivefold.linalg import lstsq_batches, pca
    if task.startswith("sklearn"):
        from sklearn.decomposition import IncrementalPCA
        from sklearn.linear_model import LinearRegression
    before = peak_bytes()
    start = time.perf_counter()
    result: dict[str, object] = {}
    arrays: dict[str, object] = {}
    if task == "fivefold lstsq":
        fit = lstsq_batches(parts(folder), intercept=True)
        arrays = {"x": fit.x, "intercept": fit.intercept}
        result = {
            "method": fit.method,
            "passes": fit.passes,
            "digits": fit.digits,
            "condition": fit.condition,
        }
    elif task == "fivefold in memory":
        fit = lstsq_batches([read_whole(folder)], intercept=True)
        arrays = {"x": fit.x, "intercept": fit.intercept}
        result = {"method": fit.method, "passes": fit.passes, "digits": fit.digits}
    elif task in {"sklearn lstsq float32", "sklearn lstsq float64"}:
        X, y = read_whole(folder)
        if task.endswith("64"):
            X, y = X.astype("f8"), y.astype("f8")
        fit = LinearRegression().fit(X, y)
        arrays = {"x": fit.coef_, "intercept": fit.intercept_}
    elif task == "fivefold pca":
        fit = pca(lambda: (X for X, _ in parts(folder)()), COMPONENTS)
        arrays = {
            "variance": fit.explained_variance,
            "components": fit.components,
            "error": fit.variance_error,
        }
        result = {"method": fit.method}
    elif task == "sklearn pca":
        fit = IncrementalPCA(COMPONENTS)
        for X, _ in parts(folder)():
            fit.partial_fit(X)
        arrays = {"variance": fit.explained_variance_, "components": fit.components_}
    elif task == "read":
        for _ in parts(folder)():
            pass
    elif task == "exact":
        total, count, moment = 0.0, 0, 0.0
        for X, y in parts(folder)():
            rows = np.column_stack([X, y]).astype("f8")
            total, count = total + rows.sum(0), count + len(rows)
        mean = total / count
        for X, y in parts(folder)():
            rows = np.column_stack([X, y]).astype("f8") - mean
            moment = moment + rows.T @ rows
        n = len(mean) - 1
        x = np.linalg.solve(moment[:n, :n], moment[:n, n])
        values, vectors = np.linalg.eigh(moment[:n, :n] / (count - 1))
        order = values.argsort()[::-1][:COMPONENTS]
        arrays = {"x": x, "intercept": mean[n] - mean[:n] @ x}
        arrays |= {"variance": values[order], "components": vectors[:, order].T}
    result |= {"seconds": time.perf_counter() - start, "megabytes": (peak_bytes() - before) / 2**20}
    if task in {"fivefold pca", "sklearn pca"}:
        held = [X for _, (X, _) in zip(range(HELD), parts(folder)(), strict=False)]
        start = time.perf_counter()
        if task == "fivefold pca":
            pca(lambda: iter(held), COMPONENTS)
        else:
            peer = IncrementalPCA(COMPONENTS)
            for X in held:
                peer.partial_fit(X)
        result["held"] = time.perf_counter() - start
        X, _ = next(iter(parts(folder)()))
        start = time.perf_counter()
        scores = fit.transform(X)
        result["transform"] = time.perf_counter() - start
        start = time.perf_counter()
        back = fit.inverse(scores) if task == "fivefold pca" else fit.inverse_transform(scores)
        result["inverse"] = time.perf_counter() - start
        arrays |= {"scores": scores[:1000], "back": back[:1000]}
    np.savez(out, **arrays)
    print(json.dumps(result))


def measure(task: str, folder: Path) -> "tuple[dict[str, float], dict[str, object]]":
    import numpy as np

    out = folder / f"{task.replace(' ', '-')}.npz"
    command = [sys.executable, __file__, "--child", task, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    if done.returncode:
        raise RuntimeError(f"{task} failed:\n{done.stderr}")
    with np.load(out) as found:
        arrays = {name: found[name] for name in found.files}
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{task:24s} {result['seconds']:7.2f} s  {result['megabytes']:7.0f} MiB  {done.stdout.strip()}")
    return result, arrays


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the fastest counts")
    parser.add_argument("--child", default="")
    parser.add_argument("--folder", type=Path)
    if "--child" in sys.argv:
        options = parser.parse_args()
        child(options.child, options.folder, options.folder / f"{options.child.replace(' ', '-')}.npz")
        return
    options = arguments(__doc__, parser)
    folder = Path(tempfile.mkdtemp(prefix="fivefold-streaming-", dir="/tmp"))
    try:
        print(f"writing {options.rows} x {options.columns} float32 to {folder}")
        generate(folder, options.rows, options.columns)
        rows = compare(folder, options.repeat)
    finally:
        shutil.rmtree(folder)
    notes = {
        "rows": str(options.rows),
        "columns": str(options.columns),
        "seconds": f"fastest of {options.repeat}",
    }
    if options.rows < 2_000_000:
        print("fewer rows than the comparison is about: no result is written")
        return
    write("linalg_streaming", rows, threads=options.threads, notes=notes)


def compare(folder: Path, repeat: int) -> "list[dict[str, object]]":
    import numpy as np

    tasks = (
        "fivefold lstsq",
        "sklearn lstsq float32",
        "sklearn lstsq float64",
        "fivefold pca",
        "sklearn pca",
    )
    _, exact = measure("exact", folder)
    reading, _ = measure("read", folder)
    _, memory = measure("fivefold in memory", folder)
    results: dict[str, dict[str, float]] = {}
    arrays: dict[str, dict[str, object]] = {}
    for _ in range(repeat):
        for task in tasks:
            found, arrays[task] = measure(task, folder)
            best = results.setdefault(task, found)
            for key in ("seconds", "held", "transform", "inverse"):
                if key in found:
                    best[key] = min(best[key], found[key])
            best["megabytes"] = max(best["megabytes"], found["megabytes"])

    def worst(found: object, truth: object) -> float:
        return float((np.abs(np.asarray(found, "f8") - truth) / np.abs(truth).max()).max())

    rows: list[dict[str, object]] = []
    for task in tasks:
        got, mine = results[task], arrays[task]
        if "x" in mine:
            error = worst(mine["x"], exact["x"])
        else:
            error = worst(mine["variance"], exact["variance"])
            inner = np.abs(np.asarray(mine["components"], "f8") @ exact["components"].T)
            got["space"] = float(1 - np.linalg.svd(inner, compute_uv=False).min())
        rows.append(
            {
                "task": task,
                "seconds": got["seconds"],
                "megabytes above the imports": got["megabytes"],
                "largest error, relative": error,
                "lost of the space": got.get("space", ""),
                "fit of batches in memory, seconds": got.get("held", ""),
                "transform of a batch, seconds": got.get("transform", ""),
                "inverse of a batch, seconds": got.get("inverse", ""),
            }
        )
    same = worst(arrays["fivefold lstsq"]["x"], np.asarray(memory["x"], "f8"))
    rows.append(
        {
            **dict.fromkeys(rows[0], ""),
            "task": "fivefold streamed - in memory",
            "largest error, relative": same,
        }
    )
    rows.append({**dict.fromkeys(rows[0], ""), "task": "reading alone", "seconds": reading["seconds"]})
    for peer in ("float32", "float64"):
        print(
            ratio(
                results["fivefold lstsq"]["seconds"],
                results[f"sklearn lstsq {peer}"]["seconds"],
                "least squares, seconds",
                f"LinearRegression {peer}",
            )
        )
    ours, theirs = results["fivefold pca"], results["sklearn pca"]
    print(ratio(ours["seconds"], theirs["seconds"], "PCA, seconds with reading", "IncrementalPCA"))
    print(ratio(ours["held"], theirs["held"], "PCA of batches in memory, seconds", "IncrementalPCA"))
    for row in rows:
        print(row)
    return rows


if __name__ == "__main__":
    main()
