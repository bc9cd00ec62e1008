"""Correct digits on NIST's 27 nonlinear regressions from both starts, beside SciPy, lmfit and optimistix.

Digits of the worst parameter against the 11 that are certified (LRE), at default settings; 4 is the pass mark
of Ceres' comparison. Every solver gets the same residuals in float64. SciPy and lmfit with their defaults
difference them; "tuned" has the exact Jacobian, x_scale="jac", tolerances of 1e-15 and up to 10,000
evaluations. Peers take part where they can be imported: put their folder on PYTHONPATH.

Run: ``python benchmarks/optimize_nist.py --threads 1``.
"""

import importlib.metadata
import importlib.util
import time
import warnings
from collections.abc import Callable

from common import arguments, write


def main() -> None:
    options = arguments(__doc__)
    import numpy as np
    import torch
    from scipy.optimize import least_squares

    from fivefold.optimize import minimize
    from fivefold.optimize.comparison.problems import Problem, nist_nonlinear
    from fivefold.optimize.comparison.problems.nist_nonlinear import MODELS

    torch.set_num_threads(options.threads)

    def digits(w: "object", problem: Problem) -> float:
        assert problem.solution is not None
        exact = problem.solution.numpy()
        found = np.asarray(w, dtype=float)
        if not np.isfinite(found).all():
            return 0.0
        error = np.maximum(np.abs((found - exact) / exact), 1e-11)
        return round(float(max(0.0, -np.log10(error.max()))), 1)

    def scipy_by(method: str, *, tuned: bool) -> Callable[[Problem, np.ndarray], tuple[np.ndarray, str, int]]:
        def solve(problem: Problem, start: np.ndarray) -> tuple[np.ndarray, str, int]:
            F = problem.make()

            def residuals(w: np.ndarray) -> np.ndarray:
                return F.residuals(torch.from_numpy(w)).numpy()  # type: ignore[attr-defined]

            def jacobian(w: np.ndarray) -> np.ndarray:
                return F.jacobian(torch.from_numpy(w)).to_dense().numpy()  # type: ignore[attr-defined]

            exact = {"jac": jacobian, "x_scale": "jac", "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
            extra = {**exact, "max_nfev": 10_000} if tuned else {}
            end = least_squares(residuals, start, method=method, **extra)
            return end.x, "converged" if end.status > 0 else "out of budget", int(end.nfev)

        return solve

    def ours(problem: Problem, start: np.ndarray) -> tuple[np.ndarray, str, int]:
        end = minimize(problem.make(), w0=start)
        return end.w.numpy(), str(end.status), end.evaluations

    def by_lmfit(problem: Problem, start: np.ndarray) -> tuple[np.ndarray, str, int]:
        import lmfit

        F = problem.make()
        parameters = lmfit.Parameters()
        for index, number in enumerate(start):
            parameters.add(f"b{index}", value=float(number))

        def residuals(given: "lmfit.Parameters") -> np.ndarray:
            w = torch.tensor([each.value for each in given.values()], dtype=torch.float64)
            return F.residuals(w).numpy()  # type: ignore[attr-defined]

        end = lmfit.minimize(residuals, parameters)
        found = np.array([each.value for each in end.params.values()])
        return found, "converged" if end.success else "out of budget", int(end.nfev)

    solvers = {
        "fivefold": ours,
        "scipy trf": scipy_by("trf", tuned=False),
        "scipy lm": scipy_by("lm", tuned=False),
        "scipy trf tuned": scipy_by("trf", tuned=True),
        "scipy lm tuned": scipy_by("lm", tuned=True),
    }
    notes = {"unit": "correct digits of the worst parameter, at most 11"}
    if importlib.util.find_spec("lmfit"):
        solvers["lmfit"] = by_lmfit
        notes["lmfit"] = importlib.metadata.version("lmfit")
    else:
        notes["lmfit"] = "not installed, left out"
    if importlib.util.find_spec("optimistix"):
        solvers["optimistix lm"] = _by_optimistix()
        notes["optimistix"] = importlib.metadata.version("optimistix")
    else:
        notes["optimistix"] = "not installed, left out"
    rows = []
    for problem in nist_nonlinear():
        for which, start in enumerate(problem.starts.numpy(), 1):
            for name, solve in solvers.items():
                began = time.perf_counter()
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    try:
                        w, status, evaluations = solve(problem, start)
                        reached = digits(w, problem)
                    except (ValueError, ArithmeticError, RuntimeError) as error:
                        reached, status, evaluations = 0.0, f"raised {type(error).__name__}", 0
                rows.append(
                    {
                        "dataset": problem.name,
                        "level": MODELS[problem.name][0],
                        "start": which,
                        "solver": name,
                        "digits": reached,
                        "status": status,
                        "evaluations": evaluations,
                        "seconds": round(time.perf_counter() - began, 3),
                    }
                )
    for name in solvers:
        mine = [row for row in rows if row["solver"] == name]
        reached = [float(row["digits"]) for row in mine]
        low = [
            f"{row['dataset']} {row['start']}: {row['status']}" for row in mine if float(row["digits"]) < 6
        ]
        wrong = sum(float(row["digits"]) < 4 and row["status"] == "converged" for row in mine)
        counts = f"{sum(d >= 4 for d in reached)} of 54 reach 4, {sum(d >= 6 for d in reached)} reach 6"
        spent = sum(float(row["seconds"]) for row in mine)
        notes[f"result of {name}"] = said = (
            f"{counts}, mean {sum(reached) / len(reached):.1f}, "
            f"fewest {min(reached)}, converged with fewer than 4: {wrong}, {spent:.1f} s"
        )
        print(f"{name}: {said}")
        print("   below 6: " + ("; ".join(low) or "none"))
    write("optimize_nist", rows, threads=options.threads, notes=notes)


def _by_optimistix() -> "Callable[..., object]":
    """Its Levenberg-Marquardt at tolerances of 1e-8, on the same models written anew for JAX's arrays."""
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optimistix

    from fivefold.optimize.comparison.problems import Problem
    from fivefold.optimize.comparison.problems.nist_nonlinear import read_dataset

    def rational(b: "jax.Array", x: "jax.Array", n: int) -> "jax.Array":
        above = sum(b[i] * x**i for i in range(n + 1))
        return above / (1 + sum(b[n + i] * x**i for i in range(1, n + 1)))

    def bells(b: "jax.Array", x: "jax.Array") -> "jax.Array":
        return (
            b[0] * jnp.exp(-b[1] * x)
            + b[2] * jnp.exp(-(((x - b[3]) / b[4]) ** 2))
            + b[5] * jnp.exp(-(((x - b[6]) / b[7]) ** 2))
        )

    def waves(b: "jax.Array", x: "jax.Array") -> "jax.Array":
        angle = 2 * jnp.pi * x
        return (
            b[0]
            + b[1] * jnp.cos(angle / 12)
            + b[2] * jnp.sin(angle / 12)
            + b[4] * jnp.cos(angle / b[3])
            + b[5] * jnp.sin(angle / b[3])
            + b[7] * jnp.cos(angle / b[6])
            + b[8] * jnp.sin(angle / b[6])
        )

    def lanczos(b: "jax.Array", x: "jax.Array") -> "jax.Array":
        return sum(b[i] * jnp.exp(-b[i + 1] * x) for i in (0, 2, 4))

    models = {
        "Misra1a": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
        "BoxBOD": lambda b, x: b[0] * (1 - jnp.exp(-b[1] * x)),
        "Chwirut1": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
        "Chwirut2": lambda b, x: jnp.exp(-b[0] * x) / (b[1] + b[2] * x),
        "Lanczos1": lanczos,
        "Lanczos2": lanczos,
        "Lanczos3": lanczos,
        "Gauss1": bells,
        "Gauss2": bells,
        "Gauss3": bells,
        "DanWood": lambda b, x: b[0] * x ** b[1],
        "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
        "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
        "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
        "Kirby2": lambda b, x: rational(b, x, 2),
        "Hahn1": lambda b, x: rational(b, x, 3),
        "Thurber": lambda b, x: rational(b, x, 3),
        "Nelson": lambda b, x: b[0] - b[1] * x[:, 0] * jnp.exp(-b[2] * x[:, 1]),
        "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
        "MGH10": lambda b, x: b[0] * jnp.exp(b[1] / (x + b[2])),
        "MGH17": lambda b, x: b[0] + b[1] * jnp.exp(-x * b[3]) + b[2] * jnp.exp(-x * b[4]),
        "Roszman1": lambda b, x: b[0] - b[1] * x - jnp.arctan(b[2] / (x - b[3])) / jnp.pi,
        "ENSO": waves,
        "Rat42": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)),
        "Rat43": lambda b, x: b[0] / (1 + jnp.exp(b[1] - b[2] * x)) ** (1 / b[3]),
        "Eckerle4": lambda b, x: b[0] / b[1] * jnp.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
        "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    }

    def solve(problem: Problem, start: np.ndarray) -> tuple[np.ndarray, str, int]:
        data = read_dataset(problem.name)
        x, y = jnp.asarray(data.x.numpy()), jnp.asarray(data.y.numpy())
        target = jnp.log(y) if problem.name == "Nelson" else y
        end = optimistix.least_squares(
            lambda b, _: models[problem.name](b, x) - target,
            optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8),
            jnp.asarray(start),
            max_steps=10_000,
            throw=False,
        )
        done = end.result == optimistix.RESULTS.successful
        return np.asarray(end.value), "converged" if done else "out of budget", int(end.stats["num_steps"])

    return solve


if __name__ == "__main__":
    main()
