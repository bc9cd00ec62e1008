"""``train`` beside hand-written PyTorch loops: on the same network, the same data, the same number of steps.

Tables: 20,000 rows, 30 columns, a dense network with two layers of 64 units. Images: Fashion-MNIST with
``--images DIR``, a folder that holds its files anywhere below it (``dpkg -x`` of Debian's
``dataset-fashion-mnist``, for one); without, scikit-learn's digits, enlarged and repeated, which cost the
same. Two networks of three convolutions: one as in the records of speed (a stem of 2 x 2, then blocks of
convolution, pooling, batch norm, GELU), one as in tutorials (convolution, batch norm, ReLU, pooling). Two
that ``fivefold fit`` trains: the speed-run net with 32, 64 and 128 channels, and ResNet-20. Peers:

* the tightest loop that we can write by hand: data in float tensors, one permutation an epoch,
  ``index_select``, whole batches shifted and mirrored, channels-last for images, fused AdamW, gradients set
  to ``None``, the rate of a cosine set in the groups, losses collected without waiting for them; for images
  each with the module as it is and, after a warm-up that is not counted, compiled by ``torch.compile``;
* the ordinary loop: a dataset that turns one image into a float tensor, scales, shifts and mirrors it, a
  ``DataLoader`` that shuffles (in this process, and for images with two workers that stay), ``AdamW``,
  ``CosineAnnealingLR``, ``loss.item()`` at every step. For tables the dataset is a ``TensorDataset``.

All see the same distribution of images: shifts of up to 2 pixels with a mirrored border, and mirror images
for one in two. All compute in float32. ``train`` gets its defaults: what it spends on choosing a layout and
on judging the module before training is part of its time, as the start of the workers is of theirs. In
trainings of some dozens of updates that is several hundredths; ``--longer`` times as many epochs tell the
step from it.

The loops take turns, so that another load on the machine meets all; a ratio is the median of the ratios of
the turns. ``train`` and the tightest loops meet three times in a turn, the other loops once. Seconds of the
processor are those of all threads and workers; on a machine that others use they are to be trusted with one
thread, and the wall clock only on a machine at rest.
"""

import argparse
import copy
import gzip
import math
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common import arguments, write

PIXELS = 2
WARM_UP = 1
MEETINGS = 3
"""Of ``train`` and the tightest loops in a turn."""


def images(folder: Path | None, rows: int) -> tuple[Any, Any, str]:
    """Images [n, 28, 28] of bytes, their classes, and what they are.

    Args:
        folder: Where Fashion-MNIST lies, at any depth; ``None`` for digits.
        rows: Images that are used.
    """
    import numpy as np

    found = [] if folder is None else sorted(folder.rglob("train-images-idx3-ubyte.gz"))
    if found:
        pictures = gzip.decompress(found[0].read_bytes())
        labels = gzip.decompress(found[0].with_name("train-labels-idx1-ubyte.gz").read_bytes())
        X = np.frombuffer(pictures, np.uint8, offset=16).reshape(-1, 28, 28)[:rows].copy()
        return X, np.frombuffer(labels, np.uint8, offset=8)[:rows].astype(np.int64), "Fashion-MNIST"
    from sklearn.datasets import load_digits

    print("no Fashion-MNIST (--images DIR): scikit-learn's digits, enlarged to 28 x 28 and repeated")
    small, classes = load_digits(return_X_y=True)
    wide = np.repeat(np.repeat(small.reshape(-1, 8, 8), 4, axis=1), 4, axis=2)[:, 2:30, 2:30]
    order = np.arange(rows) % len(wide)
    return (
        (wide[order] * 15.9).astype(np.uint8),
        classes[order].astype(np.int64),
        "enlarged digits",
    )


