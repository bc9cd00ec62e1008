"""What watching costs: whole trainings with and without ``ff.watch`` at its default, in pairs.

Three networks of usual size train on generated data: ResNet-20 on images of CIFAR's shape, batch 128 (He et
al. 2016, 269,722 parameters); a transformer over tokens (4 layers of width 128, 64 tokens, batch 32); and a
dense network (784-256-128-10, batch 128). There is no peer: Cockpit 1.0.2 does not import on this torch.

Each repetition runs two trainings of the same seed in processes of their own, one watched and one not, side
by side, each on cores of its own, which are exchanged every half second: what else the machine does falls on
both, and neither has the faster core for longer. They begin together, and who is done goes on, unmeasured,
until the other is, so that no end has the machine to itself. (Exchanged once, after a whole training, two
trainings that were not watched differed by a tenth on a machine that others use; so they differ by a
hundredth.) Where there are too few cores, or pinning is not to be had, one runs after the other, in turns
first. Compared are the processor seconds and the wall-clock seconds of the loop, from before ``watch`` to
after ``close``; the start is in it.

Both get a heap that keeps its pages (``--heap steady``). By itself glibc gives the top of the heap back after
each update and takes it anew at the next, 570 page faults an update of the dense network, unless something
lies above; what watching keeps lies there, and the watched training was up to a quarter faster than the other
(``--heap default``).

The number of updates is chosen such that the training takes ``--seconds`` without watching. The figure is the
median over the repetitions of the ratio of the two, with a distribution-free 95% interval (order statistics).
The hash of all trained weights and statistics must be the same. The checks, ``findings()``, are asked for
afterwards; their time is a column of its own.

Unfair would be to time single updates, or to leave the first ones out.
"""

import argparse
import hashlib
import json
import math
import os
import select
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from common import arguments, write

SEED = 0
LEAST = 30
"""Fewest updates of a training."""
EXCHANGE = 0.5
"""Seconds between exchanges of the cores."""
NETWORKS = ("resnet20", "transformer", "mlp")
STEADY = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**32))
"""Settings by which glibc keeps what it got from the system; other systems do not read them."""


def network(name: str) -> tuple[Any, Any, Any, int]:
    """A network, its data and the rows of a batch."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    if name == "mlp":
        X, y = torch.randn(8192, 784), torch.randint(10, (8192,))
        net = nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )
        return net, X, y, 128
    if name == "transformer":
        tokens = torch.randint(256, (4096, 64))

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(256, 128)
                self.place = nn.Parameter(0.02 * torch.randn(64, 128))
                layer = nn.TransformerEncoderLayer(
                    128, 4, 256, dropout=0.1, batch_first=True, norm_first=True
                )
                self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
                self.head = nn.Linear(128, 256)
                self.register_buffer("mask", torch.full((64, 64), -math.inf).triu(1))

            def forward(self, x: Any) -> Any:
                return self.head(self.layers(self.embed(x) + self.place, mask=self.mask)).flatten(0, 1)

        return Model(), tokens, tokens.roll(-1, 1), 32

    class Block(nn.Module):
        def __init__(self, inner: int, outer: int, stride: int) -> None:
            super().__init__()
            self.first = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(outer)
            self.second = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(outer)
            self.stride, self.more = stride, outer - inner

        def forward(self, x: Any) -> Any:
            out = self.norm2(self.second(torch.relu(self.norm1(self.first(x)))))
            kept = x[:, :, :: self.stride, :: self.stride]
            if self.more:
                kept = nn.functional.pad(kept, (0, 0, 0, 0, 0, self.more))
            return torch.relu(out + kept)

    blocks: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    width = 16
    for outer, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(3):
            blocks.append(Block(width, outer, stride if number == 0 else 1))
            width = outer
    net = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return net, torch.randn(2048, 3, 32, 32), torch.randint(10, (2048,)), 128


def training(name: str, updates: int, watched: bool, overhead: float, deep: bool) -> NoReturn:
    """One training, in this process: says that it is ready, waits for a line, and says what it took."""
    import torch
    from torch import nn

    net, X, y, batch = network(name)
    if name == "resnet20":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4
        )
    else:
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()
    if watched:
        # Loading the package is paid for once, and is no part of the training.
        from fivefold.diagnosis.watch import watch
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(X), generator=generator)
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    start, wall = time.process_time(), time.perf_counter()
    seen = watch(net, optimizer, overhead=overhead, deep=deep) if watched else None

    def update(step: int) -> None:
        at = step * batch % (len(X) - batch + 1)
        rows = order[at : at + batch]
        optimizer.zero_grad()
        loss(net(X[rows]), y[rows].flatten()).backward()
        optimizer.step()

    for step in range(updates):
        update(step)
    if seen is not None:
        seen.close()
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    digest = hashlib.sha256()
    for key, value in net.state_dict().items():
        digest.update(
            key.encode() + value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    digest.update(torch.get_rng_state().numpy().tobytes())
    found: dict[str, Any] = {
        "cpu": cpu,
        "wall": wall,
        "bits": digest.hexdigest(),
        "watched": 0,
        "deep": 0,
        "said": 0.0,
    }
    if seen is not None:
        began = time.process_time()
        seen.findings()
        found |= {
            "watched": len(seen.record.steps),
            "deep": len(seen.record.deep),
            "said": seen.record.spent,
            "checks": time.process_time() - began,
        }
    print(json.dumps(found), flush=True)
    while True:  # until the parent ends it
        update(0)


def started(name: str, updates: int, watched: bool, options: argparse.Namespace) -> "subprocess.Popen[str]":
    """One training that is ready, in a process of its own."""
    given = {
        "name": name,
        "updates": updates,
        "watched": watched,
        "overhead": options.overhead,
        "deep": options.deep,
    }
    command = [sys.executable, str(Path(__file__).resolve()), "--threads", str(options.threads)]
    environment = {**os.environ, **(STEADY if options.heap == "steady" else {})}
    process = subprocess.Popen(
        [*command, "--one", json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    said(process)
    return process


def said(process: "subprocess.Popen[str]") -> Any:
    """The next thing that a training says."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a training ended with exit code {process.wait()}")
    return json.loads(line)


