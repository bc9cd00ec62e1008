"""Evolution of architectures beside random search over the same blocks, and beside networks drawn by hand.

Data: Fashion-MNIST below the folder that ``--images`` names (IDX files, plain or gz, as ``dpkg -x`` of
Debian's ``dataset-fashion-mnist`` leaves them); without it nothing is measured. ``--rows`` training pictures
are drawn by the seed, a fifth of them held apart for the search; the 10,000 test pictures are seen once, at
the end.

1. *Search*: evolution and random search get the same pictures, the same space, the same fitness (seconds of
   one training, early stopping, limits), the same seed and the same wall-clock budget, ``--minutes`` each.
   Evolution's children begin with their parents' weights; random draws have no parents. ``validation`` is the
   accuracy that the search saw: the largest of many, hence too high.
2. *Final*: the network that each found is trained from first weights for ``--final`` seconds by one recipe
   (AdamW, cosine, batches of 64), and judged on the test pictures. So are LeNet-5 (pictures padded to 32 x
   32), ResNet-20 and ShuffleNet V2 x0.5. As those need no search, with the seeds of ``--longer`` they are
   trained a second time for the final seconds and the minutes together: what is a search worth to whom only
   the time counts?

The result is written after each seed; ``--add`` keeps the rows of other seeds that it holds already, so that
seeds may be measured on different days.

``latency_ms`` is that of one picture, after ``--threads``. Seconds of trainings are planned from the measured
milliseconds of an update. Printed are paired differences over seeds with their t interval (seeds share the
test pictures and differ in everything else) and the rows that nothing beats in error and latency.
"""

import argparse
import gzip
import time
from pathlib import Path
from typing import Any

from common import RESULTS, arguments, paired_interval, read, write

HAND = ("lenet5", "resnet20", "shufflenet_v2_x0_5")
BATCH, RATE = 64, 1e-2


def idx(folder: Path, name: str) -> Any:
    """The array of an IDX file of bytes, plain or gz, anywhere below a folder; ``None`` without one."""
    import numpy as np

    for file in sorted(folder.rglob(f"{name}*")):
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        sizes = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(data[3])]
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)
    return None


def trained_for(network: Any, data: Any, seconds: float, seed: int) -> tuple[int, float]:
    """Train from first weights for so many seconds; return updates and milliseconds of one."""
    import copy

    import torch
    from torch.utils.data import DataLoader

    from fivefold.networks.stopwatch import call_seconds
    from fivefold.optimize import cross_entropy_loss, train
    from fivefold.tasks.images.design.prepared import PictureStream, Stretches

    rehearsal = copy.deepcopy(network).to(memory_format=torch.channels_last).train()
    X, y = PictureStream(data).__getitems__(torch.arange(BATCH))
    X = X.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        rehearsal.zero_grad(set_to_none=True)
        cross_entropy_loss(rehearsal(X), y).backward()

    spent = 1000 * call_seconds(step)
    updates = max(8, int(1000 * seconds / spent))
    batches = Stretches(len(data.labels), BATCH, updates, seed=seed)
    loader: Any = DataLoader(PictureStream(data), batch_sampler=batches, collate_fn=lambda batch: batch)
    train(network, loader, loss="cross-entropy", epochs=1, learning_rate=RATE, weight_decay=1e-2,
          layout="channels-last", seed=seed)  # fmt: skip
    return updates, spent


def judged(network: Any, data: Any, X: Any, y: Any) -> tuple[float, float]:
    """Accuracy on test pictures, and milliseconds of one."""
    import torch

    from fivefold.networks.stopwatch import call_seconds
    from fivefold.tasks.images.design.prepared import normalise

    one = normalise(X[:1], data.mean, data.std)
    right = 0
    with torch.no_grad():
        for pictures, labels in zip(X.split(500), y.split(500), strict=True):
            out = network.eval()(normalise(pictures, data.mean, data.std))
            right += int((out.argmax(1) == labels).sum())
        latency = 1000 * call_seconds(lambda: network(one))
    return right / len(y), latency


def numbers(text: str) -> list[int]:
    """Whole numbers between commas; none of an empty text."""
    return [int(part) for part in text.split(",") if part]


def compared(rows: list[dict[str, object]]) -> dict[str, str]:
    """Lines for the head: means, paired differences by seed, and what nothing beats in error and latency."""
    by: dict[str, dict[int, float]] = {}
    for row in rows:
        by.setdefault(str(row["method"]), {})[int(str(row["seed"]))] = float(str(row["test_accuracy"]))
    ours, notes = by["evolution"], {}
    for method, values in by.items():
        line = f"mean test accuracy {sum(values.values()) / len(values):.4f} of {len(values)} seeds"
        if method != "evolution" and len(values) > 1:
            mean, low, high = paired_interval([ours[seed] - value for seed, value in values.items()])
            line += f"; evolution minus this {mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        notes[method] = line
    points = [(float(str(row["test_accuracy"])), float(str(row["latency_ms"]))) for row in rows]
    front = [
        f"{row['method']} of seed {row['seed']} ({right:.4f}, {latency:.2f} ms)"
        for row, (right, latency) in zip(rows, points, strict=True)
        if not any(better > right and faster < latency for better, faster in points)
    ]
    notes["front of accuracy and latency"] = "; ".join(front)
    for name, said in notes.items():
        print(f"{name}: {said}")
    return notes


