"""Top five eigenvalues, trace and spectral density of a Hessian, beside curvlinops and hessian-eigenthings.

Peers: curvlinops-for-pytorch 3.0.1 (whose operator goes to SciPy's ARPACK for eigenvalues, as its
documentation does) and hessian-eigenthings 1.0.0a5. Neither is a dependency of ours: install them beside
(``pip install --target FOLDER ...``) and name the folders in PYTHONPATH.

Both networks have 5,000 rows in one batch, float32, and are trained for a few epochs. The float64 Hessian is
formed once, column by column, for reference: with it each library's error is measured, and the peers get the
fewest products with which they are as accurate as ours (rows "tuned"): the fewest Lanczos steps with
residuals below 1e-3 of the largest eigenvalue, the fewest Hutchinson probes by the exact variance of their
estimate and our standard error (or Hutch++ products, where fewer do), and the fewest Lanczos runs and steps
whose mean error is at most ours. Only who has the dense Hessian can tune them so; the rows "documented" have
the settings of hessian-eigenthings' README. curvlinops is told not to check its operator, which spares it
several products. Ours runs with its own stopping rules; construction is counted for all. Unfair would be to
compare at different accuracy, or to count products alone.

Times are medians over rounds in which the libraries take turns; the ratio is that of processor seconds, which
on one thread are wall-clock seconds less what other programs took of the core. On one thread:
``taskset -c 1 python benchmarks/theory_curvature.py --threads 1``.
"""

import math
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from common import arguments, ratio, write

ROUNDS = 3
ROWS = 5000
K = 5
BANDWIDTH = 0.025


def main() -> None:
    """Measure, print the ratios, write the CSV."""
    options = arguments(__doc__)
    try:
        import curvlinops  # noqa: F401
        import hessian_eigenthings  # noqa: F401
    except ImportError as missing:
        print(f"{missing.name} is not installed: nothing was measured")
        return
    import torch

    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    rows: list[dict[str, object]] = []
    for name in ("mlp", "cnn"):
        rows += measured(name, *trained(name))
    write(
        "theory_curvature",
        rows,
        threads=options.threads,
        notes={
            "peers": "curvlinops-for-pytorch 3.0.1 with SciPy's ARPACK, hessian-eigenthings 1.0.0a5",
            "data": f"{ROWS} rows in one batch, 10 classes by a random linear rule, float32; seed 0",
            "errors": "top 5: largest, relative to the first; trace: relative, rms over rounds; "
            "density: largest over the grid relative to its peak, mean over rounds",
        },
    )


def trained(name: str) -> tuple[Any, Any, Any, Any]:
    """A network, its loss, and its rows."""
    import torch

    nn = torch.nn
    torch.manual_seed(0)
    if name == "mlp":
        X = torch.randn(ROWS, 24)
        net = nn.Sequential(nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 20), nn.Tanh(), nn.Linear(20, 10))
    else:
        X = torch.randn(ROWS, 1, 8, 8)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24, 10),
        )  # fmt: skip
    y = (X.flatten(1) @ torch.randn(X[0].numel(), 10)).argmax(1)
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(5):
        for start in range(0, ROWS, 250):
            optimizer.zero_grad()
            loss(net(X[start : start + 250]), y[start : start + 250]).backward()
            optimizer.step()
    optimizer.zero_grad()
    return net, loss, X, y


def reference(net: Any, loss: Any, X: Any, y: Any) -> Any:
    """The Hessian in float64, through torch's own double backward."""
    import copy

    import torch

    wide = copy.deepcopy(net).double()
    parameters = list(wide.parameters())
    gradient = torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(loss(wide(X.double()), y), parameters, create_graph=True)]
    )
    lines = []
    for units in torch.eye(len(gradient), dtype=torch.float64).split(16):
        found = torch.autograd.grad(gradient, parameters, units, retain_graph=True, is_grads_batched=True)
        lines.append(torch.cat([part.reshape(len(units), -1) for part in found], dim=1))
    H = torch.cat(lines)
    return (H + H.mT) / 2


