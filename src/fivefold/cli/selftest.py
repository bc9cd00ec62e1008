"""The checks behind ``fivefold selftest``: certified data, identities, and what they say of this machine."""

import json
import math
import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from fivefold.cli.terminal import out
from fivefold.core import require

if TYPE_CHECKING:
    from fivefold.linalg import LeastSquares

DEGREES = {"Filip": 10, "Norris": 1, "Pontius": 2} | {f"Wampler{i}": 5 for i in range(1, 6)}
"""The datasets that are polynomials of one variable; Longley has six, NoInt1 and NoInt2 no constant."""

NAMES = (*sorted(DEGREES), "Longley", "NoInt1", "NoInt2")


@dataclass(frozen=True)
class Check:
    """One check: what was asked, what came, and whether it is as it should be.

    Args:
        name: For a person.
        value: The measured number.
        bound: What it is held against.
        at_least: Whether the value must be at least the bound (digits) or at most (errors).
        note: What the number means.
    """

    name: str
    value: float
    bound: float
    at_least: bool
    note: str

    @property
    def holds(self) -> bool:
        """Whether the check passed; NaN does not."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def to_record(self) -> dict[str, object]:
        """Return plain JSON values."""
        value = self.value if math.isfinite(self.value) else None
        return {
            "name": self.name,
            "value": value,
            "bound": self.bound,
            "at_least": self.at_least,
            "holds": self.holds,
            "note": self.note,
        }


def dataset(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[Decimal]]:
    """Return the variables ``[m, p]``, y ``[m]`` and the certified coefficients of a NIST dataset.

    Raises:
        ArgumentError: An unknown name.

    >>> x, y, certified = dataset("NoInt2")
    >>> x.shape, y.tolist(), str(certified[0])
    ((3, 1), [3.0, 4.0, 4.0], '0.727272727272727')
    """
    require(name in NAMES, f"a dataset among {', '.join(NAMES)}", repr(name))
    text = resources.files("fivefold.cli").joinpath("nist", f"{name}.dat").read_text(encoding="utf-8")
    lines = text.splitlines()
    found = (re.match(r"\s+B\d+\s+(\S+)\s+\S+\s*$", line) for line in lines)
    certified = [Decimal(match[1]) for match in found if match]
    start = max(i for i, line in enumerate(lines) if re.match(r"Data:\s+y", line))
    cells = np.array([[float(cell) for cell in line.split()] for line in lines[start + 1 :] if line.strip()])
    return cells[:, 1:], cells[:, 0], certified


def run(*, as_json: bool = False) -> bool:
    """Run every check, write what came out, and return whether all hold.

    Args:
        as_json: One JSON document instead of lines.
    """
    start = time.perf_counter()
    checks: list[Check] = []
    for check in every_check():
        checks.append(check)
        if not as_json:
            out(_line(check))
    good = all(check.holds for check in checks)
    seconds = time.perf_counter() - start
    if as_json:
        record = {"holds": good, "checks": [check.to_record() for check in checks], "machine": machine()}
        out(json.dumps({**record, "seconds": round(seconds, 2)}, allow_nan=False))
    else:
        out("")
        out(summary(checks))
        out(f"{', '.join(f'{name} {value}' for name, value in machine().items())}; {seconds:.1f} s")
    return good


def summary(checks: list[Check]) -> str:
    """Say what can be trusted.

    >>> summary([Check("Longley", 14.0, 9, True, "")])
    'All 1 checks hold: what the certificates promise on this machine can be trusted.'
    """
    wrong = [check.name for check in checks if not check.holds]
    if not wrong:
        return f"All {len(checks)} checks hold: what the certificates promise on this machine can be trusted."
    return (
        f"{len(wrong)} of {len(checks)} checks fail ({', '.join(wrong)}): do not trust results of this "
        "installation; reinstall torch and NumPy, or run on another machine."
    )


def machine() -> dict[str, str]:
    """Processor and versions.

    >>> sorted(machine())
    ['cores', 'numpy', 'processor', 'python', 'threads', 'torch']
    """
    import torch

    return {
        "processor": platform.machine(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }


def every_check() -> Iterator[Check]:
    """Yield the checks one after another, as they are done."""
    for name in NAMES:
        yield from _nist(name)
    for identity in (_doubled, _accumulation, _factors, _eigenpairs, _means, _float32_rows, _rank):
        yield identity()


def _nist(name: str) -> Iterator[Check]:
    from fivefold.linalg import lstsq, polynomial_design

    x, y, certified = dataset(name)
    degree = DEGREES.get(name)
    if degree is None:
        X = x if name.startswith("NoInt") else np.column_stack([np.ones(len(x)), x])
        yield from _digits(name, lstsq(X, y), certified, 9)
        return
    yield from _digits(name, lstsq(polynomial_design(x[:, 0], degree), y), certified, 9)
    if name == "Filip":
        rounded = np.vander(x[:, 0], degree + 1, increasing=True)
        yield from _digits("Filip, powers rounded", lstsq(rounded, y), certified, 7)


def _digits(name: str, fit: "LeastSquares", certified: list[Decimal], wanted: float) -> Iterator[Check]:
    right, over = 16.0, 0.0
    for value, bound, truth in zip(fit.x.tolist(), fit.error_bound.tolist(), certified, strict=True):
        error = abs(Decimal(value) - truth)
        # NIST prints 15 digits: half a unit of the last is not an error of ours.
        half = Decimal((0, (5,), truth.adjusted() - 15))
        right = min(right, 16.0 if error == 0 else -math.log10(error / abs(truth)))
        over = max(over, float((error - half) / Decimal(max(bound, 1e-300))))
    yield Check(
        f"NIST {name}: correct digits", min(right, 16.0), wanted, True, "fewest over the coefficients"
    )
    yield Check(
        f"NIST {name}: error beside its bound", over, 1.0, False, "largest over the coefficients; at most 1"
    )


def _check(name: str, error: float, bound: float, note: str) -> Check:
    return Check(name, float(error), bound, False, note)


def _doubled() -> Check:
    import torch

    from fivefold.linalg.doubled import two_product, two_sum

    a = torch.tensor([1.0 + 2.0**-52, 0.1, 1e8 + 1 / 3], dtype=torch.float64)
    product, rest = two_product(a, a)
    total, left = two_sum(a, 1e-9 * a)
    small = (1e-9 * a).tolist()
    wrong = sum(
        Fraction(p) + Fraction(r) != Fraction(v) ** 2
        for p, r, v in zip(product.tolist(), rest.tolist(), a.tolist(), strict=True)
    )
    wrong += sum(
        Fraction(v) + Fraction(w) != Fraction(t) + Fraction(r)
        for v, w, t, r in zip(a.tolist(), small, total.tolist(), left.tolist(), strict=True)
    )
    return _check("doubled precision is exact", wrong, 0, "wrong of 6; more where a compiler reorders sums")


def _accumulation() -> Check:
    from fivefold.linalg import DataMatrix

    rows = np.full((50_000, 1), 4096.0 + 2.0**-10, np.float32)
    exact = 50_000 * (4096.0 + 2.0**-10) ** 2
    error = abs(float(DataMatrix([rows]).gram()[0, 0]) / exact - 1)
    return _check("sums of float32 are kept in float64", error, 1e-11, "relative error of 50,000 squares")


def _away(m: int, n: int) -> np.ndarray[Any, Any]:
    return 3.0 + np.random.default_rng(0).standard_normal((m, n))


def _factors() -> Check:
    from fivefold.linalg import qr

    A = _away(200, 40)
    f = qr(A)
    return _check("Q R = A", np.abs(f.Q @ f.R - A).max() / np.abs(A).max(), 1e-13, "relative error")


def _eigenpairs() -> Check:
    from fivefold.linalg import eigh

    A = _away(60, 60)
    S = A + A.T
    e = eigh(S)
    error = np.abs(S @ e.vectors - e.vectors * e.values).max() / np.abs(e.values).max()
    return _check("A v = lambda v", error, 1e-13, "relative error of 60 eigenpairs")


def _means() -> Check:
    from fivefold.linalg import pca

    X = np.round(_away(500, 6) * 2**10) / 2**20
    near, far = pca(X).explained_variance, pca(X + 2.0**30).explained_variance
    return _check(
        "variances of data far from zero", np.abs(far / near - 1).max(), 1e-8, "error where means are 2^30"
    )


def _float32_rows() -> Check:
    from fivefold.linalg import lstsq_batches

    rng = np.random.default_rng(1)
    X = (1000 + rng.standard_normal((600_000, 5))).astype(np.float32)
    b = np.array([1.0, -2.0, 3.0, 0.5, 4.0])
    y = X.astype(np.float64) @ b + 7
    fit = lstsq_batches([(X, y.astype(np.float64))], intercept=True)
    error = np.abs(fit.x - b).max() / np.abs(b).max()
    return _check("600,000 float32 rows far from zero", error, 1e-10, "relative error of the coefficients")


def _rank() -> Check:
    from fivefold.linalg import lstsq

    X = _away(50, 3)
    units = np.array([1.0, 1e8, 1.0, 1e-8])
    fit = lstsq(np.column_stack([X, X[:, 0] + X[:, 1]]) * units, X[:, 2])
    return _check("a dependent column is found", abs(fit.rank - 3), 0, "distance to the rank 3")


def _line(check: Check) -> str:
    mark = "ok   " if check.holds else "WRONG"
    sign = "at least" if check.at_least else "at most"
    return f"{mark} {check.name}: {check.value:.3g} ({sign} {check.bound:.3g}; {check.note})"
