"""Hessian, Gauss-Newton and Fisher products and the making of their operators, beside curvlinops.

Peer: curvlinops-for-pytorch 3.0.1, the library of such operators for PyTorch, which is no dependency of
ours: install it beside (``pip install --target FOLDER curvlinops-for-pytorch``) and name the folder in
PYTHONPATH.

Fair because both get the same network (a convolutional one of about 100,000 parameters), the same 512
images in one batch, the same loss and the same vectors, and take turns; results are compared, and the
CSV states their relative difference. Construction is timed at each library's defaults: ours runs the
model forward once and looks for what stands in the way; theirs multiplies twice and compares, which is
left out in the row "construction unchecked". The first product is timed apart, for ours builds there the
graph that later products use again: the row "construction and 10 products" (both, and nine times the
median of the later ones) is what a user pays. Unfair would be to count either alone. The sampled Fisher
draws other targets in each library, so that only its time is compared.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from common import arguments, ratio, write

ROUNDS = 5


def main() -> None:
    """Measure, print the ratios, write the CSV."""
    options = arguments(__doc__)
    try:
        import curvlinops
    except ImportError:
        print("curvlinops-for-pytorch is not installed: nothing was measured")
        return
    import torch

    from fivefold.calculus import ModelFisher, ModelGaussNewton, ModelHessian
    from fivefold.probability import Categorical

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    nn = torch.nn
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
        nn.Flatten(), nn.Linear(1024, 72), nn.ReLU(), nn.Linear(72, 10),
    ).eval()  # fmt: skip
    X, y = torch.randn(512, 3, 16, 16), torch.randint(10, (512,))
    loss = nn.CrossEntropyLoss()
    parameters = dict(network.named_parameters())
    size = sum(p.numel() for p in parameters.values())
    vectors = [torch.randn(size) for _ in range(4)]

    def gradient() -> None:
        torch.autograd.grad(loss(network(X), y), list(parameters.values()))

    def theirs(name: str, **more: Any) -> Any:
        return getattr(curvlinops, name)(network, loss, list(parameters.values()), [(X, y)], **more)

    makers: dict[str, tuple[Callable[[], Any], Callable[..., Any]]] = {
        "Hessian": (
            lambda: ModelHessian(network, loss, (X, y)),
            lambda **more: theirs("HessianLinearOperator", **more),
        ),
        "Gauss-Newton": (
            lambda: ModelGaussNewton(network, loss, (X, y)),
            lambda **more: theirs("GGNLinearOperator", **more),
        ),
        "sampled Fisher": (
            lambda: ModelFisher(network, Categorical(10), X, kind="sampled"),
            lambda **more: theirs("FisherMCLinearOperator", **more),
        ),
        "empirical Fisher": (
            lambda: ModelFisher(network, Categorical(10), (X, y), kind="empirical"),
            lambda **more: theirs("EFLinearOperator", **more),
        ),
    }
    gradient()
    unit = statistics.median(timed(gradient) for _ in range(ROUNDS))
    print(f"one gradient: {1e3 * unit:.1f} ms, {size} parameters")
    rows: list[dict[str, object]] = []
    for name, (make, peer) in makers.items():
        taken: dict[str, list[float]] = {}
        difference = float("nan")
        for _turn in range(ROUNDS):
            for library, maker in (("fivefold", make), ("curvlinops", peer)):
                marks = taken.setdefault
                start = time.perf_counter()
                operator = maker()
                built = time.perf_counter()
                last = operator @ vectors[0]
                first = time.perf_counter()
                each = [timed(lambda v=v, operator=operator: operator @ v) for v in vectors[1:]]
                whole = first - start + 9 * statistics.median(each)
                marks(f"{library} construction", []).append(built - start)
                marks(f"{library} first product", []).append(first - built)
                marks(f"{library} product", []).append(statistics.median(each))
                marks(f"{library} construction and 10 products", []).append(whole)
                if library == "fivefold":
                    ours, ways = last, operator.ways
                else:
                    difference = float((ours - last).norm() / last.norm())
            start = time.perf_counter()
            peer(check_deterministic=False)
            taken.setdefault("curvlinops construction unchecked", []).append(time.perf_counter() - start)
        for key, values in taken.items():
            library, what = key.split(" ", 1)
            rows.append(
                {
                    "operator": name,
                    "library": library,
                    "quantity": what,
                    "median_milliseconds": 1e3 * statistics.median(values),
                    "fastest_milliseconds": 1e3 * min(values),
                    "gradients": statistics.median(values) / unit,
                    "relative_difference": difference if name != "sampled Fisher" else "",
                    "ways": "; ".join(ways) if library == "fivefold" else "",
                }
            )
        for what in ("product", "construction", "first product", "construction and 10 products"):
            ours_time, peer_time = (
                1e3 * statistics.median(taken[f"{library} {what}"]) for library in ("fivefold", "curvlinops")
            )
            print(ratio(ours_time, peer_time, f"{name}: ms per {what}", "curvlinops"))
        print(f"{name}: relative difference {difference:.1e}")
    write(
        "calculus_products",
        rows,
        threads=options.threads,
        notes={
            "peer": "curvlinops-for-pytorch 3.0.1",
            "data": f"512 images 3 x 16 x 16, 10 classes, float32; {size} parameters; seed 0",
            "one gradient": f"{1e3 * unit:.1f} ms",
        },
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
