"""``train`` beside hand-written PyTorch loops: on the same network, the same data, the same number of steps.

Two networks: a small dense one on a table (20,000 rows, 30 columns, two layers of 64 units), and a small
convolutional one on images that fit in memory (Fashion-MNIST with ``--images DIR``, the folder of its four
``*-ubyte.gz`` files, as Debian's ``dataset-fashion-mnist`` installs it; without, random numbers of the same
shape, which cost the same). Two peers:

* the tightest loop that we can write by hand: data in tensors, one permutation an epoch, ``index_select``,
  fused AdamW, gradients set to ``None``, the rate of a cosine set in the groups, losses collected without
  waiting for them;
* the ordinary loop of the tutorials: a dataset that turns an image into a float tensor item by item, a
  ``DataLoader`` that shuffles, ``AdamW``, ``CosineAnnealingLR``, ``loss.item()`` at every step.

The three take turns, so that another load on the machine meets all; the ratio is the median of the ratios of
the turns. ``train`` judges the module before training and keeps the best weights, which is part of its time.
All three compute in float32; memory format and numbers of threads are the same for all, unless
``--layout auto`` lets ``train`` choose.
"""

import argparse
import copy
import gzip
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import arguments, write


def images(folder: Path | None, rows: int) -> tuple[Any, Any, str]:
    """Images [n, 28, 28] of bytes and their classes."""
    import numpy as np

    if folder is None:
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (rows, 28, 28), dtype=np.uint8), rng.integers(0, 10, rows), "random bytes"
    pictures = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    X = np.frombuffer(pictures, np.uint8, offset=16).reshape(-1, 28, 28)[:rows].copy()
    return X, np.frombuffer(labels, np.uint8, offset=8)[:rows].astype(np.int64), "Fashion-MNIST"


def main() -> None:
    """Measure, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=None, help="folder of Fashion-MNIST's files")
    parser.add_argument("--rows", type=int, default=10_000, help="images that are used")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layout", default="contiguous", choices=("contiguous", "channels-last", "auto"))
    parser.add_argument("--name", default="optimize_train", help="name of the CSV")
    options = arguments(__doc__, parser)
    import math

    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    from fivefold.optimize import train

    torch.set_num_threads(options.threads)
    device = torch.device(options.device)

    def squared(out: Any, target: Any) -> Any:
        return F.mse_loss(out[:, 0], target)

    def tight(module: Any, X: Any, y: Any, loss: Any, epochs: int, size: int) -> None:
        X, y = X.to(device), y.to(device)
        module.train()
        parameters = list(module.parameters())
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0, fused=True)
        batches = -(-len(X) // size)
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(X)).to(device)
            losses = []
            for rows in order.tensor_split(batches):
                value = loss(module(X.index_select(0, rows)), y.index_select(0, rows))
                for parameter in parameters:
                    parameter.grad = None
                value.backward()
                optimizer.step()
                step += 1
                optimizer.param_groups[0]["lr"] = 5e-4 * (1 + math.cos(math.pi * step / (epochs * batches)))
                losses.append(value.detach())
            torch.stack(losses).mean().item()

    class Items(Dataset):  # type: ignore[type-arg]
        def __init__(self, X: Any, y: Any) -> None:
            self.X, self.y = X, y

        def __len__(self) -> int:
            return len(self.X)

        def __getitem__(self, index: int) -> Any:
            x = self.X[index]
            if x.dtype == torch.uint8:
                x = x.float().div(255).sub(0.2860).div(0.3530)
            return x, self.y[index]

    def ordinary(module: Any, X: Any, y: Any, loss: Any, epochs: int, size: int) -> None:
        module.train()
        loader = DataLoader(Items(X, y), batch_size=size, shuffle=True)
        optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.0)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
        total = 0.0
        for _ in range(epochs):
            for x, target in loader:
                x, target = x.to(device), target.to(device)
                optimizer.zero_grad()
                value = loss(module(x), target)
                value.backward()
                optimizer.step()
                scheduler.step()
                total += value.item()

    def ours(module: Any, data: Any, loss: Any, epochs: int, size: int) -> None:
        train(
            module, data, loss=loss, epochs=epochs, batch_size=size, learning_rate=1e-3, layout=options.layout
        )

    # with one thread on the processor its own seconds are the time, whatever else runs beside it
    clock = time.process_time if device.type == "cpu" and options.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    table = torch.randn(20_000, 30)
    target = table[:, 0].sin() + table[:, 1] * table[:, 2]
    raw, labels, source = images(options.images, options.rows)
    pictures, classes = torch.from_numpy(raw)[:, None], torch.from_numpy(labels)
    dense = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    convolutional = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip
    scaled = pictures.float().div(255).sub(0.2860).div(0.3530)
    cases: list[tuple[str, Any, tuple[Any, Any], tuple[Any, Any], Any, Any, int, int]] = [
        ("dense, batch 64", dense, (table, target), (table, target), (table, target), squared, 4, 64),
        ("dense, batch 256", dense, (table, target), (table, target), (table, target), squared, 10, 256),
        ("convolutional", convolutional, (scaled, classes), (pictures, classes),
         Items(pictures, classes), F.cross_entropy, 2, 128),
    ]  # fmt: skip
    rows = []
    for name, net, held, plain, dataset, loss, epochs, size in cases:
        calls: dict[str, Callable[[Any], None]] = {
            "fivefold": lambda m: ours(m, held, loss, epochs, size),  # noqa: B023
            "fivefold, from the dataset": lambda m: ours(m, dataset, loss, epochs, size),  # noqa: B023
            "tightest loop": lambda m: tight(m, *held, loss, epochs, size),  # noqa: B023
            "DataLoader loop": lambda m: ordinary(m, *plain, loss, epochs, size),  # noqa: B023
        }
        taken: dict[str, list[float]] = {each: [] for each in calls}
        for turn in range(options.turns + 1):
            order = list(calls.items()) if turn % 2 else list(reversed(calls.items()))
            for each, call in order:
                module = copy.deepcopy(net).to(device)
                start = clock()
                call(module)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                taken[each].append(clock() - start)
        for each, spent in taken.items():
            later = spent[1:]
            to_tight = statistics.median(
                a / b for a, b in zip(later, taken["tightest loop"][1:], strict=True)
            )
            loader = statistics.median(
                b / a for a, b in zip(later, taken["DataLoader loop"][1:], strict=True)
            )
            rows.append(
                {
                    "network": name,
                    "loop": each,
                    "epochs": epochs,
                    "batch": size,
                    "median_seconds": statistics.median(later),
                    "fastest_seconds": min(later),
                    "times_the_tightest": to_tight,
                    "faster_than_dataloader": loader,
                }
            )
            print(" ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in rows[-1].values()))
    write(
        options.name,
        rows,
        threads=options.threads,
        notes={
            "images": f"{source}, {options.rows} of them",
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
            "layout": options.layout,
            "seconds": "of the processor" if clock is time.process_time else "wall clock",
        },
    )


if __name__ == "__main__":
    main()
