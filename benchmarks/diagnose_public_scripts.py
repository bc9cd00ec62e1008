"""Does `fivefold diagnose` run on training scripts that nobody here wrote, and is what it finds right?

    python benchmarks/diagnose_public_scripts.py [--only NAME] [--cache FOLDER] [--images FOLDER]

takes training scripts out of the source archives of packages on the index that pip uses (each named with
version, file and SHA-256 in :data:`SCRIPTS`; an archive that differs is refused), installs what they import
into a temporary folder, and runs each twice, in the folder that it ships in: ``python FILE ARGS``, then
``fivefold diagnose FILE --json -q -- ARGS``. Written down are the exit codes of both, whether what the script
prints is the same (figures of time aside), the seconds of both, the findings, and the sentences that say what
could not be seen. Scripts run on data that they make themselves, on scikit-learn's, or on what ``prepare``
puts in the place where they look for it. Those that need what is not to be had (torchvision's data sets,
models from a hub) are run all the same: then the sentence is the result.

Each finding was judged by reading the script: :data:`JUDGED` says right or false alarm, and why.

The archives are downloaded only when this file is run; nothing of them is kept in the repository, whose
licence is not theirs.

writes ``benchmarks/results/diagnose_public_scripts.csv``, one row per script.
"""

import argparse
import encodings.aliases
import gzip
import hashlib
import html.entities
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common import THREAD_VARIABLES, arguments, write

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 600.0
TIMES = re.compile(
    r"\d+(?:[.:]\d+)*(?:e[+-]?\d+)?\s*(?:ms|us|s\b|sec|seconds?|it/s|s/it|batch/s|h\b|m\b|%\|)"
)


@dataclass(frozen=True)
class Script:
    """A training script in a source archive.

    Attributes:
        name: What it is called here.
        package: The package whose source archive ships it.
        version: The archive's.
        file: Its path in the archive, below the first folder.
        sha256: Of the file.
        about: What it trains.
        arguments: What it is given.
        prepare: Puts data where it looks for them; gets its folder, and that of the images.
        seeded: Whether two runs of it print the same.
    """

    name: str
    package: str
    version: str
    file: str
    sha256: str
    about: str
    arguments: tuple[str, ...] = ()
    prepare: Callable[[Path, Path | None], None] | None = None
    seeded: bool = True


def fashion(root: str, most: int = 60_000) -> Callable[[Path, Path | None], None]:
    """Put Fashion-MNIST where torchvision looks for MNIST: the names of files are the same.

    Args:
        root: The folder that the script names, seen from its own.
        most: Training images; a sixth as many test images.
    """

    def place(folder: Path, images: Path | None) -> None:
        if images is None:
            return
        raw = folder / root / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for packed in images.glob("*-ubyte.gz"):
            data = gzip.decompress(packed.read_bytes())
            head, size = (16, 784) if "images" in packed.name else (8, 1)
            count = most if packed.name.startswith("train") else most // 6
            cut = data[:4] + count.to_bytes(4, "big") + data[8 : head + count * size]
            (raw / packed.stem).write_bytes(cut)

    return place


TORCHVISION = '''
"""A stand-in: MNIST's files and three transforms. torchvision's wheels need torch's GPU build."""
import gzip, sys, types
from pathlib import Path
import numpy as np
import torch
from PIL import Image


class MNIST(torch.utils.data.Dataset):
    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        raw, part = Path(root) / "MNIST" / "raw", "train" if train else "t10k"
        if not (raw / f"{part}-images-idx3-ubyte").exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        pixels = np.fromfile(raw / f"{part}-images-idx3-ubyte", np.uint8)[16:]
        self.data = torch.from_numpy(pixels.reshape(-1, 28, 28))
        labels = np.fromfile(raw / f"{part}-labels-idx1-ubyte", np.uint8)[8:]
        self.targets = torch.from_numpy(labels.astype(int))
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        image = Image.fromarray(self.data[index].numpy())
        return image if self.transform is None else self.transform(image), int(self.targets[index])


class ToTensor:
    def __call__(self, image):
        return torch.from_numpy(np.array(image)).div(255.0)[None]


class Normalize:
    def __init__(self, mean, std, inplace=False):
        self.mean, self.std = (torch.tensor(value).reshape(-1, 1, 1) for value in (mean, std))

    def __call__(self, image):
        return (image - self.mean) / self.std


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


datasets, transforms = types.ModuleType("torchvision.datasets"), types.ModuleType("torchvision.transforms")
datasets.MNIST = MNIST
transforms.ToTensor, transforms.Normalize, transforms.Compose = ToTensor, Normalize, Compose
sys.modules["torchvision.datasets"], sys.modules["torchvision.transforms"] = datasets, transforms
'''
"""Written into the folder of a script that reads MNIST, where no torchvision that works is installed."""


