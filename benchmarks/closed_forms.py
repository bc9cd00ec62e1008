"""Quadrature, differential equations and information against closed forms: do the stated errors hold?

**Quadrature.** Seventeen integrands (singular ends, a kink, a jump, narrow peaks, infinite ranges; one
without an integral), to a relative tolerance of 1e-10, beside `scipy.integrate.quad` with `limit=500`.
**Held** is whether the true error is within the stated one; an integral that is not certified states
nothing.

**Equations.** Four with known solutions and one that blows up, at tolerances 1e-3, 1e-6 and 1e-9.

**Information.** Bivariate normals with correlation 0, 0.3, 0.6 and 0.9, 400 seeds of 500 rows, and
discrete tables of 2,000: root mean squared error of entropy and mutual information, mean standard
error, and as **held** how often the 95% interval covers the truth; beside scikit-learn's
`mutual_info_regression`, which gives no standard error.

Run: ``python benchmarks/closed_forms.py [--threads 1]``.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

from common import arguments, write

SEEDS = 400


def integrands() -> dict[str, tuple[Callable[[Any], Any], float, float, float]]:
    """Name: integrand over any array library with these methods, ends, integral."""
    import numpy as np

    inf = math.inf
    peak = math.atan(0.63e4) + math.atan(0.37e4)
    kink = ((math.pi / 10) ** 2 + (1 - math.pi / 10) ** 2) / 2
    return {
        "exp": (np.exp, 0, 1, math.e - 1),
        "sqrt(x)": (np.sqrt, 0, 1, 2 / 3),
        "log(x)": (np.log, 0, 1, -1),
        "log(x) / sqrt(x)": (lambda x: np.log(x) / np.sqrt(x), 0, 1, -4),
        "x^-0.9": (lambda x: x**-0.9, 0, 1, 10),
        "|x - pi/10|": (lambda x: np.abs(x - math.pi / 10), 0, 1, kink),
        "x > 1/3": (lambda x: np.asarray(x > 1 / 3) * 1.0, 0, 1, 2 / 3),
        "Runge": (lambda x: 1 / (1 + 25 * x * x), -1, 1, 0.4 * math.atan(5)),
        "peak of width 1e-4": (lambda x: 1e-4 / ((x - 0.37) ** 2 + 1e-8), 0, 1, peak),
        "cos(1000 x)": (lambda x: np.cos(1000 * x), 0, 1, math.sin(1000) / 1000),
        "exp(-x^2)": (lambda x: np.exp(-x * x), -inf, inf, math.sqrt(math.pi)),
        "1 / (1 + x^2)": (lambda x: 1 / (1 + x * x), -inf, inf, math.pi),
        "exp(-x)": (lambda x: np.exp(-x), 0, inf, 1),
        "cos(log x)": (lambda x: np.cos(np.log(x)), 0, 1, 0.5),
        "1/x, which has no integral": (lambda x: 1 / x, 0, 1, math.nan),
        "narrow bell": (lambda x: np.exp(-((x - 0.123) ** 2) / 2e-6), -1, 1, math.sqrt(2e-6 * math.pi)),
        "sin(1/x)": (lambda x: np.sin(1 / x), 0, 1, 0.5040670619069283),
    }


def quadrature() -> list[dict[str, object]]:
    """One row per integrand and library."""
    import scipy.integrate
    import torch

    from fivefold.calculus import integrate

    rows: list[dict[str, object]] = []
    for name, (fn, low, high, exact) in integrands().items():
        own = integrate(lambda x, fn=fn: torch.as_tensor(fn(x.numpy())), low, high, tolerance=1e-10)
        value, stated, details = scipy.integrate.quad(
            fn, low, high, epsrel=1e-10, epsabs=0, limit=500, full_output=1
        )[:3]
        for library, found, error, claims, calls in (
            ("fivefold", own.value, own.error, bool(own.holds), own.evaluations),
            ("scipy", value, stated, True, details["neval"]),
        ):
            true = abs(found - exact) if math.isfinite(exact) else math.inf
            rows.append(
                {
                    "task": "quadrature",
                    "problem": name,
                    "library": library,
                    "true_error": true,
                    "stated_error": error if claims else "unknown",
                    "held": true <= error if claims else "",
                    "evaluations": calls,
                }
            )
    return rows


def equations() -> list[dict[str, object]]:
    """One row per equation and tolerance."""
    import torch

    from fivefold.calculus import solve_ode

    times = torch.linspace(0.0, 2.0, 9, dtype=torch.float64)
    two = torch.tensor([1.0, 0.5], dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    turn = torch.stack(
        [two[0] * times.cos() + two[1] * times.sin(), two[1] * times.cos() - two[0] * times.sin()], 1
    )
    problems: dict[str, tuple[Any, Any, Any]] = {
        "oscillation": (lambda t, y, w: torch.stack([y[1], -y[0]]), two, turn),
        "decay": (lambda t, y, w: -3 * y, one, torch.exp(-3 * times)[:, None]),
        "logistic growth": (lambda t, y, w: y * (1 - y), 0.1 * one, 1 / (1 + 9 * torch.exp(-times))[:, None]),
        "stiff relaxation": (
            lambda t, y, w: -300 * (y - torch.cos(t)),
            one,
            ((9e4 * times.cos() + 300 * times.sin() + torch.exp(-300 * times)) / (9e4 + 1))[:, None],
        ),
        "blow-up at 1": (lambda t, y, w: y**2, one, (1 / (1 - times))[:, None]),
    }
    rows: list[dict[str, object]] = []
    for name, (field, start, exact) in problems.items():
        for tolerance in (1e-3, 1e-6, 1e-9):
            found = solve_ode(field, start, times, tolerance=tolerance)
            reached = len(found.times)
            true = float((found.y - exact[:reached]).abs().max())
            claims = found.holds is True
            rows.append(
                {
                    "task": "equation",
                    "problem": f"{name}, tolerance {tolerance:g}",
                    "library": "fivefold",
                    "true_error": true,
                    "stated_error": float(found.error.max()) if claims else f"unknown ({found.status.value})",
                    "held": true <= float(found.error.max()) + 1e-13 if claims else "",
                    "evaluations": found.evaluations,
                }
            )
    return rows


def information() -> list[dict[str, object]]:
    """One row per quantity, correlation and library."""
    import numpy as np
    from sklearn.feature_selection import mutual_info_regression

    from fivefold.probability import (
        continuous_entropy,
        continuous_mutual_information,
        discrete_entropy,
        discrete_mutual_information,
    )

    rows: list[dict[str, object]] = []

    def record(problem: str, found: list[Any], truth: float) -> None:
        own = not isinstance(found[0], float)
        away = np.array([e.value if own else e for e in found]) - truth
        inside = [e.interval(0.95) for e in found] if own else []
        rows.append(
            {
                "task": "information",
                "problem": problem,
                "library": "fivefold" if own else "scikit-learn",
                "true_error": float(np.sqrt((away**2).mean())),
                "stated_error": float(np.mean([e.standard_error for e in found])) if own else "none",
                "held": float(np.mean([low <= truth <= high for low, high in inside])) if own else "",
                "evaluations": len(found),
            }
        )

    for rho in (0.0, 0.3, 0.6, 0.9):
        pairs = []
        for seed in range(SEEDS):
            x, noise = np.random.default_rng(seed).normal(size=(2, 500))
            pairs.append((x, rho * x + math.sqrt(1 - rho * rho) * noise))
        truth = -0.5 * math.log(1 - rho * rho)
        name = f"mutual information of normals, correlation {rho}"
        record(name, [continuous_mutual_information(x, y) for x, y in pairs], truth)
        record(
            name, [float(mutual_info_regression(x[:, None], y, random_state=0)[0]) for x, y in pairs], truth
        )
        joint = [continuous_entropy(np.column_stack(pair)) for pair in pairs]
        record(f"entropy of normals, correlation {rho}", joint, math.log(2 * math.pi * math.e) - truth)
    for name, table in {
        "5 x 4, dependent": np.outer(np.arange(1, 6), [4.0, 3.0, 2.0, 1.0]) + 6 * np.eye(5, 4),
        "3 x 3, weakly dependent": np.ones((3, 3)) + 0.3 * np.eye(3),
    }.items():
        p = table / table.sum()
        q = np.outer(p.sum(1), p.sum(0))
        truth, entropy = float((p * np.log(p / q)).sum()), float(-(p * np.log(p)).sum())
        drawn = [np.random.default_rng(s).multinomial(2000, p.ravel()).reshape(p.shape) for s in range(SEEDS)]
        record(f"mutual information of {name}", [discrete_mutual_information(c) for c in drawn], truth)
        record(f"entropy of {name}", [discrete_entropy(c.ravel()) for c in drawn], entropy)
    return rows


def main() -> None:
    """Measure, print, write the CSV."""
    options = arguments(__doc__)
    warnings.simplefilter("ignore")
    rows = [*quadrature(), *equations(), *information()]
    for row in rows:
        print(row)
    for task in ("quadrature", "equation"):
        held = [
            r["held"] for r in rows if r["task"] == task and r["library"] == "fivefold" and r["held"] != ""
        ]
        print(f"{task}: the stated error held in {sum(map(bool, held))} of {len(held)}")
    write("closed_forms", rows, threads=options.threads)


if __name__ == "__main__":
    main()
