"""What every benchmark shares: the machine, the versions, the threads, the clock and the CSV that names them.

A benchmark is a script: ``python benchmarks/NAME.py [--threads 2]``. It starts with
``options = arguments(__doc__)``, measures, prints the ratio, and ends with
``write("NAME", rows, threads=options.threads)``.
"""

import argparse
import csv
import importlib.metadata
import io
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PACKAGES = ("fivefold", "torch", "numpy", "scipy", "scikit-learn", "duckdb", "safetensors")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arguments(description: str | None, parser: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Read the command line and set the threads of everything that is imported afterwards.

    Call it before NumPy or torch is imported: their thread pools read the environment once.

    Args:
        description: The benchmark's docstring.
        parser: A parser with further options, where the benchmark has some.
    """
    parser = parser or argparse.ArgumentParser()
    parser.description = description
    parser.add_argument(
        "--threads", type=int, default=cores(), help="threads of every library (default: cores)"
    )
    options = parser.parse_args()
    if options.threads < 1:
        parser.error(f"expected at least 1 thread; got {options.threads}")
    late = sorted({"numpy", "torch", "sklearn"} & set(sys.modules))
    if late and any(os.environ.get(name) != str(options.threads) for name in THREAD_VARIABLES[:3]):
        # libraries that are already in memory have their pools: start over with the environment set
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
        os.execv(sys.executable, [sys.executable, *sys.argv])
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(options.threads)))
    return options


def processor() -> str:
    """The processor's name, as the system states it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Physical memory in GiB, or ``None`` where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def environment(threads: int | None = None) -> dict[str, str]:
    """Machine, versions and threads, as they stand at the head of every result."""
    memory = memory_gib()
    found = {
        "processor": processor(),
        "cores": str(cores()),
        "memory": "unknown" if memory is None else f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "threads": str(threads if threads is not None else os.environ.get("OMP_NUM_THREADS", cores())),
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def document(rows: Sequence[Mapping[str, object]], head: Mapping[str, str]) -> str:
    """A CSV whose first lines, each after ``# ``, name machine, versions and threads.

    Args:
        rows: Records with the same keys, at least one.
        head: What stands above them.

    Raises:
        ValueError: No rows, or rows with different keys.
    """
    if not rows:
        raise ValueError("expected at least one row; got none")
    names = list(rows[0])
    for row in rows:
        if list(row) != names:
            raise ValueError(f"expected the columns {names} in every row; got {list(row)}")
    text = io.StringIO()
    for key, value in head.items():
        text.write(f"# {key}: {' '.join(str(value).split())}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row.values()])
    return text.getvalue()


def write(
    name: str,
    rows: Sequence[Mapping[str, object]],
    *,
    threads: int | None = None,
    notes: Mapping[str, str] | None = None,
    folder: Path = RESULTS,
) -> Path:
    """Write ``results/NAME.csv`` and say where it is.

    Args:
        name: File name without its ending.
        rows: Records with the same keys.
        threads: Threads that the benchmark ran with.
        notes: Further lines for the head: the data, the tolerance, the seed.
        folder: Where to.
    """
    path = folder / f"{name}.csv"
    text = document(rows, {"benchmark": name, **environment(threads), **(notes or {})})
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".csv.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    print(f"wrote {path}")
    return path


def read(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Read what :func:`write` wrote: the head and the rows."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return head, list(csv.DictReader(line for line in lines if not line.startswith("# ")))


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds of repeated calls: the first (warm-up, caches cold) and the later ones."""

    first: float
    later: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the later calls, or the first where there are none."""
        return statistics.median(self.later) if self.later else self.first

    @property
    def best(self) -> float:
        """Fastest of all calls."""
        return min((self.first, *self.later))


def seconds(call: Callable[[], object], repeat: int = 5) -> Seconds:
    """Time a call once for the warm-up and ``repeat`` times after it."""
    taken = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return Seconds(taken[0], tuple(taken[1:]))


def paired_interval(
    differences: Sequence[float], level: float = 0.95, held_out: float = 0.0
) -> tuple[float, float, float]:
    r"""Mean difference over repeated splits and its t interval, corrected for overlapping training sets.

    .. math:: \bar d \pm t_{n-1}\, s \sqrt{1/n + n_{test}/n_{train}}

    Splits of one table share rows, so that their differences are not independent and :math:`s/\sqrt n` is too
    small; the second term is the correction of C. Nadeau and Y. Bengio, "Inference for the generalization
    error", Machine Learning 52 (2003), 239-281.

    Args:
        differences: One per split, at least two.
        level: Coverage of the interval, in (0, 1).
        held_out: Test rows divided by training rows; 0 leaves the correction out.

    Returns:
        Mean, lower end, upper end.
    """
    from scipy.stats import t

    if len(differences) < 2:
        raise ValueError(f"expected at least 2 differences; got {len(differences)}")
    mean, spread = statistics.fmean(differences), statistics.stdev(differences)
    half = float(t.ppf((1 + level) / 2, len(differences) - 1))
    half *= spread * math.sqrt(1 / len(differences) + held_out)
    return mean, mean - half, mean + half


def ratio(ours: float, theirs: float, what: str, peer: str) -> str:
    """One line that compares: below 1 means that ours is smaller."""
    if theirs == 0:
        return f"{what}: fivefold {ours:.4g}, {peer} 0"
    return f"{what}: fivefold {ours:.4g}, {peer} {theirs:.4g}, ratio {ours / theirs:.3f}"
