"""Does the tried fix bring a faulty script back? `fivefold diagnose --try` on scripts with planted faults.

    python benchmarks/diagnose_try.py [--part a --part b] [--only ID ...] [--every 16] [--jobs 2]
        [--seeds 0,1] [--rule TEXT]

makes each faulty script of ``tests/faults/`` in a folder of its own under a neutral name, runs
``fivefold.diagnose("train.py", try_fixes=True)`` on it with the first seed, and where a diff is proposed (a
fix was measured as better) applies it with ``patch -p1`` and runs the healthy, the faulty and the repaired
script without any observation. A fault is recovered where the repaired script's own last line, the mean over
the seeds (one of which the trials never saw), closes at least 90% of the gap between faulty and healthy;
where the faulty script ends without a number, where it comes within 10% of the healthy one. What
``tests/faults/measured.csv`` holds of a healthy or faulty script (four digits, the same command and seeds) is
not run again.

writes ``benchmarks/results/diagnose_try.csv``, one row per script.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import RESULTS, THREAD_VARIABLES, arguments, write

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults"
NEEDED = 0.9
PROGRAM = """
import json, sys
import fivefold as ff
found = ff.diagnose(sys.argv[1], args=sys.argv[2:], budget="240s", try_fixes=True)
print(json.dumps({"findings": found.to_records(), "trials": [t.to_record() for t in found.trials]}))
"""
COLUMNS = [
    "part",
    "id",
    "kind",
    "found",
    "trials",
    "change",
    "proposed",
    "metric",
    "healthy",
    "faulty",
    "repaired",
    "recovered",
    "enough",
    "seconds",
]


def environment() -> dict[str, str]:
    """One thread a run, and this tree's package."""
    one = dict.fromkeys(THREAD_VARIABLES, "1")
    return {**os.environ, **one, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"}


class Raw:
    """Runs texts as ``python train.py --seed S`` would, each once.

    Args:
        run: Of a text and a seed, that of ``tests/faults/measure.py``: it forks where all is imported.
    """

    def __init__(self, run: Callable[[str, int], Any]) -> None:
        self._run = run
        self._known: dict[tuple[str, int], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def learn(self, text: str, metric: str, values: str) -> None:
        """Take over what was measured with the seeds 0, 1, ..."""
        for seed, value in enumerate(values.split()):
            self._known[text, seed] = metric, float(value)

    def __call__(self, text: str, seed: int) -> tuple[str, float]:
        """The metric of the last line, and its value; nan where there is none."""
        with self._lock:
            if (text, seed) in self._known:
                return self._known[text, seed]
        done = self._run(text, seed)
        found = done.metric, done.value
        with self._lock:
            self._known[text, seed] = found
        return found


def tried(text: str, seed: int) -> tuple[dict[str, list[dict[str, object]]], str, float]:
    """What the command says, the repaired text (empty where no diff is proposed), and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(text, encoding="utf-8")
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "train.py", "--seed", str(seed)],
            cwd=folder, capture_output=True, text=True, timeout=3600, check=False, env=environment(),
        )  # fmt: skip
        taken = time.perf_counter() - begun
        if done.returncode:
            return {"findings": [], "trials": [{"code": "crash", "status": done.stderr[-200:]}]}, "", taken
        said = json.loads(done.stdout.splitlines()[-1])
        diffs = [t["diff"] for t in said["trials"] if t["diff"]]
        if not diffs:
            return said, "", taken
        subprocess.run(["patch", "-p1", "-s"], cwd=folder, input=diffs[-1], text=True, check=True)
        return said, path.read_text(encoding="utf-8"), taken


def recovered(healthy: float, faulty: float, repaired: float) -> float:
    """Share of the gap that is closed.

    >>> recovered(1.0, 0.5, 0.95), recovered(1.0, math.nan, 0.95)
    (0.8999999999999999, 1.0)
    """
    if not math.isfinite(repaired):
        return 0.0
    if not math.isfinite(faulty):
        return 1.0 if abs(repaired - healthy) <= 0.1 * abs(healthy) else 0.0
    return (repaired - faulty) / (healthy - faulty)


def judged(job: tuple[str, str, str, str, str], seeds: list[int], raw: Raw) -> dict[str, object]:
    """One row."""
    part, identity, kind, healthy, faulty = job
    said, text, taken = tried(faulty, seeds[0])
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"part": part, "id": identity, "kind": kind, "proposed": bool(text), "seconds": round(taken, 1)}
    row["found"] = " ".join(str(f["code"]) for f in said["findings"][:4])
    row["trials"] = " ".join(f"{t['code']}:{str(t['status']).replace(' ', '-')}" for t in said["trials"])
    row["change"] = "; ".join(str(t["change"]) for t in said["trials"] if t["status"] == "better")
    if text:
        means = []
        for version in (healthy, faulty, text):
            values = [raw(version, seed) for seed in seeds]
            row["metric"] = values[0][0] if version is healthy else row["metric"]
            means.append(sum(v for _, v in values) / len(values))
        share = recovered(*means)
        row |= dict(zip(("healthy", "faulty", "repaired"), (f"{m:.5g}" for m in means), strict=True))
        row |= {"recovered": f"{share:.3f}", "enough": share >= NEEDED}
    return row


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", help="a part of the corpus (default: all there are)")
    parser.add_argument("--only", nargs="+", default=[], help="these faults alone")
    parser.add_argument(
        "--every", type=int, default=1, help="of the faults in order, one in so many of the parts alone"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", default="0,1", help="the first is that of the trials")
    parser.add_argument("--rule", default="", help="how the faults of --only were chosen, for the notes")
    parser.add_argument("--again", action="store_true", help="keep the rows of the last result")
    options = arguments(__doc__, parser)
    sys.path.insert(0, str(FAULTS))
    from measure import PROCESSES, load, read, run

    seeds = [int(seed) for seed in options.seeds.split(",")]
    os.environ |= {**dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONWARNINGS": "ignore"}
    PROCESSES.set_forkserver_preload(["torch._dynamo", "sklearn.datasets", "sklearn.model_selection"])
    raw = Raw(run)
    measured = read(FAULTS / "measured.csv")
    jobs = []
    number = 0
    for part in options.part or sorted(path.stem for path in (FAULTS / "edits").glob("*.toml")):
        for fault in load([part]):
            number += 1
            if number % options.every == 0 and (not options.only or fault.id in options.only):
                jobs.append((part, fault.id, fault.kind, fault.healthy, fault.faulty))
                row = measured.get(fault.id, {})
                ran = list(range(len(row.get("healthy", "").split())))  # seeds that were measured
                held = "\0".join([*fault, repr(ran)])
                if row.get("digest") == hashlib.sha256(held.encode()).hexdigest()[:16]:
                    raw.learn(fault.healthy, row["metric"], row["healthy"])
                    raw.learn(fault.faulty, row["metric"], row["faulty"])
    rows: list[dict[str, object]] = []
    if options.again and (RESULTS / "diagnose_try.csv").is_file():
        lines = (RESULTS / "diagnose_try.csv").read_text(encoding="utf-8").splitlines()
        rows = [dict(r) for r in csv.DictReader(line for line in lines if not line.startswith("# "))]
        known = {r["id"] for r in rows}
        jobs = [job for job in jobs if job[1] not in known]
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda job: judged(job, seeds, raw), jobs):
            rows.append(row)
            print(" | ".join(str(v) for v in row.values()), flush=True)
            notes = {"result": summary(rows), "command": " ".join(sys.argv)}
            notes |= {"rule": options.rule} if options.rule else {}
            write("diagnose_try", rows, threads=1, notes=notes)
    print(summary(rows))


def summary(rows: list[dict[str, object]]) -> str:
    """The shares in a sentence."""
    made = [r for r in rows if str(r["proposed"]) == "True"]
    enough = sum(str(r["enough"]) == "True" for r in made)
    return (
        f"{len(rows)} faults: a fix proposed for {len(made)} ({len(made) / max(1, len(rows)):.0%}); at least "
        f"{NEEDED:.0%} of the gap recovered in {enough} of them ({enough / max(1, len(made)):.0%})"
    )


if __name__ == "__main__":
    main()