def names(folder: Path, images: Path | None) -> None:
    """Write names of four kinds, a file each, all of which Python itself knows."""
    letters = [unicodedata.name(chr(code), "") for code in range(0x370, 0x530)]
    kinds = {
        "modules": sorted(sys.stdlib_module_names),
        "codecs": sorted(encodings.aliases.aliases),
        "entities": sorted({name.strip(";") for name in html.entities.html5})[::4],
        "letters": sorted({name.split(" LETTER ")[-1].lower() for name in letters if " LETTER " in name}),
    }
    (folder / "data").mkdir(exist_ok=True)
    for kind, found in kinds.items():
        (folder / "data" / f"{kind}.txt").write_text("\n".join(found) + "\n", encoding="utf-8")


SCRIPTS = (
    Script(
        "random classes",
        "poutyne",
        "1.19.0",
        "examples/basic_random_classification.py",
        "d5e0e9fae967460a737efe159fb2cd54a7607c89d30fd94d8db725e8568ea043",
        "a dense network on random labels, in poutyne's loop",
        seeded=False,
    ),
    Script(
        "random targets",
        "poutyne",
        "1.19.0",
        "examples/basic_random_regression.py",
        "f44c1afee39dd187ca5839727a7863d8422c3633accd45284b71ca6ac292381f",
        "a dense network on random targets, in poutyne's loop",
        seeded=False,
    ),
    Script(
        "reinforce",
        "pytorch-ignite",
        "0.5.5",
        "examples/reinforcement_learning/reinforce.py",
        "b589870c9852058736ba5d774852bfc4ca3a7ae03e75aeffabe361d9df06b680",
        "a policy for CartPole, one update an episode, in ignite's loop",
        ("--max-episodes", "80"),
        seeded=False,
    ),
    Script(
        "actor and critic",
        "pytorch-ignite",
        "0.5.5",
        "examples/reinforcement_learning/actor_critic.py",
        "fbde94f8394cde54b609ef3c382ed7a446a069908d6b8883d399c5d3b7bb77e2",
        "a policy and a value for CartPole, in ignite's loop",
        ("--max-episodes", "60"),
        seeded=False,
    ),
    Script(
        "names",
        "opacus",
        "1.6.0",
        "examples/char-lstm-classification.py",
        "f834ae1453c2c1b567e475518f1484db601878be9a72a15306591acf675d774d",
        "an LSTM on characters, batches of several lengths, a loop of its own",
        ("--disable-dp", "--device", "cpu", "--epochs", "3", "-b", "64", "--data-root", "data"),
        prepare=names,
        seeded=False,
    ),
    Script(
        "function",
        "deepxde",
        "1.15.0",
        "examples/function/func.py",
        "70d63654cab4b4f7d28e84defba317e73faa2bec49a45e79d37a6c319fd5d586",
        "a dense network on 16 points of a curve, full batches, 10,000 updates, in DeepXDE's loop",
        seeded=False,
    ),
    Script(
        "Hessian",
        "hessian-eigenthings",
        "1.0.0a5",
        "examples/supervised_mlp.py",
        "94439bf3d65c2166fbbf58785caa8bb218173a284cacfb33317d5062668a7ed8",
        "no training: eigenvalues of a network's Hessian",
    ),
    Script(
        "tetris",
        "e3nn",
        "0.6.0",
        "examples/tetris.py",
        "fd2c02c59108f00acf408ae9404d9a496bcb6cac0b4a951fca3844992ed6f4db",
        "an equivariant network on eight shapes, a loop of its own; torch_cluster, which it needs, is not "
        "there",
        seeded=False,
    ),
    Script(
        "sentiment",
        "pytorch-ignite",
        "0.5.5",
        "examples/transformers/main.py",
        "5b33f88ac8968085a66d19c432b223dae3ea97f503f93aa52fc57eaf863b2bfb",
        "a pretrained transformer; its weights and texts come from a hub",
        ("run",),
    ),
    Script(
        "mnist with TensorBoard",
        "torch-optimizer",
        "0.3.0",
        "examples/mnist.py",
        "df45de3a248105269680745eb2e244ada8f5551233895eab243cf6aebb6ff931",
        "a convolutional network; TensorBoard, which it needs, is not there",
    ),
    Script(
        "mnist, dense",
        "poutyne",
        "1.19.0",
        "examples/medium_post/pure_pytorch.py",
        "8c35112fa148ee541c376b917c26da107165a4908736900b6389fb952dc9d8f0",
        "a dense network on images, a loop of its own",
        prepare=fashion("datasets"),
        seeded=False,
    ),
    Script(
        "mnist, convolutional",
        "pytorch-ignite",
        "0.5.5",
        "examples/mnist/mnist.py",
        "830fca7d5b580118b3b8e5a9f1599da376eb96b8a0f302288f2533d41c6452f8",
        "a convolutional network with dropout, in ignite's loop",
        ("--epochs", "1"),
        prepare=fashion(".", 12_000),
        seeded=False,
    ),
    Script(
        "mnist, without schedule",
        "schedulefree",
        "1.4.1",
        "examples/mnist/main.py",
        "0cc2d01db7da626f0cb8947b184ad01b790f87d9143b736705de21d60d61b66e",
        "a convolutional network, an optimizer of the package's own, a loop of its own",
        ("--epochs", "1", "--batch-size", "256"),
        prepare=fashion("../data", 12_000),
    ),
    Script(
        "mnist, private off",
        "opacus",
        "1.6.0",
        "examples/mnist.py",
        "14e9a51180f52ea05029e803f0ab8a172910142cf256ba0e24be15011b1fbcf7",
        "a convolutional network, a loop of its own",
        ("--disable-dp", "--device", "cpu", "-n", "1", "-b", "256", "--data-root", "data"),
        prepare=fashion("data", 12_000),
        seeded=False,
    ),
)
"""The scripts; arguments make the longer ones shorter, nothing else is changed."""

