"""Evolution of architectures beside random search over the same blocks, and beside networks drawn by hand.

Data: Fashion-MNIST below the folder that ``--images`` names (IDX files, plain or gz, as ``dpkg -x`` of
Debian's ``dataset-fashion-mnist`` leaves them); without it nothing is measured. ``--rows`` training pictures
are drawn by the seed, a fifth of them held apart for the search; the 10,000 test pictures are seen once, at
the end.

1. *Search*: evolution and random search get the same pictures, the same space, the same fitness (seconds of
   one training, early stopping, limits), the same longer trainings of the best four at the end, the same seed
   and the same wall-clock budget, ``--minutes`` each; which of them goes first changes with the seed.
   Evolution's children begin with their parents' weights; random draws have no parents. ``validation`` is the
   accuracy that the search saw: the largest of several, hence too high.
2. *Final*: the network that each found is trained from first weights for ``--final`` seconds by one recipe
   (AdamW, cosine, batches of 64; of three peak rates the one that does best on the pictures held apart
   after a sixth of the seconds), and judged on the test pictures. So is, as ``..., fast``, the most accurate
   one of each search whose prediction took at most half as long. And so are networks drawn by hand of such
   sizes: LeNet-5 with rectifiers and batch norm (pictures padded to 32 x 32), the speed-run net with 16, 32
   and 32 channels, and ResNet-20. As those need no search, with the seeds of ``--longer`` they are trained a
   second time for the final seconds and the minutes together: what is a search worth to whom only the time
   counts?

The result is written after each seed; ``--add`` keeps the rows of other seeds that it holds already, so that
seeds may be measured on different days.

``latency_ms`` is that of one picture with ``--threads`` threads: the median of 60 rounds, all networks of a
seed in turns. Seconds of trainings are planned from the measured milliseconds of an update. Printed are
paired differences over seeds with their t interval (seeds share the test pictures and differ in everything
else) and the methods that no other beats both in mean accuracy and in mean latency.
"""

import argparse
import gzip
import time
from functools import partial
from pathlib import Path
from typing import Any

from common import RESULTS, arguments, paired_interval, read, write

HAND: dict[str, tuple[str, dict[str, Any]]] = {
    "lenet5": ("lenet5", {"activation": "relu", "norm": "batch"}),
    "speedrun 16-32-32": ("speedrun", {"widths": (16, 32, 32)}),
    "resnet20": ("resnet20", {}),
}
"""By label: architecture and options."""
BATCH, RATES = 64, (3e-3, 1e-2, 2e-2)
TURNS = 60


def idx(folder: Path, name: str) -> Any:
    """The array of an IDX file of bytes, plain or gz, anywhere below a folder; ``None`` without one."""
    import numpy as np

    for file in sorted(folder.rglob(f"{name}*")):
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        sizes = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(data[3])]
        return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)
    return None


def trained_for(network: Any, data: Any, seconds: float, rate: float, seed: int) -> tuple[int, float]:
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

    spent = 1000 * call_seconds(step, least=3, statistic=min)
    updates = max(8, int(1000 * seconds / spent))
    batches = Stretches(len(data.labels), BATCH, updates, seed=seed)
    loader: Any = DataLoader(PictureStream(data), batch_sampler=batches, collate_fn=lambda batch: batch)
    train(network, loader, loss="cross-entropy", epochs=1, learning_rate=rate, weight_decay=1e-2,
          layout="channels-last", seed=seed)  # fmt: skip
    return updates, spent


def judged(network: Any, X: Any, y: Any) -> float:
    """Accuracy on normalised pictures."""
    import torch

    with torch.no_grad():
        outputs = [network.eval()(pictures).argmax(1) for pictures in X.split(500)]
    return float((torch.cat(outputs) == y).double().mean())


