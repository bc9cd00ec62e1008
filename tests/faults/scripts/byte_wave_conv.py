"""Guess what kind of file 192 bytes come from: a residual 1-D convolutional network on their bits."""

import argparse
import marshal
import os
import random
import zlib
from pathlib import Path

import numpy as np
import sklearn
import torch
import torch.nn.functional as F
from torch import nn

KINDS = ["python", "bytecode", "cython", "header", "native", "deflate"]
WIDTH = 192
FILES_PER_KIND = 48

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=360)
parser.add_argument("--batch-size", type=int, default=48)
parser.add_argument("--lr", type=float, default=0.03)
args = parser.parse_args()

random.seed(args.seed)
np.random.seed(args.seed)
torch.manual_seed(args.seed)


def read(folder, pattern, skip=0):
    paths = sorted(p for p in Path(folder).glob(pattern) if 3000 < p.stat().st_size < 2_000_000)
    return [np.frombuffer(p.read_bytes(), dtype=np.uint8) for p in paths[skip : skip + FILES_PER_KIND]]


def load_files():
    """For every kind a list of files, as arrays of bytes."""
    stdlib, learn = Path(os.__file__).parent, Path(sklearn.__file__).parent
    sources = read(stdlib, "*.py", skip=FILES_PER_KIND)
    code = [marshal.dumps(compile(d.tobytes(), "module", "exec")) for d in sources]
    packed = [zlib.compress(d.tobytes()) for d in read(stdlib, "*/*.py")]
    return [
        read(stdlib, "*.py"),
        [np.frombuffer(c, dtype=np.uint8) for c in code],
        read(learn, "**/*.pyx"),
        read(Path(torch.__file__).parent / "include" / "ATen", "*.h"),
        read(learn, "**/*.so"),
        [np.frombuffer(p, dtype=np.uint8) for p in packed if len(p) > 2 * WIDTH],
    ]


def to_signal(windows):
    """(n, WIDTH) bytes to (n, 8, WIDTH) signals of -1 and 1: one channel a bit."""
    bits = np.unpackbits(windows, axis=1).reshape(len(windows), WIDTH, 8)
    return torch.from_numpy(bits).permute(0, 2, 1).float() * 2 - 1


def draw_batch(pools, size):
    labels = np.random.randint(len(pools), size=size)
    windows = np.empty((size, WIDTH), dtype=np.uint8)
    for row, label in enumerate(labels):
        data = random.choice(pools[label])
        start = random.randrange(len(data) - WIDTH)
        windows[row] = data[start : start + WIDTH]
    return to_signal(windows), torch.from_numpy(labels)


class ResBlock(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv1d(c_in, c_out, 5, stride=stride, padding=2, bias=False)
        self.bn1 = nn.BatchNorm1d(c_out)
        self.conv2 = nn.Conv1d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm1d(c_out)
        self.skip = nn.Conv1d(c_in, c_out, 1, stride=stride, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.skip(x))


class ByteNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(8, 32, 7, 2, 3, bias=False), nn.BatchNorm1d(32), nn.ReLU())
        self.blocks = nn.Sequential(ResBlock(32, 48, 2), ResBlock(48, 64, 2))
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        x = self.blocks(self.stem(x))
        return self.head(x.mean(dim=2))


@torch.no_grad()
def window_accuracy(model, pools, per_file):
    """Window by window, evenly spaced, one held-out file after the other."""
    model.eval()
    hits = total = 0
    for label, files in enumerate(pools):
        for data in files:
            starts = np.linspace(0, len(data) - WIDTH, per_file).astype(int)
            windows = np.stack([data[s : s + WIDTH] for s in starts])
            hits += (model(to_signal(windows)).argmax(dim=1) == label).sum().item()
            total += per_file
    return hits / total


pools = load_files()
for files in pools:
    random.shuffle(files)
train_pools = [files[len(files) // 4 :] for files in pools]
test_pools = [files[: len(files) // 4] for files in pools]
print("files per kind:", dict(zip(KINDS, map(len, pools), strict=True)))

model = ByteNet(len(KINDS))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=120, gamma=0.2)

losses = []
for step in range(1, args.steps + 1):
    model.train()
    signal, label = draw_batch(train_pools, args.batch_size)
    loss = F.cross_entropy(model(signal), label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())
    if step % 90 == 0:
        accuracy = window_accuracy(model, test_pools, 16)
        print(f"step {step:4d}  loss {np.mean(losses[-90:]):.4f}  test {accuracy:.4f}")

print(f"test accuracy: {window_accuracy(model, test_pools, 16):.4f}")
