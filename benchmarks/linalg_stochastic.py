"""Trace, diagonal, log-determinant and density beside curvlinops, at equal products; and do the errors hold?

Run: ``python benchmarks/linalg_stochastic.py [--threads 2] [--seeds 200]``. Symmetric matrices of size 1000
with random eigenvectors, so that no basis is favoured, on six spectra: :math:`i^{-2}`, :math:`i^{-1/2}`,
ten large outliers over a uniform bulk, flat (uniform in 0.5..1.5), 21 equal outliers (one more than Hutch++
with thirds of 60 products deflates) and a single outlier of 10,000 times the bulk.
Every estimator of traces and diagonals gets 60 products and the same 200 seeds, and the relative root mean
squared errors are compared; where a standard error is stated, also the share of the 95% intervals that hold
the true value, with its Wilson interval. For vectors (diagonal, density) that share is the mean over
entries. Log-determinants and densities get 400 products; curvlinops has no log-determinant and states no
errors. Its density (Papyan's Lanczos quadrature) gets the same grid, the same bandwidth, and the true ends of
the spectrum, which fivefold has to find; it leaves the depth to its caller, so 20 runs of depth 20 and 8 of
depth 50 are shown (an eighth of the seeds: no rate is measured on them), while fivefold chooses. The measures
behind both densities are compared, too: Wasserstein's distance between nodes and weights and the exact
spectrum, relative to the mean eigenvalue. What would be unfair: curvlinops checks nothing, fivefold checks
every product; so seconds are written, not compared.

curvlinops is no dependency: ``pip install curvlinops-for-pytorch`` beside fivefold; without it only fivefold
runs.
"""

import argparse
import functools
import importlib.metadata
import importlib.util
import math
import time
from collections.abc import Callable
from typing import Any

from common import arguments, ratio, write

SIZE, PRODUCTS, MANY = 1000, 60, 400


def spectra() -> dict[str, Any]:
    import torch

    g = torch.Generator().manual_seed(5)
    i = torch.arange(1, SIZE + 1, dtype=torch.float64)
    bulk = torch.rand(SIZE, generator=g, dtype=torch.float64)

    def topped(top: Any) -> Any:
        return torch.cat([top.double(), 0.01 + bulk[len(top) :]])

    return {
        "i^-2": i**-2,
        "i^-1/2": i**-0.5,
        "ten outliers": topped(torch.linspace(100, 1000, 10)),
        "flat": 0.5 + bulk,
        "21 equal outliers": topped(torch.full((21,), 1000.0)),
        "one outlier": topped(torch.tensor([1e4])),
    }