PACKAGES = (
    "poutyne==1.19.0",
    "pytorch-ignite==0.5.5",
    "opacus==1.6.0",
    "deepxde==1.15.0",
    "hessian-eigenthings==1.0.0a5",
    "e3nn==0.6.0",
    "schedulefree==1.4.1",
    # what they import
    "absl-py==2.5.1",
    "cloudpickle==3.1.2",
    "farama-notifications==0.0.6",
    "gymnasium==1.4.0",
    "lightning-utilities==0.15.3",
    "opt_einsum==3.4.0",
    "opt_einsum_fx==0.1.4",
    "packaging==26.3",
    "pillow==13.0.0",
    "pyaml==26.7.0",
    "pyyaml==6.0.3",
    "scikit-optimize==0.10.2",
    "torch-geometric==2.8.1",
    "torchmetrics==1.9.0",
    "tqdm==4.70.1",
)
"""Installed without what they depend on beyond that."""

JUDGED: dict[tuple[str, str], str] = {
    ("random classes", "labels.unrelated"): "right: the script draws its labels by randint, as a toy",
    (
        "names",
        "fit.unfinished",
    ): "right: three passes, as it was called here, of ten by default (which end at 57%, not 38%)",
    (
        "names",
        "rate.too-high",
    ): "false alarm: a half to an eighth of the rate ends no better after as many passes (34 to 44%)",
    ("random targets", "labels.unrelated"): "right: the script draws its targets at random, as a toy",
    (
        "mnist, convolutional",
        "fit.unfinished",
    ): "right: one pass over the images, as it was called here",
    (
        "mnist, private off",
        "fit.unfinished",
    ): "right: one pass over a part of the images, as it was called here",
    (
        "mnist, without schedule",
        "fit.unfinished",
    ): "right: one pass over a part of the images, as it was called here",
    ("mnist, private off", "rate.too-high"): "not decided: 47 updates tell little",
}
"""What reading the script says of each finding, by script and code."""


def archive(script: Script, cache: Path) -> Path:
    """Return the unpacked source archive, downloaded once.

    Raises:
        ValueError: The script in it is not the one that is named here.
    """
    folder = cache / f"{script.package}-{script.version}"
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        with tempfile.TemporaryDirectory() as made:
            subprocess.run([*pip, "-d", made, f"{script.package}=={script.version}"], check=True)
            (packed,) = Path(made).glob("*.tar.gz")
            with tarfile.open(packed) as file:
                file.extractall(Path(made) / "unpacked", filter="data")
            (inner,) = (Path(made) / "unpacked").iterdir()
            shutil.move(inner, folder)
    found = hashlib.sha256((folder / script.file).read_bytes()).hexdigest()
    if found != script.sha256:
        raise ValueError(f"expected {script.file} with SHA-256 {script.sha256}; got {found}")
    return folder


