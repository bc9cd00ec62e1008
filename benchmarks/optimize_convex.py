"""Convex regressions: what `minimize` chooses by itself beside scikit-learn, SciPy and torch.optim.LBFGS.

**Problems.** The six of `generalized_linear.py` (logistic, softmax and Poisson, 100,000 x 200, isotropic and
correlated columns), the same three families and ridge on real tables (breast cancer, wine, digits, diabetes,
house prices with one column per zip code, credit with one column per level), all with the penalty 1/2 |w|^2
beside the sum of the rows' losses, intercept free; and l1: lasso on diabetes and on house prices, logistic on
breast cancer and credit.

**Accuracy.** Every answer is judged by one function: F(w) - F* in units of the mean loss, with F* the lowest
value known (ours at a tolerance of 1e-11, or any solver's; all are convex). For each solver the loosest
tolerance of a power of ten that brings it to 1e-8 or below counts; one that never gets there has no time. A
solver whose single fit takes longer than `--patience` seconds is tried at no further tolerance.

**Solvers.** `auto` is timed with the making of the objective and its certificates. scikit-learn: every solver
that fits the problem. SciPy: L-BFGS-B, BFGS, Newton-CG and trust-krylov on value, gradient and Hessian
product written in NumPy for the family. torch: `LBFGS` with its strong Wolfe search on the loss through
autograd. The fastest of several runs counts, by the process's own time on the processor where there is one
thread, which other work on the machine does not stop, and by the clock on the wall where there are more.

The summary has `auto` over the best peer on each problem, and the sum over all problems that a peer solved
over ours on the same ones.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import arguments, write

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ACCURACY = 1e-8


@dataclass(frozen=True)
class Problem:
    """One regression: mean loss over rows plus the penalty over the number of rows."""

    name: str
    family: str
    X: Any
    y: Any
    l1: float = 0.0


def synthetic(n: int, p: int) -> Iterator[Problem]:
    from generalized_linear import problems

    for family, columns, X, y in problems(n, p):
        yield Problem(f"{family}, {columns} {n} x {p}", family, X, y)


def tables() -> Iterator[Problem]:
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
    from sklearn.preprocessing import StandardScaler

    def scaled(X: Any) -> Any:
        return StandardScaler().fit_transform(X)

    cancer, wine, digits, diabetes = (
        load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_digits, load_diabetes)
    )
    price = pd.read_parquet(EXAMPLES / "house_prices.parquet")
    numbers = price.select_dtypes("number").drop(columns=["price", "zipcode"], errors="ignore")
    houses = np.column_stack([scaled(numbers), pd.get_dummies(price["zipcode"].astype(str)).to_numpy(float)])
    dear = (price["price"] > price["price"].median()).to_numpy(np.int64)
    logs = np.log(price["price"].to_numpy(float))
    credit = pd.read_csv(EXAMPLES / "credit_data.csv")
    status = (credit.pop("Status") == "bad").to_numpy(np.int64)
    levels = pd.get_dummies(credit.select_dtypes(exclude="number").fillna("none")).to_numpy(float)
    gaps = credit.select_dtypes("number")
    loans = np.column_stack([scaled(gaps.fillna(gaps.median())), levels])
    unit = (diabetes[1] - diabetes[1].mean()) / diabetes[1].std()
    yield Problem("logistic, breast cancer", "logistic", scaled(cancer[0]), cancer[1])
    yield Problem("softmax, wine", "softmax", scaled(wine[0]), wine[1])
    yield Problem("softmax, digits", "softmax", scaled(digits[0]), digits[1])
    yield Problem("ridge, diabetes", "gaussian", scaled(diabetes[0]), unit)
    yield Problem("ridge, house prices", "gaussian", houses, logs)
    yield Problem("logistic, house prices", "logistic", houses, dear)
    yield Problem("poisson, bedrooms of houses", "poisson", houses, price["bedrooms"].to_numpy(float))
    yield Problem("logistic, credit", "logistic", loans, status)
    yield Problem("lasso, diabetes", "gaussian", scaled(diabetes[0]), unit, 0.05)
    yield Problem("lasso, house prices", "gaussian", houses, logs, 0.001)
    yield Problem("l1 logistic, breast cancer", "logistic", scaled(cancer[0]), cancer[1], 0.005)
    yield Problem("l1 logistic, credit", "logistic", loans, status, 0.002)


class Numpy:
    """Value, gradient and Hessian product of a problem in NumPy; w is [K p + K], weights by class first."""

    def __init__(self, problem: Problem) -> None:
        import numpy as np

        self.X, self.y, self.family = problem.X, problem.y, problem.family
        self.n, self.p = problem.X.shape
        self.K = int(problem.y.max()) + 1 if problem.family == "softmax" else 1
        self.ridge = 0.0 if problem.l1 else 1.0 / self.n
        self.l1 = problem.l1
        self.rows = np.arange(self.n)
        self.size = self.K * (self.p + 1)

    def _scores(self, w: Any) -> Any:
        W, b = w[: self.K * self.p].reshape(self.K, self.p), w[self.K * self.p :]
        return self.X @ W.T + b

    def value_and_gradient(self, w: Any) -> tuple[float, Any]:
        import numpy as np
        from scipy.special import expit, gammaln, logsumexp, softmax

        eta = self._scores(w)
        with np.errstate(over="ignore"):
            if self.family == "softmax":
                loss = logsumexp(eta, axis=1) - eta[self.rows, self.y]
                slope = softmax(eta, axis=1)
                slope[self.rows, self.y] -= 1
            elif self.family == "logistic":
                eta = eta[:, 0]
                loss, slope = np.logaddexp(0, eta) - self.y * eta, (expit(eta) - self.y)[:, None]
            elif self.family == "poisson":
                eta = eta[:, 0]
                mean = np.exp(eta)
                loss, slope = mean - self.y * eta + gammaln(self.y + 1), (mean - self.y)[:, None]
            else:
                slope = eta - self.y[:, None]
                loss = 0.5 * slope[:, 0] ** 2
        inner = w[: self.K * self.p]
        value = float(loss.mean()) + 0.5 * self.ridge * float(inner @ inner)
        gradient = np.concatenate([(slope.T @ self.X).ravel() / self.n, slope.mean(0)])
        gradient[: self.K * self.p] += self.ridge * inner
        return value, gradient

    def product(self, w: Any, v: Any) -> Any:
        import numpy as np
        from scipy.special import expit, softmax

        eta, along = self._scores(w), self._scores(v)
        if self.family == "softmax":
            p = softmax(eta, axis=1)
            bent = p * (along - (p * along).sum(1, keepdims=True))
        elif self.family == "logistic":
            p = expit(eta)
            bent = p * (1 - p) * along
        else:
            bent = np.exp(eta) * along if self.family == "poisson" else along
        out = np.concatenate([(bent.T @ self.X).ravel() / self.n, bent.mean(0)])
        out[: self.K * self.p] += self.ridge * v[: self.K * self.p]
        return out

    def judge(self, w: Any) -> float:
        """The objective, with the l1 term."""
        import numpy as np

        return self.value_and_gradient(w)[0] + self.l1 * float(np.abs(w[: self.K * self.p]).sum())


def ours(problem: Problem) -> Callable[[float], Any]:
    import numpy as np

    from fivefold.objective import DataObjective, Linear
    from fivefold.optimize import minimize
    from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Poisson

    K = int(problem.y.max()) + 1 if problem.family == "softmax" else 1
    likelihood = {
        "logistic": Bernoulli,
        "softmax": lambda: Categorical(K),
        "poisson": Poisson,
        "gaussian": lambda: Gaussian(sd=1.0),
    }[problem.family]

    def run(tolerance: float) -> Any:
        model = Linear(problem.X.shape[1], outputs=K)
        prior = None if problem.l1 else GaussianPrior(1.0)
        F = DataObjective(model, likelihood(), (problem.X, problem.y), prior)
        end = minimize(F, tolerance=tolerance, l1=problem.l1 or None)
        return np.asarray(end.w)

    return run


def learn(problem: Problem) -> dict[str, Callable[[float], Any]]:
    """scikit-learn's solvers of a problem, each from a tolerance to w."""
    import numpy as np
    from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge

    X, y, n = problem.X, problem.y, len(problem.y)

    def flat(fit: Any) -> Any:
        coef, intercept = np.atleast_2d(fit.coef_), np.atleast_1d(fit.intercept_)
        return np.concatenate([coef.ravel(), intercept])

    def logistic(solver: str) -> Callable[[float], Any]:
        if problem.l1:
            how = {"C": 1 / (problem.l1 * n), "l1_ratio": 1.0}
            return lambda t: flat(
                LogisticRegression(solver=solver, tol=t, max_iter=20_000, random_state=0, **how).fit(X, y)
            )
        return lambda t: flat(LogisticRegression(solver=solver, tol=t, max_iter=20_000).fit(X, y))

    if problem.family in ("logistic", "softmax"):
        names = ("saga",) if problem.l1 else ("lbfgs", "newton-cholesky", "newton-cg")
        return {f"scikit-learn {name}": logistic(name) for name in names}
    if problem.family == "poisson":
        return {
            f"scikit-learn {name}": lambda t, name=name: flat(
                PoissonRegressor(alpha=1 / n, solver=name, tol=t, max_iter=20_000).fit(X, y)
            )
            for name in ("lbfgs", "newton-cholesky")
        }
    if problem.l1:
        return {"scikit-learn Lasso": lambda t: flat(Lasso(problem.l1, tol=t, max_iter=100_000).fit(X, y))}
    return {
        f"scikit-learn Ridge {name}": lambda t, name=name: flat(Ridge(1.0, solver=name, tol=t).fit(X, y))
        for name in ("cholesky", "svd", "lsqr")
    }


