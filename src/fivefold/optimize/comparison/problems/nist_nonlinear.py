"""NIST's 27 nonlinear regressions, each with two starts and certified values."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import TypeAlias

import torch
from torch import Tensor

from fivefold.core import DataError, require
from fivefold.objective import Objective, ResidualObjective
from fivefold.optimize.comparison.problems.problem import Problem

SOURCE = "NIST Statistical Reference Datasets, nonlinear regression (1999), public domain"
_NUMBERS = r"\s*([+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d+)?(\s+|$))+$"
LAYOUT = {"Starting Values": rf"\s*b\d+ =\s{_NUMBERS}", "Data": _NUMBERS}
"""The parts of a file that are read, and what each of their lines looks like."""

Response: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Parameters b [P] and predictors x [m] or [m, 2] to the modelled response [m]."""


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """What one of NIST's files holds.

    Args:
        x: Predictors [m], or [m, 2].
        y: Responses [m].
        starts: Two starts [2, P].
        certified: Certified parameters [P], 11 digits.
        deviations: Their certified standard deviations [P].
        residual_sum_of_squares: Certified.
    """

    x: Tensor
    y: Tensor
    starts: Tensor
    certified: Tensor
    deviations: Tensor
    residual_sum_of_squares: float


def _bennett(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * (b[1] + x) ** (-1 / b[2])


def _saturating(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * (1 - torch.exp(-b[1] * x))


def _chwirut(b: Tensor, x: Tensor) -> Tensor:
    return torch.exp(-b[0] * x) / (b[1] + b[2] * x)


def _power(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * x ** b[1]


def _southern_oscillation(b: Tensor, x: Tensor) -> Tensor:
    def wave(period: Tensor | float, cosine: Tensor, sine: Tensor) -> Tensor:
        angle = 2 * math.pi * x / period
        return cosine * torch.cos(angle) + sine * torch.sin(angle)

    return b[0] + wave(12.0, b[1], b[2]) + wave(b[3], b[4], b[5]) + wave(b[6], b[7], b[8])


def _bell(b: Tensor, x: Tensor) -> Tensor:
    return b[0] / b[1] * torch.exp(-0.5 * ((x - b[2]) / b[1]) ** 2)


def _two_bells(b: Tensor, x: Tensor) -> Tensor:
    bells = [b[i] * torch.exp(-(((x - b[i + 1]) / b[i + 2]) ** 2)) for i in (2, 5)]
    return b[0] * torch.exp(-b[1] * x) + bells[0] + bells[1]


def _rational(b: Tensor, x: Tensor, degree: int) -> Tensor:
    """Polynomials of one degree in Horner's form; the denominator's constant is 1."""
    above, below = b[degree], b[-1]
    for i in range(degree - 1, -1, -1):
        above = above * x + b[i]
    for i in range(2 * degree - 1, degree, -1):
        below = below * x + b[i]
    return above / (1 + below * x)


def _three_exponentials(b: Tensor, x: Tensor) -> Tensor:
    return sum((b[i] * torch.exp(-b[i + 1] * x) for i in (0, 2, 4)), start=torch.zeros_like(x))


def _enzyme(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3])


def _thermistor(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * torch.exp(b[1] / (x + b[2]))


def _two_exponentials(b: Tensor, x: Tensor) -> Tensor:
    return b[0] + b[1] * torch.exp(-x * b[3]) + b[2] * torch.exp(-x * b[4])


def _inverse_power(b: Tensor, x: Tensor, factor: float, power: float) -> Tensor:
    return b[0] * (1 - (1 + factor * b[1] * x) ** (-power))


def _hyperbola(b: Tensor, x: Tensor) -> Tensor:
    return b[0] * b[1] * x / (1 + b[1] * x)


def _degradation(b: Tensor, x: Tensor) -> Tensor:
    return b[0] - b[1] * x[:, 0] * torch.exp(-b[2] * x[:, 1])


def _logistic(b: Tensor, x: Tensor) -> Tensor:
    return b[0] / (1 + torch.exp(b[1] - b[2] * x))


def _richards(b: Tensor, x: Tensor) -> Tensor:
    return b[0] / (1 + torch.exp(b[1] - b[2] * x)) ** (1 / b[3])


def _quantum_defects(b: Tensor, x: Tensor) -> Tensor:
    return b[0] - b[1] * x - torch.atan(b[2] / (x - b[3])) / math.pi


_cubic, _quadratic = partial(_rational, degree=3), partial(_rational, degree=2)

MODELS: dict[str, tuple[str, Response]] = {
    "Misra1a": ("lower", _saturating),
    "Chwirut2": ("lower", _chwirut),
    "Chwirut1": ("lower", _chwirut),
    "Lanczos3": ("lower", _three_exponentials),
    "Gauss1": ("lower", _two_bells),
    "Gauss2": ("lower", _two_bells),
    "DanWood": ("lower", _power),
    "Misra1b": ("lower", partial(_inverse_power, factor=0.5, power=2.0)),
    "Kirby2": ("average", _quadratic),
    "Hahn1": ("average", _cubic),
    "Nelson": ("average", _degradation),
    "MGH17": ("average", _two_exponentials),
    "Lanczos1": ("average", _three_exponentials),
    "Lanczos2": ("average", _three_exponentials),
    "Gauss3": ("average", _two_bells),
    "Misra1c": ("average", partial(_inverse_power, factor=2.0, power=0.5)),
    "Misra1d": ("average", _hyperbola),
    "Roszman1": ("average", _quantum_defects),
    "ENSO": ("average", _southern_oscillation),
    "MGH09": ("higher", _enzyme),
    "Thurber": ("higher", _cubic),
    "BoxBOD": ("higher", _saturating),
    "Rat42": ("higher", _logistic),
    "MGH10": ("higher", _thermistor),
    "Eckerle4": ("higher", _bell),
    "Rat43": ("higher", _richards),
    "Bennett5": ("higher", _bennett),
}
"""NIST's order: each dataset's level of difficulty and its model."""


def nist_nonlinear() -> tuple[Problem, ...]:
    r"""Return NIST's nonlinear regressions, :math:`F(b) = \tfrac12 \sum_i (f(x_i; b) - y_i)^2`.

    In all 27 the certified parameters are those of the least squares; Nelson's response is the logarithm.
    Lanczos1 has data of 14 digits on an exact model: its certified sum, 1.4e-25, is that of the data's
    rounding.

    Source: NIST Statistical Reference Datasets (1999).

    Returns:
        27 problems in float64, in NIST's order of difficulty, with two starts each.

    >>> problems = nist_nonlinear()
    >>> len(problems), problems[0].name, tuple(problems[0].starts.shape)
    (27, 'Misra1a', (2, 2))
    """
    return tuple(_problem(name) for name in MODELS)


def _problem(name: str) -> Problem:
    data = read_dataset(name)
    return Problem(
        name=name,
        make=partial(_objective, MODELS[name][1], data.x, _target(name, data), data.starts[0]),
        starts=data.starts,
        minimum=data.residual_sum_of_squares / 2,
        solution=data.certified,
        source=SOURCE,
    )


def _target(name: str, data: Dataset) -> Tensor:
    return data.y.log() if name == "Nelson" else data.y


def _objective(response: Response, x: Tensor, y: Tensor, start: Tensor) -> ResidualObjective:
    return Objective.from_residuals(lambda b: response(b, x) - y, start)


def read_dataset(name: str) -> Dataset:
    """Read one of NIST's files, by the line numbers that it states.

    Args:
        name: One of :data:`MODELS`.

    Raises:
        ArgumentError: No such dataset.
        DataError: A file that is not as it says.

    >>> read_dataset("Misra1a").certified.tolist()
    [238.94212918, 0.00055015643181]
    """
    require(name in MODELS, f"a dataset among {', '.join(MODELS)}", repr(name))
    text = (
        files("fivefold.optimize.comparison.problems")
        .joinpath("nist", f"{name}.dat")
        .read_text(encoding="ascii")
    )
    return parse_dataset(text)


def parse_dataset(text: str) -> Dataset:
    """Read the text of a file in NIST's layout.

    Raises:
        DataError: Parts missing, or lines that are not what the head says.
    """
    lines = text.splitlines()
    found = {part: _part(lines, part) for part in LAYOUT}
    values = torch.tensor(
        [[float(word) for word in line.split("=")[1].split()] for line in found["Starting Values"]],
        dtype=torch.float64,
    )
    table = torch.tensor(
        [[float(word) for word in line.split()] for line in found["Data"]], dtype=torch.float64
    )
    total = re.search(r"Residual Sum of Squares:\s+(\S+)", text)
    count = re.search(r"Number of Observations:\s+(\d+)", text)
    if total is None or count is None or int(count[1]) != table.shape[0] or values.shape[1] != 4:
        raise DataError("a certified sum, and as many rows as the file says", f"{table.shape[0]} rows")
    x = table[:, 1:]
    return Dataset(
        x=x[:, 0] if x.shape[1] == 1 else x,
        y=table[:, 0],
        starts=values[:, :2].mT.contiguous(),
        certified=values[:, 2],
        deviations=values[:, 3],
        residual_sum_of_squares=float(total[1]),
    )


def _part(lines: list[str], part: str) -> list[str]:
    """The lines that the head gives to a part."""
    for line in lines:
        said = re.search(rf"\b{part}\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", line, re.IGNORECASE)
        if said is not None:
            chosen = lines[int(said[1]) - 1 : int(said[2])]
            wrong = [each for each in chosen if re.match(LAYOUT[part], each) is None]
            if wrong or not chosen:
                raise DataError(f"lines of the part {part!r}", repr(wrong[0][:40] if wrong else "none"))
            return chosen
    raise DataError(f"a head that gives the lines of {part!r}", "none")
