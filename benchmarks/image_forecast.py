"""What short trainings of pictures say of long ones: how far the forecasts of `fivefold fit` are off.

    python benchmarks/image_forecast.py [--images FOLDER] [--most 400000] [--seeds 0,1]

FOLDER holds Fashion-MNIST (Debian's ``dataset-fashion-mnist``); without it scikit-learn's digits are measured
alone. Data: all of Fashion-MNIST, 3,000 of its training pictures, and the digits. Each network of a few is
trained from first weights by the recipe of a fit, with its complete schedule, so that it sees 3 times as many
pictures each time, to ``--most`` or 150 passes, and is judged on the test pictures.

From every two trainings in a row the error of each longer one is forecast, as a fit does. ``slope`` is that
from one training to the next on logarithmic axes. Written are the trainings; the head of the result says the
median slope, the bias and the spread of log(forecast / measured) by factor of extrapolation, and how often
the measured error lay within the band that is to hold it nine times in ten.

writes ``benchmarks/results/image_forecast.csv``.
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import arguments, write

FEW = 3_000
NETWORKS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("speedrun", {"widths": (16, 32, 32)}, 9),
    ("speedrun", {"widths": (32, 64, 128)}, 9),
    ("resnet20", {}, 8),
)
"""Name, options, smallest side."""


def sets(folder: Path | None, seed: int) -> list[tuple[str, Any]]:
    """Divided pictures by name."""
    import numpy as np
    from sklearn.datasets import load_digits

    from fivefold.tasks.images.image_set import ImageSet
    from fivefold.tasks.images.material import Material, divide, part_of
    from fivefold.tasks.images.read import read_images

    def divided(images: ImageSet) -> Material:
        return divide(images, np.arange(len(images.labels)), seed)

    found: list[tuple[str, Any]] = []
    if folder is not None:
        material = divided(read_images(folder))
        found.append(("fashion", material))
        few = part_of(len(material.train), FEW, material.images.labels[material.train], seed, "few")
        parts = material.train[few], material.held, material.test
        found.append(
            (f"fashion, {FEW:,}", Material(material.images, *parts, material.given, False, material.twins))
        )
    bunch = load_digits()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "digits.npz"
        np.savez(path, X=np.round(bunch.images * 15.9375).astype(np.uint8), y=bunch.target)
        found.append(("digits", divided(read_images(path))))
    return found


def trained(candidate: Any, material: Any, seen: float, seed: int) -> tuple[int, float]:
    """Pictures that a training saw, and its share of wrong answers on the test pictures."""
    import torch

    from fivefold.tasks.images.material import part_of
    from fivefold.tasks.images.recipe import outputs, recipe_for, train_network
    from fivefold.tasks.images.transfer import begin

    pictures, _, test = material.pictures(candidate.height, candidate.width)
    recipe = recipe_for(candidate, len(pictures), seen)
    rows = part_of(len(pictures), recipe.pictures, material.images.labels[material.train], seed, "trial")
    module = begin(candidate, pictures, material.classes, seed, None)
    chosen = pictures[torch.from_numpy(rows)]
    train_network(module, recipe, chosen, material.labels(material.train[rows]), seed)
    wrong = outputs(module, test).argmax(1) != material.labels(material.test)
    return recipe.epochs * recipe.pictures, float(wrong.double().mean())


def summary(rows: list[dict[str, Any]]) -> dict[str, str]:
    """What the forecasts of these trainings were worth."""
    from fivefold.tasks.images.forecast import forecast_error

    lines: dict[tuple[str, ...], list[tuple[float, float, int]]] = {}
    for row in rows:
        lines.setdefault((row["data"], row["network"], str(row["seed"])), []).append(
            (row["seen"], row["error"], row["judged"])
        )
    by_steps: dict[int, list[tuple[float, bool]]] = {}
    for points in lines.values():
        for k in range(1, len(points) - 1):
            (s, e, _), (s2, e2, judged) = points[k - 1], points[k]
            for later in range(k + 1, len(points)):
                wanted, error, _ = points[later]
                told = forecast_error((s, s2), (e, e2), wanted, judged)
                off = math.log(told.error / max(error, 1e-4))
                by_steps.setdefault(later - k, []).append((off, told.low <= error <= told.high))
    slopes = [row["slope"] for row in rows if row["slope"] != ""]
    notes = {"median slope": f"{statistics.median(slopes):.3f} over {len(slopes)} pairs of trainings"}
    for steps, found in sorted(by_steps.items()):
        offs = [off for off, _ in found]
        within = sum(inside for _, inside in found)
        spread = math.sqrt(statistics.fmean([off * off for off in offs]))
        notes[f"forecasts of {3**steps} times as many pictures"] = (
            f"{len(found)}; log(forecast / measured) {statistics.fmean(offs):+.2f} on average, "
            f"root mean square {spread:.2f}; {within} within their band"
        )
    return notes


def main() -> None:
    """Train, forecast, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=None, help="the folder of Fashion-MNIST's IDX files")
    parser.add_argument("--most", type=float, default=400_000.0, help="most pictures that a training sees")
    parser.add_argument("--seeds", default="0,1")
    options = arguments(__doc__, parser)
    import torch

    from fivefold.tasks.images.candidate import Candidate
    from fivefold.tasks.images.recipe import MOST_EPOCHS

    torch.set_num_threads(options.threads)
    rows: list[dict[str, Any]] = []
    for seed in map(int, options.seeds.split(",")):
        for name, material in sets(options.images, seed):
            height, width = material.images.sizes[0].tolist()
            count = len(material.train)
            for architecture, own, least in NETWORKS:
                if min(height, width) < least:
                    continue
                candidate = Candidate(architecture, height, width, own)
                wanted, last = max(1_000.0, 2.0 * count / 3**3), None
                while wanted <= min(options.most, MOST_EPOCHS * count):
                    begun = time.perf_counter()
                    seen, error = trained(candidate, material, wanted, seed)
                    slope: Any = ""
                    if last is not None:
                        slope = math.log(max(last[1], 1e-4) / max(error, 1e-4)) / math.log(seen / last[0])
                    rows.append(
                        {
                            "data": name,
                            "network": candidate.name,
                            "seed": seed,
                            "training pictures": count,
                            "judged": len(material.test),
                            "seen": seen,
                            "error": error,
                            "slope": slope,
                            "seconds": time.perf_counter() - begun,
                        }
                    )
                    print(rows[-1], flush=True)
                    last, wanted = (seen, error), 3 * wanted
    notes = summary(rows)
    for key, text in notes.items():
        print(f"{key}: {text}")
    write("image_forecast", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