def measured(name: str, net: Any, loss: Any, X: Any, y: Any) -> list[dict[str, object]]:
    """Every task by every library on one network."""
    import curvlinops as cv
    import hessian_eigenthings as he
    import torch
    from scipy.sparse.linalg import eigsh

    from fivefold.calculus import ModelHessian
    from fivefold.linalg import Diagonal, trace
    from fivefold.linalg.probes import Prober
    from fivefold.linalg.stochastic_lanczos import lanczos_rules
    from fivefold.theory import curvature

    start = time.perf_counter()
    H = reference(net, loss, X, y)
    spectrum = torch.linalg.eigvalsh(H).flip(0)
    P, true_trace = len(H), float(spectrum.sum())
    print(f"{name}: {P} parameters, reference in {time.perf_counter() - start:.0f} s", flush=True)
    low, high = float(spectrum[-1]), float(spectrum[0])
    sigma = BANDWIDTH * (high - low)
    parameters = list(net.parameters())
    data = [(X, y)]

    def eigen_error(values: Any) -> float:
        found = torch.as_tensor(values, dtype=torch.float64).sort(descending=True).values
        return float((found - spectrum[:K]).abs().max()) / high

    def bells(x: Any, nodes: Any, width: float) -> Any:
        return (-0.5 * ((x[:, None] - nodes) / width) ** 2).exp() / (width * math.sqrt(2 * math.pi))

    def density_error(x: Any, density: Any, width: float) -> float:
        exact = bells(x.double(), spectrum, width).mean(1)
        return float((density.double() - exact).abs().max() / exact.max())

    # ours
    def our_all(seed: int, **more: Any) -> Any:
        return curvature(net, loss, (X, y), k=K, bandwidth=BANDWIDTH, seed=seed, **more)

    def our_errors(found: Any) -> dict[str, float]:
        out = {"top 5": eigen_error(found.eigenvalues)}
        if found.trace is not None:
            out["trace"] = abs(found.trace.value / true_trace - 1)
        if found.density is not None:
            d = found.density
            out["density"] = density_error(d.grid, d.density, d.bandwidth)
        return out

    trial = [our_all(seed) for seed in range(ROUNDS)]
    # a few runs can be lucky: of the trace its standard error counts, which is checked to cover in the tests
    goal_trace = statistics.fmean(each.trace.standard_error / abs(true_trace) for each in trial)
    goal_density = statistics.fmean(our_errors(each)["density"] for each in trial)

    # The peers' fewest products. Lanczos from a normal start is the same in the eigenbasis, and cheap.
    diagonal = he.LambdaOperator(lambda v: spectrum * v, P, dtype=torch.float64)
    grid = torch.linspace(low - 3 * sigma, high + 3 * sigma, 200, dtype=torch.float64)

    def residual(m: int) -> float:
        return float(
            he.lanczos(diagonal, k=K, max_iter=m, which="LA", seed=0, reorthogonalize=True).residuals.max()
        )

    def quadrature_error(runs: int, steps: int, seed: int) -> float:
        nodes, weights = lanczos_rules(Prober(Diagonal(spectrum), seed, "tuning"), runs, steps).gauss()
        return density_error(
            grid, sum(map(torch.mv, (bells(grid, n, sigma) for n in nodes), weights)) / runs, sigma
        )

    steps = next(m for m in range(10, 200, 2) if residual(m) <= 1e-3 * high)
    variance = 2 * (float((H**2).sum()) - float((H.diagonal() ** 2).sum()))
    probes = max(2, math.ceil(variance / (goal_trace * true_trace) ** 2))
    method = "hutchinson"
    generator = torch.Generator().manual_seed(0)

    def sketched_error(m: int) -> float:
        """Root mean square error of Hutch++ with m products, over 10 draws."""
        squares = []
        for _ in range(10):
            S, G = (torch.randint(2, (P, m // 3), generator=generator).double() * 2 - 1 for _ in range(2))
            Q = torch.linalg.qr(H @ S).Q
            G = G - Q @ (Q.mT @ G)
            value = float((Q * (H @ Q)).sum() + (G * (H @ G)).sum() / (m // 3))
            squares.append((value / true_trace - 1) ** 2)
        return math.sqrt(statistics.fmean(squares))

    sketched = next((m for m in range(6, min(probes, P), 6) if sketched_error(m) <= goal_trace), None)
    if sketched is not None:
        probes, method = sketched, "hutch++"
    runs, depth = min(
        (
            (r, m)
            for r in range(1, 13)
            for m in (10, 12, 15, 20, 25, 30)
            if statistics.fmean(quadrature_error(r, m, s) for s in range(20)) <= goal_density
        ),
        key=lambda pair: pair[0] * pair[1],
        default=(12, 30),
    )
    print(
        f"{name}: tuned: {steps} Lanczos steps, {probes} {method} probes, {runs} runs of {depth} steps",
        flush=True,
    )

    def peer_density(operator: Any, runs: int, steps: int, seed: int) -> float:
        found = he.spectral_density(
            operator, num_runs=runs, lanczos_steps=steps, sigma=sigma, seed=1000 * seed, num_grid_points=10
        )
        values = sum(
            bells(grid, nodes.double(), sigma) @ weights.double()
            for nodes, weights in zip(found.raw_eigenvalues, found.raw_weights, strict=True)
        )
        return density_error(grid, values / runs, sigma)

    def he_operator() -> Any:
        return he.HessianOperator(net, data, he.supervised_loss(loss))

    def error_of_trace(value: float) -> float:
        return abs(value / true_trace - 1)

    def he_top(m: int) -> Callable[[int], float]:
        return lambda seed: eigen_error(
            he.lanczos(
                he_operator(), k=K, max_iter=m, which="LA", seed=seed, reorthogonalize=True
            ).eigenvalues
        )

    def cv_operator() -> Any:
        return cv.HessianLinearOperator(net, loss, parameters, data, check_deterministic=False)

    def cv_top(seed: int) -> float:
        return eigen_error(eigsh(cv_operator().to_scipy(), k=K, which="LA", tol=1e-3)[0].copy())

    def cv_trace(seed: int) -> float:
        torch.manual_seed(seed)
        estimate = cv.hutchinson_trace if method == "hutchinson" else cv.hutchpp_trace
        return abs(float(estimate(cv_operator(), probes)) / true_trace - 1)

    def cv_density(seed: int) -> float:
        torch.manual_seed(seed)
        margin = 0.05
        # their width of a bump is relative to [-1, 1] with margins: the same in the matrix's units
        half = (1 + 2 * margin) * (high - low) / 2
        kappa = math.exp((2 / (depth - 1) / (sigma / half)) ** 2 / 8)
        x, density = cv.lanczos_approximate_spectrum(
            cv_operator(), depth, num_points=200, num_repeats=runs, kappa=kappa, margin=margin
        )
        return density_error(x, density, sigma)

    def our_trace(seed: int) -> float:
        return error_of_trace(
            trace(ModelHessian(net, loss, (X, y)), tolerance=0.05, products=200, seed=seed).value
        )

    def he_trace(m: int, method: str) -> Callable[[int], float]:
        return lambda seed: error_of_trace(
            he.trace(he_operator(), num_matvecs=m, method=method, seed=seed).estimate
        )

    tasks: dict[tuple[str, str, str], Callable[[int], float]] = {
        ("fivefold", "own", "top 5"): lambda seed: our_errors(
            our_all(seed, density=False, with_trace=False, probes=1)
        )["top 5"],
        ("fivefold", "own", "trace"): our_trace,
        ("fivefold", "own", "density"): lambda seed: our_errors(our_all(seed, with_trace=False))["density"],
        ("fivefold", "own", "all three"): lambda seed: our_errors(our_all(seed))["trace"],
        ("hessian-eigenthings", "tuned", "top 5"): he_top(steps),
        ("hessian-eigenthings", "tuned", "trace"): he_trace(probes, method),
        ("hessian-eigenthings", "tuned", "density"): lambda s: peer_density(he_operator(), runs, depth, s),
        ("hessian-eigenthings", "documented", "top 5"): he_top(2 * K),
        ("hessian-eigenthings", "documented", "trace"): he_trace(99, "hutch++"),
        ("hessian-eigenthings", "documented", "density"): lambda s: peer_density(he_operator(), 8, 40, s),
        ("curvlinops", "tuned", "top 5"): cv_top,
        ("curvlinops", "tuned", "trace"): cv_trace,
        ("curvlinops", "tuned", "density"): cv_density,
    }
    taken: dict[tuple[str, str, str], list[float]] = {key: [] for key in tasks}
    wall: dict[tuple[str, str, str], list[float]] = {key: [] for key in tasks}
    errors: dict[tuple[str, str, str], list[float]] = {key: [] for key in tasks}
    for turn in range(-1, ROUNDS):  # the first is the warm-up
        for key, task in tasks.items():
            begun, processor = time.perf_counter(), time.process_time()
            error = task(max(turn, 0))
            if turn >= 0:
                taken[key].append(time.process_time() - processor)
                wall[key].append(time.perf_counter() - begun)
                errors[key].append(error)
    for library, settings in dict.fromkeys(key[:2] for key in tasks):
        if library != "fivefold":
            key = (library, settings, "all three")
            for times in (taken, wall):
                parts = [times[library, settings, what] for what in ("top 5", "trace", "density")]
                times[key] = [sum(each) for each in zip(*parts, strict=True)]
            errors[key] = errors[library, settings, "trace"]
    out: list[dict[str, object]] = []
    for (library, settings, what), seconds in taken.items():
        ours = statistics.median(taken["fivefold", "own", what])
        theirs = statistics.median(seconds)
        rms = what in ("trace", "all three")
        error = errors[library, settings, what]
        out.append(
            {
                "network": name,
                "parameters": P,
                "task": what,
                "library": library,
                "settings": settings,
                "processor_seconds": theirs,
                "fastest_processor_seconds": min(seconds),
                "wall_seconds": statistics.median(wall[library, settings, what]),
                "ours_over_this": ours / theirs,
                "error": math.sqrt(statistics.fmean(e * e for e in error))
                if rms
                else statistics.fmean(error),
            }
        )
        if library != "fivefold":
            print(ratio(ours, theirs, f"{name}: seconds for {what}", f"{library} ({settings})"))
    return out


if __name__ == "__main__":
    main()