def main() -> None:
    """Search, train, judge, print, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=None, help="folder below which Fashion-MNIST lies")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each search")
    parser.add_argument("--final", type=float, default=60.0, help="seconds of each final training")
    parser.add_argument("--seeds", type=numbers, default="0,1,2,3,4")
    parser.add_argument(
        "--longer", type=numbers, default="0,1", help="seeds of the second hand-drawn training"
    )
    parser.add_argument("--add", action="store_true", help="keep the rows of other seeds")
    parser.add_argument("--rows", type=int, default=10_000, help="training pictures")
    parser.add_argument("--population", type=int, default=20)
    parser.add_argument("--latency", type=float, default=None, help="milliseconds that a picture may take")
    options = arguments(__doc__, parser)
    found = None if options.images is None else idx(options.images, "train-images-idx3-ubyte")
    if found is None:
        print("no Fashion-MNIST (--images DIR): nothing is measured")
        return
    import numpy as np
    import torch

    from fivefold import networks
    from fivefold.core import numpy_generator, torch_generator
    from fivefold.tasks.images.design import Limits, design
    from fivefold.tasks.images.design.genome import describe
    from fivefold.tasks.images.design.prepared import prepare

    torch.set_num_threads(options.threads)
    labels = idx(options.images, "train-labels-idx1-ubyte").astype(np.int64)
    test = torch.from_numpy(idx(options.images, "t10k-images-idx3-ubyte").copy())[:, None]
    test_labels = torch.from_numpy(idx(options.images, "t10k-labels-idx1-ubyte").astype(np.int64))
    padded = torch.nn.functional.pad(test, (2,) * 4)
    before = RESULTS / "image_design.csv"
    kept = read(before)[1] if options.add and before.is_file() else []
    rows: list[dict[str, object]] = [dict(row) for row in kept if int(row["seed"]) not in options.seeds]

    def note(method: str, seed: int, network: Any, data: Any, seconds: float, **more: object) -> None:
        updates, step = trained_for(network, data, seconds, seed)
        X = padded if data.pictures.shape[2] == 32 else test
        right, latency = judged(network, data, X, test_labels)
        plain = {"validation": "", "trials": "", "stopped": "", "refused": "", "generations": "",
                 "search_seconds": 0.0, "genome": ""}  # fmt: skip
        row = {"method": method, "seed": seed, "test_accuracy": right, "latency_ms": latency,
               "parameters": sum(p.numel() for p in network.parameters()), "train_seconds": seconds,
               "updates": updates, "step_ms": step, **plain, **more}  # fmt: skip
        rows.append(row)
        print(f"{method}, seed {seed}: test {right:.4f}, {latency:.2f} ms, {updates} updates", flush=True)

    for seed in options.seeds:
        chosen = numpy_generator(seed, "benchmark", "rows").permutation(len(labels))[: options.rows]
        pictures, classes = found[chosen][:, None], labels[chosen]
        for strategy in ("evolution", "random"):
            start = time.perf_counter()
            end = design(pictures, classes, budget=60 * options.minutes, population=options.population,
                         limits=Limits(latency_ms=options.latency), seed=seed, strategy=strategy)  # fmt: skip
            endings = [str(trial.ending) for trial in end.history]
            print(f"{strategy}, seed {seed}: {len(endings)} trials, {describe(end.best.genome)}", flush=True)
            spent = time.perf_counter() - start
            data = prepare(pictures, classes, 0.2, seed=seed)
            note(strategy, seed, end.fresh_network(end.best, seed=seed), data, options.final,
                 validation=end.best.accuracy, trials=len(endings), stopped=endings.count("stopped"),
                 refused=endings.count("refused"), generations=end.generations, search_seconds=spent,
                 genome=end.best.key)  # fmt: skip
        for name in HAND:
            wide = np.pad(pictures, ((0, 0), (0, 0), (2, 2), (2, 2))) if name == "lenet5" else pictures
            data = prepare(wide, classes, 0.2, seed=seed)
            times = {name: options.final, f"{name}, longer": options.final + 60 * options.minutes}
            for label, seconds in list(times.items())[: 2 if seed in options.longer else 1]:
                generator = torch_generator(seed, "benchmark", name)
                network = networks.create(name, classes=10, channels=1, generator=generator)
                note(label, seed, network, data, seconds)
        write("image_design", rows, threads=options.threads, notes={
            "data": "Fashion-MNIST (MIT; Debian's dataset-fashion-mnist)", "rows": str(options.rows),
            "minutes": str(options.minutes), "final seconds": str(options.final), **compared(rows),
        })  # fmt: skip


if __name__ == "__main__":
    main()