def run(command: list[str], folder: Path, packages: Path) -> tuple[int, str, str, float]:
    """Exit code, both streams and seconds of a command in a folder."""
    begun = time.perf_counter()
    settings = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(packages))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DDE_BACKEND": "pytorch",
        "MPLBACKEND": "Agg",
    }
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=LONGEST,
            check=False,
            env=settings,
        )
    except subprocess.TimeoutExpired:
        return 124, "", "", LONGEST
    return done.returncode, done.stdout, done.stderr, time.perf_counter() - begun


def spoken(text: str) -> list[str]:
    """What a script prints, without figures of time, bars of progress and the lines of its traceback."""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    kept = [TIMES.sub("", line) for line in lines if line and "%|" not in line and "it/s" not in line]
    return sorted(line for line in kept if not line.startswith(("File ", "Warning", "^", "~")))


def examine(script: Script, cache: Path, packages: Path, images: Path | None) -> dict[str, object]:
    """One row: the script alone, then under diagnosis."""
    source = archive(script, cache)
    results = []
    for command in (["{}"], ["-m", "fivefold", "diagnose", "{}", "--json", "-q", "--"]):
        # The same path both times: some scripts print it.
        place = cache / "run"
        shutil.rmtree(place, ignore_errors=True)
        folder = (place / script.file).parent
        shutil.copytree((source / script.file).parent, folder)
        if script.prepare is not None:
            script.prepare(folder, images)
        if script.name.startswith("mnist,"):
            (folder / "torchvision.py").write_text(TORCHVISION, encoding="utf-8")
        name = Path(script.file).name
        filled = [name if part == "{}" else part for part in command]
        results.append(run([sys.executable, *filled, *script.arguments], folder, packages))
    (code, out, err, alone), (ours, said, shown, watched) = results
    found = json.loads(said) if said.strip().startswith("{") else {"findings": [], "notes": [said[-300:]]}
    state = found.get("script", {})
    same = "yes" if spoken(out + err) == spoken(shown) else "no"
    if same == "no" and not script.seeded and code == state.get("exit_code"):
        same = "draws without a seed"
    judged = [
        f"{f['code']} ({f['confidence']}): {JUDGED.get((script.name, f['code']), 'not judged')}"
        for f in found["findings"]
    ]
    return {
        "script": script.name,
        "package": script.package,
        "version": script.version,
        "file": script.file,
        "sha256": script.sha256[:16],
        "arguments": " ".join(script.arguments),
        "about": script.about,
        "exit code alone": code,
        "exit code under diagnosis": state.get("exit_code", ""),
        "exit code of diagnose": ours,
        "same output": same,
        "seconds alone": round(alone, 1),
        "seconds under diagnosis": round(watched, 1),
        "updates": state.get("updates", ""),
        "findings": " ".join(f"{f['code']}:{f['confidence']}" for f in found["findings"]),
        "notes": " | ".join(found["notes"])[:900],
        "judged": " | ".join(judged),
    }


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=None, help="a script, by its name")
    parser.add_argument("--cache", type=Path, default=None, help="keeps archives and packages between runs")
    parser.add_argument("--images", type=Path, default=None, help="folder of Fashion-MNIST's four .gz files")
    options = arguments(__doc__, parser)
    chosen = [script for script in SCRIPTS if not options.only or script.name in options.only]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as made:
        cache = (options.cache or Path(made)).resolve()
        packages = cache / "packages"
        if not packages.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
            subprocess.run([*pip, *PACKAGES], check=True)
        for script in chosen:
            rows.append(examine(script, cache, packages, options.images))
            print(" | ".join(f"{key}: {value}" for key, value in rows[-1].items()), flush=True)
            write("diagnose_public_scripts", rows, threads=1, notes=heads(rows))


def heads(rows: list[dict[str, object]]) -> dict[str, str]:
    """What the table says in all."""
    alike = sum(row["exit code alone"] == row["exit code under diagnosis"] for row in rows)
    trained = sum(bool(row["updates"]) for row in rows)
    wrong, unjudged = (
        sum(str(row["judged"]).count(f"(high): {words}") for row in rows) for words in ("false alarm", "not ")
    )
    return {
        "command": "python benchmarks/diagnose_public_scripts.py --images FOLDER",
        "result": f"{len(rows)} scripts: {alike} end with the exit code that they have alone; {trained} "
        "trained and were watched, for the others a sentence says why not; "
        f"{wrong} false alarms of high confidence, {unjudged} findings of high confidence not judged",
    }


if __name__ == "__main__":
    main()
