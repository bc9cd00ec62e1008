"""Measure the planted faults: run every healthy script and its faulty twins, and compare their last lines.

python tests/faults/measure.py [--part a] [--jobs 2] [--seeds 0,1,2] [--out tests/faults/measured.csv]
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
import multiprocessing
import os
import runpy
import sys
import tempfile
import time
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
COLUMNS = ["id", "script", "kind", "metric", "healthy", "faulty", "seconds", "worse", "honest", "digest"]
HIGHER_IS_BETTER = ("accuracy", "auc", "f1", "r2", "recall", "precision", "dice", "iou")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
LIMIT = 120.0  # seconds a run
PROCESSES = multiprocessing.get_context("forkserver")  # what all scripts import is imported once


class Fault(NamedTuple):
    id: str
    script: str
    kind: str
    honest: str
    healthy: str
    faulty: str


class Run(NamedTuple):
    metric: str
    value: float
    seconds: float


def load(parts: list[str]) -> list[Fault]:
    """All faults of the parts; each `old` must occur exactly once in its script, each id be new."""
    faults: list[Fault] = []
    for part in parts:
        for row in tomllib.loads((HERE / "edits" / f"{part}.toml").read_text(encoding="utf-8"))["fault"]:
            text = (HERE / "scripts" / f"{row['script']}.py").read_text(encoding="utf-8")
            if text.count(row["old"]) != 1:
                raise SystemExit(f"{row['id']}: `old` occurs {text.count(row['old'])} times")
            if any(row["id"] == fault.id for fault in faults):
                raise SystemExit(f"{row['id']}: the id occurs twice")
            faulty = text.replace(row["old"], row["new"])
            faults.append(Fault(row["id"], row["script"], row["kind"], row.get("honest", ""), text, faulty))
    return faults


def child(folder: str, seed: int) -> None:
    """Run folder/train.py as `python train.py --seed SEED` would, its output going to a file."""
    os.chdir(folder)
    sys.argv = ["train.py", "--seed", str(seed)]
    with Path("output").open("w", encoding="utf-8") as output, redirect_stdout(output):
        runpy.run_path("train.py", run_name="__main__")


def run(text: str, seed: int) -> Run:
    """Run a script's text in a folder and a process of its own and read its last line."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.py").write_text(text, encoding="utf-8")
        process = PROCESSES.Process(target=child, args=(folder, seed))
        process.start()
        process.join(LIMIT)
        process.kill()
        process.join()
        seconds = time.monotonic() - started
        metric, _, value = ((Path(folder) / "output").read_text().splitlines() or [""])[-1].rpartition(":")
    try:
        return Run(metric.strip(), math.nan if process.exitcode else float(value), seconds)
    except ValueError:
        return Run("crash", math.nan, seconds)


def worse(metric: str, healthy: list[float], faulty: list[float]) -> bool:
    """All faulty runs below all healthy ones, means 3% apart (accuracy: 0.02); a nan is below everything."""
    if not all(math.isfinite(v) for v in healthy):
        return False
    sign = 1.0 if any(word in metric.lower() for word in HIGHER_IS_BETTER) else -1.0
    finite = [v for v in faulty if math.isfinite(v)]
    base = sum(healthy) / len(healthy)
    gap = sign * (base - sum(finite) / max(len(finite), 1))
    needed = 0.02 if "accuracy" in metric.lower() else 0.03 * abs(base)
    return not finite or (max(sign * v for v in finite) < min(sign * v for v in healthy) and gap >= needed)


def read(out: Path) -> dict[str, dict[str, str]]:
    out.touch()
    with out.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def measure(faults: list[Fault], seeds: list[int], jobs: int, out: Path) -> None:
    """Fill the table, keeping the rows whose texts have not changed; each text is run once a seed."""
    known = read(out)
    digests = {f.id: hashlib.sha256("\0".join([*f, repr(seeds)]).encode()).hexdigest()[:16] for f in faults}
    todo = [f for f in faults if known.get(f.id, {}).get("digest") != digests[f.id]]
    runs: dict[tuple[str, int], Future[Run]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for fault in todo:
            for key in ((text, seed) for text in (fault.healthy, fault.faulty) for seed in seeds):
                runs[key] = runs.get(key) or pool.submit(run, *key)
        for fault in todo:
            healthy = [runs[fault.healthy, seed].result() for seed in seeds]
            faulty = [runs[fault.faulty, seed].result() for seed in seeds]
            values = [[r.value for r in group] for group in (healthy, faulty)]
            verdict = "yes" if worse(healthy[0].metric, *values) else "no"
            shown = [" ".join(f"{v:g}" for v in group) for group in values]
            shown += [f"{sum(r.seconds for r in faulty) / len(seeds):.1f}", verdict, fault.honest]
            cells = [fault.id, fault.script, fault.kind, healthy[0].metric, *shown, digests[fault.id]]
            known = {**read(out), fault.id: dict(zip(COLUMNS, cells, strict=True))}
            with out.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(known[name] for name in sorted(known))
            print(" | ".join(cells[:8]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--part", action="append", help="a file of edits/ without its ending; all unless told"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--out", type=Path, default=HERE / "measured.csv")
    args = parser.parse_args()
    os.environ |= {**dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONWARNINGS": "ignore"}
    PROCESSES.set_forkserver_preload(["torch._dynamo", "sklearn.datasets", "sklearn.model_selection"])
    faults = load(args.part or sorted(path.stem for path in (HERE / "edits").glob("*.toml")))
    measure(faults, [int(seed) for seed in args.seeds.split(",")], args.jobs, args.out)


if __name__ == "__main__":
    main()
