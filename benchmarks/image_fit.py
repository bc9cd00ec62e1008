"""`fivefold fit` on Fashion-MNIST beside an ordinary PyTorch loop: time to 92% of the test images.

    python benchmarks/image_fit.py --images FOLDER [--target 0.92] [--budget 120s] [--epochs 20] [--no-peer]

FOLDER holds the four IDX files (Debian's ``dataset-fashion-mnist``). Peer: what a tutorial shows, a
``Dataset`` that turns one image into a standardised float tensor, a ``DataLoader`` with batches of 128 and
two workers, CIFAR's ResNet-20 in PyTorch's usual layout, Adam at 1e-3, without augmentation, which only slows
it down at first. It is stopped after the first epoch at whose end it names enough of the *test* images
rightly, which no honest run could know; the time of looking is not counted. ``fivefold fit`` gets nothing but
the folder and a budget, and never looks at the test images before its end. Both are processes of their own;
seconds are those of the whole process, imports and reading included, the test of the peer left out.

The shares are those of the test images that are named rightly; beside ours stand the seconds and the share
that the fit forecast after its short trainings.

A peer that is stopped by ``--epochs`` or ``--most`` before it gets there gives a ratio that is an upper
bound.

writes ``benchmarks/results/image_fit.csv``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import arguments, write


def peer(folder: Path, target: float, epochs: int, most: float, threads: int) -> None:
    """The ordinary loop; prints one JSON line an epoch."""
    started = time.perf_counter()
    import gzip

    import numpy as np
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def idx(name: str) -> Any:
        path = folder / name
        raw = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
        shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)

    class Images(Dataset[Any]):
        def __init__(self, part: str) -> None:
            self.images, self.labels = idx(f"{part}-images-idx3-ubyte"), idx(f"{part}-labels-idx1-ubyte")

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, row: int) -> Any:
            image = torch.from_numpy(self.images[row].copy()).float().div(255)[None]
            return (image - 0.2860) / 0.3530, int(self.labels[row])

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.shortcut = nn.Sequential()
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x: Any) -> Any:
            y = torch.relu(self.bn1(self.conv1(x)))
            return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(3):
            layers.append(Block(inputs, width, stride if number == 0 else 1))
            inputs = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    loader = DataLoader(Images("train"), batch_size=128, shuffle=True, num_workers=2)
    test = DataLoader(Images("t10k"), batch_size=500)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    looking = 0.0
    for epoch in range(1, epochs + 1):
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
            if time.perf_counter() - started - looking > most:
                break
        pause = time.perf_counter()
        model.eval()
        with torch.no_grad():
            right = sum(int((model(x).argmax(1) == y).sum()) for x, y in test)
        looking += time.perf_counter() - pause
        seconds = time.perf_counter() - started - looking
        print(json.dumps({"epoch": epoch, "share": right / 10_000, "seconds": seconds}), flush=True)
        if right >= target * 10_000 or seconds > most:
            return


def ours(folder: Path, budget: str, seed: int) -> dict[str, Any]:
    """One fit in a process of its own, timed from outside."""
    with tempfile.TemporaryDirectory() as place:
        out = str(Path(place) / "model")
        command = [sys.executable, "-m", "fivefold", "fit", str(folder), "--budget", budget, "--out", out]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--seed", str(seed), "--json", "--quiet"], check=True, capture_output=True
        )
        seconds = time.perf_counter() - started
    record = json.loads(done.stdout)["record"]
    forecast = record["forecast"]
    return {
        "share": record["test"]["scores"][0]["metrics"]["accuracy"]["value"],
        "seconds": seconds,
        "network": record["network"]["name"],
        "passes": record["network"]["epochs"],
        "forecast seconds": forecast["seconds"],
        "measured seconds": forecast["measured_seconds"],
        "forecast share": forecast["accuracy"],
        "sets cover": record["classification"]["sets"]["coverage"]["value"],
    }


def main() -> None:
    """Run both, print the ratio, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, default=None, help="the folder of the IDX files")
    parser.add_argument("--target", type=float, default=0.92)
    parser.add_argument("--budget", action="append", default=None, help="of a fit; several are run in turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20, help="most epochs of the peer")
    parser.add_argument("--most", type=float, default=3600.0, help="seconds after which the peer is stopped")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = arguments(__doc__, parser)
    if options.images is None:
        print("nothing was measured: name the folder of Fashion-MNIST with --images")
        return
    if options.as_peer:
        peer(options.images, options.target, options.epochs, options.most, options.threads)
        return
    rows: list[dict[str, Any]] = []
    for budget in options.budget or ["120s"]:
        found = ours(options.images, budget, options.seed)
        rows.append({"what": "fivefold fit", "budget": budget, "target": options.target, **found})
        print(rows[-1], flush=True)
    if not options.no_peer:
        command = [sys.executable, __file__, "--as-peer", "--images", str(options.images)]
        command += ["--target", str(options.target), "--epochs", str(options.epochs)]
        command += ["--most", str(options.most), "--threads", str(options.threads)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            print(line)
        last = json.loads(lines[-1])
        share, seconds, epoch = last["share"], last["seconds"], last["epoch"]
        rows.append(
            {
                "what": "ordinary loop, ResNet-20, Adam",
                "budget": "",
                "target": options.target,
                "share": share,
                "seconds": seconds,
                "network": "resnet20",
                "passes": epoch,
            }
        )
        for row in rows[:-1]:
            row["ratio"] = row["seconds"] / seconds
            bound = "" if share >= options.target else " at most, for the loop was stopped before"
            reached = "reached" if row["share"] >= options.target else "did not reach"
            print(
                f"fivefold fit --budget {row['budget']}: {row['share']:.4f} ({reached} {options.target}) in "
                f"{row['seconds']:.0f} s; the loop {share:.4f} in {seconds:.0f} s: "
                f"ratio {row['ratio']:.2f}{bound}"
            )
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write(
        "image_fit", [{name: row.get(name, "") for name in columns} for row in rows], threads=options.threads
    )


if __name__ == "__main__":
    main()
