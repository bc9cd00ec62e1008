"""NIST's files, and the solution of each in rational arithmetic of the decimals as they are printed."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "nist"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.dat")))
DEGREE = {"Filip": 10, "Norris": 1, "Pontius": 2} | {f"Wampler{i}": 5 for i in range(1, 6)}


@dataclass(frozen=True)
class Reference:
    name: str
    y: list[str]
    x: list[list[str]]
    certified: list[str]

    @property
    def degree(self) -> int | None:
        return DEGREE.get(self.name)

    @property
    def target(self) -> np.ndarray:
        return np.array([float(v) for v in self.y])

    @property
    def variable(self) -> np.ndarray:
        return np.array([float(row[0]) for row in self.x])

    @property
    def rounded(self) -> np.ndarray:
        """The design in float64, powers rounded."""
        X = np.array([[float(v) for v in row] for row in self.x])
        if self.degree is not None:
            return np.vander(X[:, 0], self.degree + 1, increasing=True)
        return X if self.name.startswith("NoInt") else np.column_stack([np.ones(len(X)), X])

    def exact(self) -> list[Fraction]:
        """Normal equations in rational arithmetic."""
        X = [[Fraction(v) for v in row] for row in self.x]
        if self.degree is not None:
            X = [[row[0] ** j for j in range(self.degree + 1)] for row in X]
        elif not self.name.startswith("NoInt"):
            X = [[Fraction(1), *row] for row in X]
        return solve_exactly(X, [Fraction(v) for v in self.y])


def solve_exactly(X: list[list[Fraction]], y: list[Fraction]) -> list[Fraction]:
    n = len(X[0])
    rows = [
        [sum((r[a] * r[b] for r in X), Fraction(0)) for b in range(n)]
        + [sum((r[a] * t for r, t in zip(X, y, strict=True)), Fraction(0))]
        for a in range(n)
    ]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[n] for row in rows]


def digits(x: float, truth: Fraction) -> float:
    """Correct digits of one coefficient, at most 16."""
    error = abs(Fraction(float(x)) - truth) / abs(truth)
    return 16.0 if error == 0 else min(16.0, -float(np.log10(float(error))))


def read(name: str) -> Reference:
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    certified = [found[1] for line in lines if (found := re.match(r"\s+B\d+\s+(\S+)\s+\S+\s*$", line))]
    start = max(i for i, line in enumerate(lines) if re.match(r"Data:\s+y", line))
    cells = [line.split() for line in lines[start + 1 :] if line.strip()]
    return Reference(name, [c[0] for c in cells], [c[1:] for c in cells], certified)