def run(processes: list["subprocess.Popen[str]"], cores: list[set[int]] | None) -> list[dict[str, Any]]:
    """Let trainings begin together, exchange their cores until both are done, and end them."""
    for process, own in zip(processes, cores or [], strict=False):
        pin(process, own)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    waiting: dict[Any, int] = {process.stdout: index for index, process in enumerate(processes)}
    found: list[dict[str, Any]] = [{} for _ in processes]
    while waiting:
        done, _, _ = select.select(list(waiting), [], [], EXCHANGE)
        for stream in done:
            index = waiting.pop(stream)
            found[index] = said(processes[index])
        if cores is not None:
            cores = cores[::-1]
            for process, own in zip(processes, cores, strict=True):
                pin(process, own)
    for process in processes:
        process.kill()
        process.communicate()
    return found


def pin(process: "subprocess.Popen[str]", cores: set[int]) -> None:
    """Put all threads of a process on some cores."""
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def halves(threads: int) -> list[set[int]] | None:
    """Two sets of cores with one for each thread; ``None`` where there are too few, or none can be chosen."""
    if not hasattr(os, "sched_getaffinity") or not Path("/proc/self/task").is_dir():
        return None
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[:threads]), set(cores[-threads:])] if len(cores) >= 2 * threads else None


def updates_in(name: str, options: argparse.Namespace) -> int:
    """Updates that take the seconds without watching, by a training of a tenth of them or more.

    Of a shorter one its first updates tell nothing: the dense network's thirty first took ten times too long.
    """
    updates = LEAST
    while (wall := run([started(name, updates, False, options)], None)[0]["wall"]) < options.seconds / 10:
        updates *= 4
    return max(LEAST, int(updates * options.seconds / wall))


def repetition(
    name: str, updates: int, turn: int, options: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a training that is not watched took, and a watched one."""
    order = (True, False) if turn % 2 else (False, True)
    cores = halves(options.threads)
    if cores is None:
        each = {watched: run([started(name, updates, watched, options)], None)[0] for watched in order}
    else:
        both = [started(name, updates, watched, options) for watched in order]
        each = dict(zip(order, run(both, cores), strict=True))
    return each[False], each[True]


def interval(values: list[float]) -> tuple[float, float]:
    """Order statistics between which the median lies with probability 95% or more; the ends where there are
    few.
    """
    n, ordered = len(values), sorted(values)
    k, below = 0, 0.5**n
    while k + 1 < n // 2 and 2 * (below + math.comb(n, k + 1) * 0.5**n) <= 0.05:
        k += 1
        below += math.comb(n, k) * 0.5**n
    return ordered[k], ordered[n - 1 - k]


def main() -> None:
    """Measure all networks and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=7, help="repetitions, of a pair each")
    parser.add_argument("--seconds", type=float, default=30.0, help="of one training without watching")
    parser.add_argument("--overhead", type=float, default=0.05, help="what watch is allowed")
    parser.add_argument("--deep", action="store_true", help="with looks in depth")
    parser.add_argument("--heap", choices=("steady", "default"), default="steady")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--name", default="diagnose_overhead", help="of the result")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = arguments(__doc__, parser)
    if options.one:
        import torch

        torch.set_num_threads(options.threads)
        training(**json.loads(options.one))
    rows = []
    for name in options.networks:
        updates = updates_in(name, options)
        pairs = [repetition(name, updates, turn, options) for turn in range(options.repeat)]
        cpu = [w["cpu"] / p["cpu"] - 1 for p, w in pairs]
        wall = [w["wall"] / p["wall"] - 1 for p, w in pairs]
        same = all(p["bits"] == w["bits"] for p, w in pairs)
        low, high = interval(cpu)
        wall_low, wall_high = interval(wall)
        rows.append(
            {
                "network": name,
                "updates": updates,
                "milliseconds": 1e3 * statistics.median(p["cpu"] for p, _ in pairs) / updates,
                "cpu_overhead": statistics.median(cpu),
                "cpu_low": low,
                "cpu_high": high,
                "wall_overhead": statistics.median(wall),
                "wall_low": wall_low,
                "wall_high": wall_high,
                "own_account": statistics.median(w["said"] / w["wall"] for _, w in pairs),
                "watched_updates": statistics.median(w["watched"] for _, w in pairs),
                "deep_updates": statistics.median(w["deep"] for _, w in pairs),
                "checks_seconds": statistics.median(w["checks"] for _, w in pairs),
                "same_bits": same,
            }
        )
        print(
            f"{name}: {updates} updates, processor {statistics.median(cpu):+.1%} ({low:+.1%} to "
            f"{high:+.1%}), "
            f"wall clock {statistics.median(wall):+.1%} ({wall_low:+.1%} to {wall_high:+.1%}), "
            f"{'same' if same else 'OTHER'} bits"
        )
    turns = "one after the other" if halves(options.threads) is None else "side by side, cores exchanged"
    notes = {
        "overhead allowed": str(options.overhead),
        "repetitions": f"{options.repeat} of a pair each, {turns}",
        "deep": str(options.deep),
        "heap": options.heap,
    }
    write(options.name, rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
