"""PCA and truncated SVD beside scikit-learn's best solver, means far from zero included.

**Sizes.** 100,000 x 200 with deviations that fall evenly by a factor of 16, and 20,000 x 5,000 of rank 50
with noise of a thousandth; float32 and float64, ten components. Means at zero, or at 1,000 spreads.

**Peers.** `PCA` with the solvers `randomized`, `arpack` and, at the first size, `covariance_eigh` and `full`
(minutes at the second); `TruncatedSVD` with `randomized` and `arpack`.

**Error.** The largest relative error of the ten variances (singular values for the SVD), against float64
arithmetic on the centred rows. scikit-learn's best solver is its fastest among those with an error of at most
ten times ours, or of a millionth in float64 and a hundred-thousandth in float32; where none is, its most
accurate one.

**Seconds** are the fastest of three after a warm-up.

Run: ``python benchmarks/linalg_pca.py [--threads 2]``.
"""

from collections.abc import Callable
from typing import Any

from common import arguments, ratio, seconds, write

COMPONENTS = 10


def matrices() -> Any:
    """Yield a name, the spreads of the means and the matrix in float64."""
    import numpy as np

    rng = np.random.default_rng(0)
    scales = 2.0 ** -np.linspace(0, 4, 200)
    tall = rng.standard_normal((100_000, 200)) * scales @ np.linalg.qr(rng.standard_normal((200, 200)))[0]
    yield "100,000 x 200", tall
    left, right = rng.standard_normal((20_000, 50)), rng.standard_normal((50, 5_000)) / np.sqrt(50)
    left *= 2.0 ** -np.linspace(0, 4, 50)
    low = left @ right
    low += 1e-3 * rng.standard_normal(low.shape)
    yield "20,000 x 5,000 of rank 50", low


def solvers(task: str, tall: bool) -> dict[str, Callable[[Any], Any]]:
    """Every solver as a function from the matrix to the ten variances or singular values."""
    from sklearn.decomposition import PCA, TruncatedSVD

    from fivefold.linalg import pca, svd

    if task == "svd":

        def cut(solver: str) -> Callable[[Any], Any]:
            return lambda X: (
                TruncatedSVD(COMPONENTS, algorithm=solver, random_state=0).fit(X).singular_values_
            )

        return {
            "fivefold": lambda X: svd(X, COMPONENTS).values,
            **{s: cut(s) for s in ("randomized", "arpack")},
        }

    def peer(solver: str) -> Callable[[Any], Any]:
        return lambda X: PCA(COMPONENTS, svd_solver=solver, random_state=0).fit(X).explained_variance_

    names = ["randomized", "arpack", *(["covariance_eigh", "full"] if tall else [])]
    return {"fivefold": lambda X: pca(X, COMPONENTS).explained_variance, **{s: peer(s) for s in names}}


def main() -> None:
    """Measure, print the ratios, write the CSV."""
    options = arguments(__doc__)
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    rows: list[dict[str, object]] = []
    for name, base in matrices():
        tall = base.shape[1] < 1000
        for task, spreads in (("pca", 0), ("pca", 1000), ("svd", 0)):
            for dtype in ("f4", "f8"):
                X = (base + spreads).astype(dtype)
                wide = X.astype("f8")
                if task == "pca":
                    wide -= wide.mean(axis=0)
                truth = np.linalg.eigvalsh(wide.T @ wide)[::-1][:COMPONENTS]
                truth = truth / (len(X) - 1) if task == "pca" else np.sqrt(truth)
                del wide
                found: dict[str, tuple[float, float]] = {}
                for solver, call in solvers(task, tall).items():
                    error = float(np.abs(np.asarray(call(X), "f8") / truth - 1).max())
                    found[solver] = (seconds(lambda call=call, X=X: call(X), repeat=3).best, error)
                    rows.append(
                        {
                            "size": name,
                            "task": task,
                            "dtype": dtype,
                            "means, in spreads": spreads,
                            "library": "fivefold" if solver == "fivefold" else "scikit-learn",
                            "solver": solver,
                            "seconds": found[solver][0],
                            "error": error,
                        }
                    )
                    print(rows[-1], flush=True)
                own, error = found.pop("fivefold")
                allowed = max(10 * error, 1e-5 if dtype == "f4" else 1e-6)
                good = {s: t for s, (t, e) in found.items() if e <= allowed}
                best = min(good, key=lambda s: good[s]) if good else min(found, key=lambda s: found[s][1])
                title = f"{name}, {task}, {dtype}, means at {spreads}: seconds"
                print(ratio(own, found[best][0], title, f"scikit-learn's {best}"))
                print(f"    error {error:.1e} against {found[best][1]:.1e}")
                write("linalg_pca", rows, threads=options.threads)


if __name__ == "__main__":
    main()