def wilson(share: float, runs: int, z: float = 1.959964) -> tuple[float, float]:
    centre, scale = share + z * z / (2 * runs), 1 + z * z / runs
    half = z * math.sqrt(share * (1 - share) / runs + z * z / (4 * runs**2))
    return (centre - half) / scale, (centre + half) / scale


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200, help="seeds of each estimator (default: 200)")
    options = arguments(__doc__, parser)

    import torch
    from scipy.stats import wasserstein_distance

    from fivefold.linalg import LinearOperator, diagonal, logdet, spectral_density, trace

    torch.set_num_threads(options.threads)
    peer = importlib.util.find_spec("curvlinops") is not None

    class Products(LinearOperator):
        """A matrix that shows its products alone."""

        def __init__(self, matrix: torch.Tensor) -> None:
            super().__init__(tuple(matrix.shape), symmetric=True)
            self.matrix = matrix

        def _matmat(self, X: torch.Tensor) -> torch.Tensor:
            return self.matrix @ X

        def _adjoint(self) -> LinearOperator:
            return self

    rows: list[dict[str, object]] = []
    errors: dict[tuple[str, str, str], float] = {}

    def measure(
        what: str,
        spectrum: str,
        method: str,
        call: Callable[[int], Any],
        truth: Any,
        size: float | None = None,
        spent: int = PRODUCTS,
        seeds: int = options.seeds,
    ) -> None:
        truth = torch.as_tensor(truth, dtype=torch.float64)
        squares = inside = stated = products = 0.0
        states = True
        start = time.perf_counter()
        for seed in range(seeds):
            result = call(seed)
            if isinstance(result, torch.Tensor):
                value, states, products = result, False, products + spent
            else:
                value = torch.as_tensor(getattr(result, "value", getattr(result, "density", None)))
                low, high = result.interval()
                inside += float(
                    ((torch.as_tensor(low) <= truth) & (truth <= torch.as_tensor(high))).double().mean()
                )
                stated += float((torch.as_tensor(result.standard_error) ** 2).sum())
                products += result.products
            squares += float(((value - truth) ** 2).sum())
        seconds = (time.perf_counter() - start) / seeds
        size = float(torch.linalg.vector_norm(truth)) if size is None else size
        error = math.sqrt(squares / seeds) / size
        errors[what, spectrum, method] = error
        share = inside / seeds
        ends = wilson(share, seeds) if states else ("", "")
        rows.append(
            {
                "quantity": what,
                "spectrum": spectrum,
                "method": method,
                "seeds": seeds,
                "products": round(products / seeds, 1),
                "relative RMSE": error,
                "stated relative error": math.sqrt(stated / seeds) / size if states else "",
                "coverage of 95%": share if states else "",
                "Wilson low": ends[0],
                "Wilson high": ends[1],
                "seconds": seconds,
            }
        )
        cover = f"stated {rows[-1]['stated relative error']:.2e}, covers {share:.3f}" if states else ""
        print(f"{what:9s} {spectrum:18s} {method:24s} {error:.2e} {cover}", flush=True)

    basis = torch.linalg.qr(
        torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ).Q

    def compare(name: str, values: torch.Tensor) -> None:
        matrix = (basis * values) @ basis.mT
        matrix = (matrix + matrix.mT) / 2
        A, total, entries = Products(matrix), float(values.sum()), matrix.diagonal()
        fixed: dict[str, Any] = {"products": PRODUCTS, "tolerance": 0.0}
        for method in ("auto", "xtrace", "hutchinson"):
            measure("trace", name, method, lambda s, m=method: trace(A, method=m, seed=s, **fixed), total)
        measure("trace", name, "auto, tolerance 1%", lambda s: trace(A, seed=s, products=900), total)
        for method in ("auto", "xdiag"):
            measure(
                "diagonal", name, method, lambda s, m=method: diagonal(A, method=m, seed=s, **fixed), entries
            )
        if peer:
            from curvlinops import hutchinson_trace, hutchpp_trace, xdiag, xtrace

            def seeded(call: Callable[..., Any], A: torch.Tensor = matrix) -> Callable[[int], Any]:
                def run(seed: int) -> Any:
                    torch.manual_seed(seed)
                    return call(A, PRODUCTS)

                return run

            peers = {"hutch++": hutchpp_trace, "xtrace": xtrace, "hutchinson": hutchinson_trace}
            for method, call in peers.items():
                measure("trace", name, f"curvlinops {method}", seeded(call), total)
            measure("diagonal", name, "curvlinops xdiag", seeded(xdiag), entries)
        many: dict[str, Any] = {"products": MANY, "tolerance": 0.0}
        log = float(values.log().sum())
        measure("logdet", name, f"lanczos, {MANY} products", lambda s: logdet(A, seed=s, **many), log)
        low, high = float(values.min()), float(values.max())
        grid, sigma = torch.linspace(low, high, 21, dtype=torch.float64), (high - low) / 20
        bells = torch.exp(-0.5 * ((grid - values[:, None]) / sigma) ** 2).mean(0) / (
            sigma * math.sqrt(2 * math.pi)
        )
        mean = float(values.abs().mean())

        @functools.cache
        def smoothed(seed: int) -> Any:
            return spectral_density(A, grid=grid, bandwidth=sigma, seed=seed, **many)

        def distance(nodes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            away = wasserstein_distance(values.numpy(), nodes.numpy(), None, weights.numpy())
            return torch.tensor(away, dtype=torch.float64)

        def between(seed: int) -> torch.Tensor:
            found = smoothed(seed)
            return distance(found.nodes, found.weights)

        measure("density", name, f"lanczos, {MANY} products", smoothed, bells)
        measure("measure", name, f"lanczos, {MANY} products", between, 0.0, size=mean, spent=MANY)
        if not peer:
            return
        from curvlinops.papyan2020traces.spectrum import fast_lanczos, lanczos_approximate_spectrum_from_iter

        few = max(1, options.seeds // 8)
        for depth in (20, 50):
            runs = MANY // depth
            kappa = math.exp(((high - low) / (depth - 1) / sigma) ** 2 / 8)  # its name for this bandwidth

            @functools.cache
            def lanczos(seed: int, depth: int = depth, runs: int = runs) -> Any:
                torch.manual_seed(seed)
                return [fast_lanczos(matrix, depth) for _ in range(runs)]

            def theirs(seed: int, lanczos: Any = lanczos, kappa: float = kappa) -> Any:
                ends = (low, high)
                found = [
                    lanczos_approximate_spectrum_from_iter(one, ends, len(grid), kappa, 0.0)[1]
                    for one in lanczos(seed)
                ]
                return torch.stack(found).mean(dim=0)

            def apart(seed: int, lanczos: Any = lanczos) -> Any:
                nodes = torch.cat([pair[0] for pair in lanczos(seed)])
                weights = torch.cat([pair[1][0] ** 2 for pair in lanczos(seed)])
                return distance(nodes, weights / weights.sum())

            method = f"curvlinops, {runs} runs of depth {depth}"
            measure("density", name, method, theirs, bells, spent=MANY, seeds=few)
            measure("measure", name, method, apart, 0.0, size=mean, spent=MANY, seeds=few)

    for name, values in spectra().items():
        compare(name, values)
    if peer:
        for name in spectra():
            best = min(
                errors["trace", name, f"curvlinops {method}"]
                for method in ("hutch++", "xtrace", "hutchinson")
            )
            for method in ("auto", "xtrace"):
                what = f"trace error, {name}, {method} / best of curvlinops'"
                print(ratio(errors["trace", name, method], best, what, "curvlinops"))
            theirs = errors["diagonal", name, "curvlinops xdiag"]
            print(ratio(errors["diagonal", name, "auto"], theirs, f"diagonal error, {name}", "curvlinops"))
            for what in ("density", "measure"):
                best = min(
                    error for key, error in errors.items() if key[:2] == (what, name) and "runs" in key[2]
                )
                ours = errors[what, name, f"lanczos, {MANY} products"]
                print(ratio(ours, best, f"{what} error, {name}", "curvlinops"))
    notes = {"size": str(SIZE), "seeds": str(options.seeds)}
    if peer:
        notes["curvlinops-for-pytorch"] = importlib.metadata.version("curvlinops-for-pytorch")
    write("linalg_stochastic", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
