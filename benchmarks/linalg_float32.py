"""float32 where others are silently wrong: means far from zero, more than half a million rows.

Least squares with intercept (600,000 x 40) and PCA (200,000 x 100, ten components) on float32 rows whose
means lie 0 to 10,000 spreads from zero, beside scikit-learn's ``LinearRegression`` (its defaults),
``Ridge`` with a penalty near zero, and ``PCA`` with each solver that suits the size. Errors are relative to
the largest coefficient or variance, against float64 arithmetic on the centred rows; 6e-8 is the rounding of
float32. Seconds are the fastest of three after a warm-up.

Run: ``python benchmarks/linalg_float32.py [--threads 2]``.
"""

from collections.abc import Callable

from common import arguments, seconds, write


def main() -> None:
    options = arguments(__doc__)
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression, Ridge

    from fivefold.linalg import lstsq_batches, pca

    rows: list[dict[str, object]] = []

    def record(problem: str, spreads: int, solver: str, found: object, truth: object, call: Callable) -> None:
        error = float(np.abs(np.asarray(found, "f8") - truth).max() / np.abs(truth).max())
        entry = {"problem": problem, "means, in spreads": spreads, "solver": solver, "error": error}
        rows.append({**entry, "seconds": seconds(call, repeat=3).best})
        print(rows[-1])

    rng = np.random.default_rng(0)
    noise = rng.standard_normal((600_000, 40), dtype="f4")
    weights = rng.standard_normal(40)
    for spreads in (0, 10, 1000, 10_000):
        X = noise + np.float32(spreads)
        wide = X.astype("f8")
        y = (wide @ weights + rng.standard_normal(len(X))).astype("f4")
        wide -= wide.mean(axis=0)
        right = y.astype("f8")
        truth = np.linalg.solve(wide.T @ wide, wide.T @ (right - right.mean()))
        solvers = {
            "fivefold": lambda X=X, y=y: lstsq_batches([(X, y)], intercept=True).x,
            "LinearRegression": lambda X=X, y=y: LinearRegression().fit(X, y).coef_,
            "Ridge(1e-6)": lambda X=X, y=y: Ridge(1e-6).fit(X, y).coef_,
        }
        for solver, call in solvers.items():
            record("least squares 600000 x 40", spreads, solver, call(), truth, call)
    scales = 2.0 ** -np.linspace(0, 4, 100)
    mixed = rng.standard_normal((200_000, 100)) * scales @ np.linalg.qr(rng.standard_normal((100, 100)))[0]
    for spreads in (0, 5, 100, 1000):
        X = (mixed + spreads).astype("f4")
        wide = X.astype("f8")
        wide -= wide.mean(axis=0)
        truth = np.linalg.eigvalsh(wide.T @ wide / (len(X) - 1))[::-1][:10]
        record(
            "pca 200000 x 100",
            spreads,
            "fivefold",
            pca(X, 10).explained_variance,
            truth,
            lambda X=X: pca(X, 10),
        )
        for solver in ("covariance_eigh", "full", "randomized"):

            def fit(X: object = X, solver: str = solver) -> object:
                return PCA(10, svd_solver=solver, random_state=0).fit(X)

            record("pca 200000 x 100", spreads, f"PCA {solver}", fit().explained_variance_, truth, fit)
    write("linalg_float32", rows, threads=options.threads)


if __name__ == "__main__":
    main()
