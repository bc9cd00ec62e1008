"""How long the command line and the import take before anything is computed.

Each command runs in its own process; the median over the repetitions after one warm-up is what a user waits
for once the files are in the page cache. Beside them, in the same run: a bare interpreter, which is the
floor, and the imports of the libraries that are loaded only when needed.

    python benchmarks/startup.py [repetitions]

writes ``benchmarks/results/startup.csv`` and prints the medians and their ratio to the bare interpreter.
"""

import csv
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import THREAD_VARIABLES

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import fivefold": ["-c", "import fivefold"],
    "fivefold --help": ["-m", "fivefold", "--help"],
    "fivefold --version": ["-m", "fivefold", "--version"],
    "fivefold fit --help": ["-m", "fivefold", "fit", "--help"],
    "fivefold fit, to the first line": ["-m", "fivefold", "fit", "rows.csv", "--target", "y"],
    "import numpy": ["-c", "import numpy"],
    "import sklearn": ["-c", "import sklearn"],
    "import torch": ["-c", "import torch"],
}
TARGETS = {"import fivefold": 0.3, "fivefold --help": 0.5, "fivefold fit, to the first line": 1.0}


def seconds(arguments: list[str], first_line: bool, folder: str) -> float:
    """Wall-clock seconds of one process, to its end or to its first line on standard error."""
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "PYTHONPATH": str(HERE.parent / "src"),
    }
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if first_line else subprocess.DEVNULL,
        cwd=folder,
        env=environment,
    ) as child:
        if first_line:
            assert child.stderr is not None
            assert child.stderr.readline().startswith(b"reading")
            taken = time.perf_counter() - start
            child.kill()
            return taken
        if child.wait() != 0:
            raise SystemExit(f"failed: {' '.join(arguments)}")
        return time.perf_counter() - start


def versions() -> str:
    """Versions of what is loaded."""
    names = ("numpy", "typer", "torch", "scikit-learn")
    return " ".join(
        [f"python {platform.python_version()}", *(f"{n} {importlib.metadata.version(n)}" for n in names)]
    )


def main() -> None:
    """Measure, print and write."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rows.csv").write_text("x,y\n1,2\n")
        for name, arguments in COMMANDS.items():
            first_line = "first line" in name
            count = repetitions if "torch" not in name and "sklearn" not in name else max(repetitions // 5, 3)
            taken = [seconds(arguments, first_line, folder) for _ in range(count + 1)][1:]
            rows.append((name, statistics.median(taken), min(taken), max(taken), count))
    floor = rows[0][1]
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    with (results / "startup.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            [
                "command",
                "median_s",
                "min_s",
                "max_s",
                "repetitions",
                "ratio_to_bare",
                "target_s",
                "machine",
                "versions",
                "threads",
            ]
        )
        for name, median, low, high, count in rows:
            target = TARGETS.get(name, "")
            writer.writerow(
                [
                    name,
                    f"{median:.4f}",
                    f"{low:.4f}",
                    f"{high:.4f}",
                    count,
                    f"{median / floor:.2f}",
                    target,
                    machine,
                    versions(),
                    1,
                ]
            )
            verdict = (
                ""
                if target == ""
                else f"  target {target} s: {'met' if median < float(target) else 'missed'}"
            )
            print(f"{name:34s} {median:7.3f} s  ({median / floor:5.1f} x bare){verdict}")


if __name__ == "__main__":
    main()