def best_rate(make: Any, data: Any, seconds: float, seed: int) -> float:
    """The peak rate whose short training does best on the pictures held apart."""
    held = {}
    for rate in RATES:
        network = make()
        trained_for(network, data, seconds, rate, seed)
        held[rate] = judged(network, data.held, data.held_labels)
    return max(held, key=held.__getitem__)


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
    points = {
        method: tuple(
            sum(float(str(row[name])) for row in rows if row["method"] == method) / len(by[method])
            for name in ("test_accuracy", "latency_ms")
        )
        for method in by
    }
    front = [
        f"{method} ({right:.4f}, {latency:.2f} ms)"
        for method, (right, latency) in sorted(points.items(), key=lambda each: each[1][1])
        if not any(better > right and faster < latency for better, faster in points.values())
    ]
    notes["front of mean accuracy and latency"] = "; ".join(front)
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
    parser.add_argument("--longer", type=numbers, default="0", help="seeds of the second hand-drawn training")
    parser.add_argument("--add", action="store_true", help="keep the rows of other seeds")
    parser.add_argument("--rows", type=int, default=15_000, help="training pictures")
    parser.add_argument("--population", type=int, default=10)
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
    from fivefold.tasks.images.design.prepared import normalise, prepare
    from fivefold.tasks.images.export.speed import race

    torch.set_num_threads(options.threads)
    labels = idx(options.images, "train-labels-idx1-ubyte").astype(np.int64)
    test = torch.from_numpy(idx(options.images, "t10k-images-idx3-ubyte").copy())[:, None]
    test_labels = torch.from_numpy(idx(options.images, "t10k-labels-idx1-ubyte").astype(np.int64))
    padded = torch.nn.functional.pad(test, (2,) * 4)
    before = RESULTS / "image_design.csv"
    kept = read(before)[1] if options.add and before.is_file() else []
    rows: list[dict[str, object]] = [dict(row) for row in kept if int(row["seed"]) not in options.seeds]

    def normalised(pictures: Any, data: Any) -> Any:
        return normalise(padded if data.pictures.shape[2] == 32 else pictures, data.mean, data.std)

    def of_seed(seed: int) -> list[dict[str, object]]:
        """The rows of a seed: two searches, their networks and those drawn by hand."""
        chosen = numpy_generator(seed, "benchmark", "rows").permutation(len(labels))[: options.rows]
        pictures, classes = found[chosen][:, None], labels[chosen]
        works: list[Any] = []
        fresh: list[dict[str, object]] = []

        def note(method: str, make: Any, data: Any, seconds: float, **more: object) -> None:
            rate = best_rate(make, data, options.final / 6, seed)
            network = make()
            updates, step = trained_for(network, data, seconds, rate, seed)
            X = normalised(test, data)
            plain = {"validation": "", "trials": "", "stopped": "", "refused": "", "generations": "",
                     "search_seconds": 0.0, "genome": ""}  # fmt: skip
            row = {"method": method, "seed": seed, "test_accuracy": judged(network, X, test_labels),
                   "latency_ms": 0.0, "parameters": sum(p.numel() for p in network.parameters()),
                   "train_seconds": seconds, "rate": rate, "updates": updates, "step_ms": step, **plain,
                   **more}  # fmt: skip
            fresh.append(row)
            one = X[:1].clone()
            works.append(lambda: network(one))
            print(f"{method}, seed {seed}: test {row['test_accuracy']:.4f}, {updates} updates", flush=True)

        for strategy in ("evolution", "random") if seed % 2 == 0 else ("random", "evolution"):
            start = time.perf_counter()
            end = design(pictures, classes, budget=60 * options.minutes, population=options.population,
                         limits=Limits(latency_ms=options.latency), seed=seed, strategy=strategy)  # fmt: skip
            endings = [str(trial.ending) for trial in end.history]
            print(f"{strategy}, seed {seed}: {len(endings)} trials, {describe(end.best.genome)}", flush=True)
            spent = time.perf_counter() - start
            data = prepare(pictures, classes, 0.2, seed=seed)
            note(strategy, partial(end.fresh_network, end.best, seed=seed), data, options.final,
                 validation=end.best.accuracy, trials=len(endings), stopped=endings.count("stopped"),
                 refused=endings.count("refused"), generations=end.generations, search_seconds=spent,
                 genome=end.best.key)  # fmt: skip
            half = [each for each in end.front if 2 * each.latency_ms <= end.best.latency_ms]
            if half:
                fast = partial(end.fresh_network, half[-1], seed=seed)
                note(f"{strategy}, fast", fast, data, options.final, genome=half[-1].key)
        for label, (name, own) in HAND.items():
            wide = np.pad(pictures, ((0, 0), (0, 0), (2, 2), (2, 2))) if name == "lenet5" else pictures
            data = prepare(wide, classes, 0.2, seed=seed)

            def make(name: str = name, own: dict[str, Any] = own) -> Any:
                generator = torch_generator(seed, "benchmark", name)
                return networks.create(name, classes=10, channels=1, generator=generator, **own)

            note(label, make, data, options.final)
            if seed in options.longer:
                note(f"{label}, longer", make, data, options.final + 60 * options.minutes)
        with torch.no_grad():
            timed = race({str(place): work for place, work in enumerate(works)}, rounds=TURNS)
            for row, speed in zip(fresh, timed, strict=True):
                row["latency_ms"] = 1000 * speed.seconds
        return fresh

    for seed in options.seeds:
        rows += of_seed(seed)
        write("image_design", rows, threads=options.threads, notes={
            "data": "Fashion-MNIST (MIT; Debian's dataset-fashion-mnist)", "rows": str(options.rows),
            "minutes": str(options.minutes), "final seconds": str(options.final), **compared(rows),
        })  # fmt: skip


if __name__ == "__main__":
    main()