def general(problem: Problem, F: Numpy) -> dict[str, Callable[[float], Any]]:
    """SciPy's and torch's minimisers of smooth problems, each from a tolerance to w."""
    import numpy as np
    import torch
    from scipy.optimize import minimize

    if problem.l1:
        return {}
    start = np.zeros(F.size)

    def scipy(method: str) -> Callable[[float], Any]:
        second = {"hessp": F.product} if method in ("Newton-CG", "trust-krylov") else {}
        key = {"Newton-CG": "xtol"}.get(method, "gtol")
        most = {"maxiter": 20_000} | ({"maxfun": 40_000, "ftol": 0.0} if method == "L-BFGS-B" else {})

        def run(t: float) -> Any:
            found = minimize(
                F.value_and_gradient, start, jac=True, method=method, options={key: t, **most}, **second
            )
            return found.x

        return run

    X = torch.as_tensor(problem.X)
    y = torch.as_tensor(problem.y)

    def lbfgs(t: float) -> Any:
        w = torch.zeros(F.size, dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS(
            [w], max_iter=5000, tolerance_grad=t, tolerance_change=0, line_search_fn="strong_wolfe"
        )
        inner = F.K * F.p

        def closure() -> Any:
            search.zero_grad()
            eta = X @ w[:inner].reshape(F.K, F.p).T + w[inner:]
            if problem.family == "softmax":
                loss = torch.nn.functional.cross_entropy(eta, y)
            elif problem.family == "logistic":
                loss = torch.nn.functional.binary_cross_entropy_with_logits(eta[:, 0], y.double())
            elif problem.family == "poisson":
                loss = torch.nn.functional.poisson_nll_loss(eta[:, 0], y)
            else:
                loss = 0.5 * (eta[:, 0] - y).square().mean()
            loss = loss + 0.5 * F.ridge * w[:inner].square().sum()
            loss.backward()
            return loss

        search.step(closure)
        return w.detach().numpy()

    names = ["L-BFGS-B", "Newton-CG", "trust-krylov"] + (["BFGS"] if F.size <= 300 else [])
    return {f"SciPy {name}": scipy(name) for name in names} | {"torch LBFGS": lbfgs}


def timed(call: Callable[[float], Any], tolerance: float) -> tuple[float, Any]:
    import torch

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    w = call(tolerance)
    return clock() - start, w


def measure(problem: Problem, patience: float) -> list[dict[str, object]]:
    """Every solver on one problem."""
    import numpy as np

    F = Numpy(problem)
    calls = {"auto": ours(problem)} | learn(problem) | general(problem, F)
    reference = F.judge(ours(problem)(1e-11))
    tried: dict[str, list[tuple[float, float, float]]] = {}
    for name, call in calls.items():
        tried[name] = []
        for k in range(3, 13):
            seconds, w = timed(call, 10.0**-k)
            value = F.judge(w) if np.isfinite(w).all() else float("inf")
            tried[name].append((10.0**-k, value, seconds))
            if seconds > patience or value - reference <= 0.5 * ACCURACY * max(1.0, abs(reference)):
                break
    lowest = min(reference, *(value for runs in tried.values() for _, value, _ in runs))
    rows: list[dict[str, object]] = []
    for name, runs in tried.items():
        good = [run for run in runs if run[1] - lowest <= ACCURACY * max(1.0, abs(lowest))]
        tolerance, value, seconds = good[0] if good else runs[-1]
        repeats = 0 if seconds > 5 else 3 if seconds > 0.2 else 20
        for _ in range(repeats if good else 0):
            seconds = min(seconds, timed(calls[name], tolerance)[0])
        rows.append(
            {
                "problem": problem.name,
                "solver": name,
                "tolerance": tolerance,
                "excess": value - lowest,
                "reached": bool(good),
                "seconds": seconds,
            }
        )
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--patience", type=float, default=20.0)
    parser.add_argument("--only", default="", help="a part of the names of the problems to run")
    options = arguments(__doc__, parser)
    import torch

    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    rows: list[dict[str, object]] = []
    for problem in [*tables(), *synthetic(options.rows, options.columns)]:
        if options.only not in problem.name:
            continue
        found = measure(problem, options.patience)
        rows += found
        mine = next(row for row in found if row["solver"] == "auto")
        peers = sorted(
            (r for r in found if r["solver"] != "auto" and r["reached"]), key=lambda r: r["seconds"]
        )
        best = peers[0]
        print(
            f"{problem.name}: auto {mine['seconds']:.4g} s{'' if mine['reached'] else ' NOT REACHED'}, "
            f"best {best['solver']} {best['seconds']:.4g} s, ratio {mine['seconds'] / best['seconds']:.3g}",
            flush=True,
        )
    totals = []
    for solver in dict.fromkeys(row["solver"] for row in rows):
        done = {row["problem"]: row["seconds"] for row in rows if row["solver"] == solver and row["reached"]}
        same = sum(r["seconds"] for r in rows if r["solver"] == "auto" and r["problem"] in done)
        totals.append(
            {"solver": solver, "problems": len(done), "seconds": sum(done.values()), "auto on the same": same}
        )
        print(f"{solver}: {len(done)} problems, {sum(done.values()):.3g} s; auto on the same {same:.3g} s")
    if options.rows == 100_000 and not options.only:
        notes = {"clock": "the process's time on the processor" if options.threads == 1 else "the wall's"}
        write("optimize_convex", rows, threads=options.threads, notes=notes)
        write("optimize_convex_totals", totals, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