def processor_seconds() -> float:
    """Seconds of the processor of this process and of the workers that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def main() -> None:
    """Measure, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=None, help="folder below which Fashion-MNIST lies")
    parser.add_argument("--rows", type=int, default=5_000, help="images that are used")
    parser.add_argument("--turns", type=int, default=3, help="turns for images; tables get thrice as many")
    parser.add_argument("--longer", type=int, default=1, help="times as many epochs")
    parser.add_argument("--loops", default="", help="only train and loops whose name holds this")
    parser.add_argument("--cases", default="", help="only cases whose name holds this")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layout", default="auto", choices=("contiguous", "channels-last", "auto"))
    parser.add_argument("--precision", default="full", choices=("full", "bfloat16", "auto"))
    parser.add_argument("--name", default=None, help="name of the CSV")
    options = arguments(__doc__, parser)
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
    from torch.utils.data import DataLoader, Dataset, TensorDataset

    from fivefold.networks import create
    from fivefold.optimize import Chain, Flip, Shift, train

    torch.set_num_threads(options.threads)
    device = torch.device(options.device)

    def squared(out: Any, target: Any) -> Any:
        return F.mse_loss(out[:, 0], target)

    def change(x: Any) -> Any:
        n, _, h, w = x.shape  # one channel
        padded = F.pad(x, (PIXELS,) * 4, mode="reflect")
        width, size = w + 2 * PIXELS, (h + 2 * PIXELS) * (w + 2 * PIXELS)
        # rows of pixels are copied, by where their window begins: faster than indexing with two numbers
        windows = padded.as_strided((padded.numel() - (h - 1) * width - w + 1, h, w), (1, width, 1))
        place = torch.randint(2 * PIXELS + 1, (2, n), device=device)
        first = torch.arange(n, device=device) * size + place[0] * width + place[1]
        x = windows.index_select(0, first)[:, None]
        return torch.where(torch.rand(n, 1, 1, 1, device=device) < 0.5, x.flip(3), x)

    def tight(
        X: Any, y: Any, loss: Any, size: int, module: Any, epochs: int, *, compiled: bool = False
    ) -> None:
        X, y = X.to(device), y.to(device)
        pictures = X.ndim == 4
        if pictures and options.layout != "contiguous":
            module.to(memory_format=torch.channels_last)
        module.train()
        parameters = list(module.parameters())
        if compiled:
            module = torch.compile(module)
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0, fused=True)
        batches = -(-len(X) // size)
        step = 0
        for _ in range(epochs):
            order = torch.randperm(len(X)).to(device)
            losses = []
            for rows in order.tensor_split(batches):
                x = X.index_select(0, rows)
                if pictures:
                    x = change(x)
                    if options.layout != "contiguous":
                        x = x.contiguous(memory_format=torch.channels_last)
                value = loss(module(x), y.index_select(0, rows))
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
            x = self.X[index].float().div(255).sub(0.2860).div(0.3530)
            x = F.pad(x, (PIXELS,) * 4, mode="reflect")
            i, j = torch.randint(2 * PIXELS + 1, (2,)).tolist()
            x = x[:, i : i + 28, j : j + 28]
            return x.flip(2) if torch.rand(()) < 0.5 else x, self.y[index]

    def ordinary(dataset: Any, loss: Any, size: int, workers: int, module: Any, epochs: int) -> None:
        module.train()
        loader = DataLoader(
            dataset, batch_size=size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
        )
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

    def ours(X: Any, y: Any, loss: Any, size: int, module: Any, epochs: int) -> None:
        end = train(
            module, (X, y), loss=loss, epochs=epochs, batch_size=size, learning_rate=1e-3,
            layout=options.layout, precision=options.precision,
            augment=Chain(Shift(PIXELS), Flip()) if X.ndim == 4 else None,
        )  # fmt: skip
        chosen.add(f"{end.choices.layout}, {end.choices.precision}")

    chosen: set[str] = set()
    torch.manual_seed(0)
    table = torch.randn(20_000, 30)
    target = table[:, 0].sin() + table[:, 1] * table[:, 2]
    raw, labels, source = images(options.images, options.rows)
    pictures, classes = torch.from_numpy(raw)[:, None], torch.from_numpy(labels)
    scaled = pictures.float().div(255).sub(0.2860).div(0.3530)

    def speedy(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(b), nn.GELU()]

    def usual(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]

    dense = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    quick = nn.Sequential(
        nn.Conv2d(1, 8, 2, stride=2), nn.GELU(), *speedy(8, 16), *speedy(16, 32),
        nn.Flatten(), nn.Linear(32 * 9, 10),
    )  # fmt: skip
    tutorial = nn.Sequential(
        *usual(1, 16), *usual(16, 32), *usual(32, 64), nn.Flatten(), nn.Linear(64 * 9, 10)
    )
    own = {"classes": 10, "channels": 1, "generator": torch.Generator().manual_seed(0)}
    speedrun, resnet = create("speedrun", widths=(32, 64, 128), **own), create("resnet20", **own)
    thrice = 3 * options.turns
    for_table = (table, target), TensorDataset(table, target), squared, (0,), thrice
    for_images = (scaled, classes), Items(pictures, classes), F.cross_entropy, (0, 2), options.turns
    cases: list[tuple[str, Any, int, int, tuple[Any, Any, Any, tuple[int, ...], int]]] = [
        ("dense, batch 64", dense, 4, 64, for_table),
        ("dense, batch 256", dense, 10, 256, for_table),
        ("images, speed-run", quick, 6, 128, for_images),
        ("images, tutorial", tutorial, 4, 128, for_images),
        ("images, speedrun 32-64-128", speedrun, 3, 256, for_images),
        ("images, ResNet-20", resnet, 1, 128, for_images),
    ]
    rows: list[dict[str, object]] = []
    for name, net, epochs, size, (held, dataset, loss, workers, turns) in cases:
        if options.cases not in name:
            continue
        epochs *= options.longer
        calls: dict[str, Callable[[Any, int], None]] = {
            "fivefold": partial(ours, *held, loss, size),
            **{
                label: partial(tight, *held, loss, size, compiled=compiled)
                for label, compiled in (("tightest loop", False), ("tightest loop, compiled", True))
                if held[0].ndim == 4 or not compiled
            },
            **{f"DataLoader loop, {k} workers": partial(ordinary, dataset, loss, size, k) for k in workers},
        }
        calls = {each: call for each, call in calls.items() if each == "fivefold" or options.loops in each}
        taken: dict[str, list[tuple[float, float]]] = {each: [] for each in calls}
        for call in calls.values():
            call(copy.deepcopy(net).to(device), WARM_UP)
        chosen.clear()
        for meeting in range(MEETINGS * turns):
            often = 3 if held[0].ndim == 4 else 2
            here = list(calls.items())[: None if meeting % MEETINGS == 0 else often]
            for each, call in here if meeting % 2 else reversed(here):
                module = copy.deepcopy(net).to(device)
                start, spent = time.perf_counter(), processor_seconds()
                call(module, epochs)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                taken[each].append((time.perf_counter() - start, processor_seconds() - spent))
        for each, pairs in taken.items():
            ours_taken = taken["fivefold"]
            ours_taken = ours_taken if len(pairs) == len(ours_taken) else ours_taken[::MEETINGS]
            record: dict[str, object] = {"network": name, "loop": each, "epochs": epochs, "batch": size}
            for clock, label in ((1, "processor"), (0, "wall")):
                record[f"{label}_seconds"] = statistics.median(pair[clock] for pair in pairs)
                record[f"fivefold_over_it_{label}"] = statistics.median(
                    a[clock] / b[clock] for a, b in zip(ours_taken, pairs, strict=True)
                )
            record["computed_as"] = "; ".join(sorted(chosen)) if each == "fivefold" else ""
            rows.append(record)
            print(" | ".join(f"{x:.4g}" if isinstance(x, float) else str(x) for x in record.values()))
    write(
        options.name or f"optimize_train_{options.threads}_thread{'s' if options.threads > 1 else ''}",
        rows,
        threads=options.threads,
        notes={
            "images": f"{source}, {options.rows} of them",
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
            "layout": options.layout,
            "precision": options.precision,
            "seconds": "medians; of the processor (all threads, workers included) and of the wall clock",
        },
    )


if __name__ == "__main__":
    main()
