"""Does a training take the memory that its plan says? Peaks of fresh processes beside `memory_plan`.

    python benchmarks/networks_memory.py [--steps 6]

Each row is a process of its own that makes the network, notes its resident memory, trains on random pictures
for ``--steps`` steps and notes its largest resident memory; the difference is what the training took, beside
what is planned for it (weights and buffers are there before, and are added to both). ``off`` is planned over
taken, less one: below 0 the plan promised too little.

writes ``benchmarks/results/networks_memory.csv``.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from common import THREAD_VARIABLES, arguments, write

SET_ON = ("resnet18", "resnet20", "densenet121", "mobilenet_v2", "shufflenet_v2_x1_0")
"""Architectures on whose peaks the plan's allowance was set; the others are new to it."""
CASES: tuple[tuple[str, tuple[int, int, int], int, str], ...] = (
    ("resnet20", (3, 32, 32), 64, "adamw"),
    ("resnet20", (3, 32, 32), 256, "adamw"),
    ("resnet18", (3, 224, 224), 8, "adamw"),
    ("resnet18", (3, 224, 224), 32, "adamw"),
    ("densenet121", (3, 128, 128), 8, "adamw"),
    ("densenet121", (3, 128, 128), 32, "adamw"),
    ("mobilenet_v2", (3, 224, 224), 8, "adamw"),
    ("mobilenet_v2", (3, 224, 224), 32, "adamw"),
    ("shufflenet_v2_x1_0", (3, 224, 224), 8, "adamw"),
    ("shufflenet_v2_x1_0", (3, 224, 224), 32, "adamw"),
    ("resnet50", (3, 224, 224), 8, "sgd"),
    ("vgg11", (3, 128, 128), 16, "sgd"),
    ("convnext_tiny", (3, 128, 128), 16, "adamw"),
    ("unet", (3, 128, 128), 8, "adam"),
    ("speedrun", (3, 32, 32), 512, "sgd"),
)
"""Name, shape of a picture, batch and optimizer."""


def measured(
    name: str, shape: tuple[int, int, int], batch: int, optimizer: str, steps: int
) -> dict[str, int]:
    """Train in this process; bytes that were planned and taken."""
    import resource

    import torch

    import fivefold as ff

    torch.manual_seed(0)
    network = ff.networks.create(name, classes=10, channels=shape[0])
    plan = ff.networks.memory_plan(network, shape, batch, optimizer)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    settings: dict[str, Any] = {"lr": 1e-3} | ({"momentum": 0.9} if optimizer == "sgd" else {})
    own = made(network.parameters(), **settings)
    network.train()
    page = os.sysconf("SC_PAGE_SIZE")
    with open("/proc/self/statm") as stream:  # noqa: PTH123
        before = int(stream.read().split()[1]) * page
    for _ in range(steps):
        x = torch.randn(batch, *shape)
        own.zero_grad()
        output = network(x)
        output.square().mean().backward()
        own.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "planned": plan.total - plan.parameters - plan.buffers,
        "taken": peak - before,
        "weights": plan.parameters + plan.buffers,
    }


def main() -> None:
    """One process a case, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--case", type=int, default=None, help=argparse.SUPPRESS)
    options = arguments(__doc__, parser)
    if not sys.platform.startswith("linux"):
        print("nothing was measured: resident memory is read from Linux's /proc")
        return
    if options.case is not None:
        print(json.dumps(measured(*CASES[options.case], options.steps)))
        return
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(options.threads))}
    rows = []
    for number, (name, shape, batch, optimizer) in enumerate(CASES):
        command = [sys.executable, __file__, "--case", str(number), "--steps", str(options.steps)]
        command += ["--threads", str(options.threads)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        mib = {key: value / 2**20 for key, value in found.items()}
        whole = mib["weights"] + mib["taken"]
        rows.append(
            {
                "network": name,
                "picture": "x".join(map(str, shape)),
                "batch": batch,
                "optimizer": optimizer,
                "planned MiB": mib["planned"] + mib["weights"],
                "taken MiB": whole,
                "allowance set on it": name in SET_ON,
                "off": (mib["planned"] + mib["weights"]) / whole - 1,
            }
        )
        print(rows[-1], flush=True)
    notes = {}
    for known, words in ((True, "on which the allowance was set"), (False, "that are new to it")):
        offs = [float(row["off"]) for row in rows if row["allowance set on it"] == known]
        key = f"planned over taken, less one, of architectures {words}"
        notes[key] = f"{min(offs):+.0%} to {max(offs):+.0%} over {len(offs)} trainings"
        print(f"{key}: {notes[key]}")
    write("networks_memory", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
