"""What the recorders that people have say of planted faults: anomaly mode, Cockpit, skorch.

    python benchmarks/diagnose_recorders.py [--part a] [--only ID] [--jobs 1] [--packages FOLDER]

runs each faulty script of ``tests/faults/`` once, under autograd's anomaly mode: whole where the planted
fault can make numbers overflow (:data:`CAN_OVERFLOW`), for its first 60 updates otherwise. On the way the
first model is copied before its first update, and its first batches, its loss, its optimizer and that
optimizer's settings are kept. Where the training is a plain one (one model, one loss module's function on
what the model gave), the two recorders then train that copy on these batches, each as its own documentation
shows it:

- anomaly mode (``torch.autograd.set_detect_anomaly``) raises where a backward pass makes a NaN, and names the
  operation. It has no other word. Beside it stands the rule of the callbacks that stop at a loss that is not
  finite (ignite's ``TerminateOnNan``, Lightning's ``EarlyStopping(check_finite=True)``), applied to each
  loss that ``backward`` is called on.
- Cockpit, configuration ``economy`` of 1.0.2. It draws gauges and gives no verdict, nor does it claim to. The
one
  figure whose scale its documentation states is ``Alpha`` (-1 where the step began, 0 at the minimum along
  it, above 0 beyond that): its median is written, and the word "overshoots" where it is above 1.
- skorch: the history of a ``NeuralNet`` and the records of ``SkorchDoctor``, which "will not tell you what
  you need to do", as its documentation says. Whether a record holds a number that is not finite is written.

A fault of the loop (a missing ``zero_grad``) is not one of skorch's loop, and a fault of the data comes with
the
batches: what a person would read off these plots is not judged here.

Without ``--packages`` the two are installed into a temporary folder first, from the package index that pip
uses.

writes ``benchmarks/results/diagnose_recorders.csv``, one row per fault.
"""

import argparse
import copy
import importlib.metadata
import inspect
import io
import math
import multiprocessing
import os
import re
import runpy
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import warnings
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from common import arguments, write

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults"
PACKAGES = (
    "cockpit-for-pytorch==1.0.2",
    "backpack-for-pytorch==1.7.1",
    "skorch==1.4.0",
    # what Cockpit imports; setuptools has pkg_resources until 80
    "setuptools==80.9.0",
    "einops==0.8.2",
    "unfoldNd==0.2.3",
    "seaborn==0.13.2",
    "json-tricks==3.17.3",
    "tabulate==0.10.0",
    "tqdm==4.70.1",
)
"""Without what they depend on beyond that: torch, NumPy, pandas and matplotlib are those of the checkout."""

BATCHES = 24
LONGEST = 90.0
MOST_UPDATES = 60
NUMERIC = {"non-finite", "precision-overflow"}
"""Kinds of fault whose cause anomaly mode is made to name."""

CAN_OVERFLOW = NUMERIC | {
    "exploding-gradients",
    "initialisation-too-large",
    "inputs-not-scaled",
    "momentum-too-high",
    "rate-too-high",
    "targets-not-scaled",
}

OF_LOSSES = {
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "cross_entropy": "CrossEntropyLoss",
    "mse_loss": "MSELoss",
}
"""The losses that Cockpit's backend has second derivatives of, and that all three know."""


class Enough(BaseException):
    """The script has made as many updates as are looked at."""


class Seen:
    """What is kept of a training while the script runs: first model, first batches, loss, optimizer."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.models: list[Any] = []
        self.copy: Any = None
        self.batches: list[tuple[tuple[Any, ...], Any]] = []
        self.loss = ""
        self.settings: dict[str, Any] = {}
        self.optimizer: Any = None
        self.rates: dict[str, Any] = {}
        self.unfit = "no loss function of torch was called on what the model gave"
        self.not_finite = -1
        self.updates = 0
        self.flat = False
        self._depth = 0
        self._last: tuple[tuple[Any, ...], Any] | None = None

    def before(self, module: Any, args: Any) -> None:
        """A module is called."""
        import torch

        self._depth += 1
        if self._depth > 1 or not torch.is_grad_enabled() or self.updates:
            return
        if any(module is each for each in self.models) or isinstance(module, torch.nn.modules.loss._Loss):
            return
        if any(p.requires_grad for p in module.parameters()):
            self.models.append(module)
            if len(self.models) == 1:
                self.copy = copy.deepcopy(module)

    def after(self, module: Any, args: Any, output: Any) -> None:
        """A module has answered."""
        self._depth = max(0, self._depth - 1)
        if self._depth == 0 and self.models and module is self.models[0]:
            self._last = args, output

    def loss_called(self, name: str, given: dict[str, Any], output: Any) -> None:
        """A loss function was called."""
        import torch

        tensors = [value for value in given.values() if isinstance(value, torch.Tensor)]
        if self._last is None or len(tensors) != 2 or not output.requires_grad:
            return
        made = self._last[1]
        if made is not tensors[0] and _flattened(made, tensors[0]):
            self.flat = True
        elif made is not tensors[0]:
            self.unfit = "the loss is not taken of what the model gave, but of something made from it"
            return
        if name not in OF_LOSSES:
            self.unfit = f"a loss that Cockpit's backend does not know: {name}"
        elif len(self.batches) < BATCHES:
            args, target = self._last[0], tensors[1].detach().clone()
            self.loss, self.settings = (
                name,
                {k: v for k, v in given.items() if k in {"reduction"} and v != "mean"},
            )
            self.batches.append(
                (tuple(a.clone() if isinstance(a, torch.Tensor) else a for a in args), target)
            )

    def stepped(self, optimizer: Any, *rest: Any) -> None:
        """An optimizer made a step."""
        if not self.updates:
            self.optimizer = type(optimizer)
            names = set(inspect.signature(type(optimizer).__init__).parameters)
            self.rates = {k: v for k, v in optimizer.param_groups[0].items() if k in names and k != "params"}
        self.updates += 1
        if self.updates >= self.most:
            raise Enough

    def model(self) -> Any:
        """A copy of the copy, with the view that the script takes of its output as a last layer."""
        from torch import nn

        made = copy.deepcopy(self.copy).train()
        return nn.Sequential(made, nn.Flatten(0, 1)) if self.flat else made

    def why_not(self) -> str:
        """Why the recorders cannot train this as their documentation shows it; empty where they can."""
        if len(self.models) != 1:
            return f"{len(self.models)} models play together"
        if not self.batches:
            return self.unfit
        if any(len(x) != 1 or not hasattr(x[0], "shape") for x, _ in self.batches):
            return "the model takes several arguments"
        return ""


def _flattened(made: Any, given: Any) -> bool:
    """Whether a tensor is another one with its first two dimensions made one."""
    import torch

    if not isinstance(made, torch.Tensor) or made.ndim < 2 or made.data_ptr() != given.data_ptr():
        return False
    return bool(made.flatten(0, 1).shape == given.shape)


def run_script(path: Path, seed: int, seen: Seen) -> str:
    """Run a script under anomaly mode; return what it was stopped by, empty where by nothing."""
    import torch
    from torch.nn import functional
    from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch.overrides import TorchFunctionMode

    losses = {
        getattr(functional, name): name
        for name in dir(functional)
        if name.endswith(("_loss", "_entropy", "_logits"))
    }

    class Listening(TorchFunctionMode):
        """Sees the calls of loss functions and of ``backward``."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            if func in losses:
                given = inspect.signature(func).bind_partial(*args, **(kwargs or {})).arguments
                seen.loss_called(losses[func], given, out)
            return out

    class Backward(TorchFunctionMode):
        """Looks at each loss before the gradient is asked for."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if (
                func is torch.Tensor.backward
                and seen.not_finite < 0
                and not bool(torch.isfinite(args[0]).all())
            ):
                seen.not_finite = seen.updates
            return func(*args, **(kwargs or {}))

    handles = [
        register_module_forward_pre_hook(seen.before),
        register_module_forward_hook(seen.after, always_call=True),
        register_optimizer_step_post_hook(seen.stepped),
    ]
    sys.argv = [str(path), "--seed", str(seed)]
    try:
        with torch.autograd.set_detect_anomaly(True), Listening(), Backward():
            runpy.run_path(str(path), run_name="__main__")
    except (SystemExit, Enough):
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        for handle in handles:
            handle.remove()
    return ""


def cockpit_says(seen: Seen) -> str:
    """What Cockpit records of the copy on its batches, or the error that it ends with."""
    from torch import nn

    try:
        from backpack import extend
        from cockpit import Cockpit
        from cockpit.utils.configuration import configuration

        model = extend(seen.model())
        kind = getattr(nn, OF_LOSSES[seen.loss])
        loss_of, each_of = extend(kind(**seen.settings)), kind(reduction="none")
        optimizer = seen.optimizer(model.parameters(), **seen.rates)
        recorder = Cockpit(model.parameters(), quantities=configuration("economy"))
        for step, (x, y) in enumerate(seen.batches):
            optimizer.zero_grad()
            out = model(*x)
            loss, losses = loss_of(out, y), each_of(out, y)
            info = {
                "batch_size": len(y),
                "individual_losses": losses.reshape(len(y), -1).mean(1),
                "loss": loss,
                "optimizer": optimizer,
            }
            with recorder(step, info=info):
                loss.backward(create_graph=recorder.create_graph(step))
            optimizer.step()
        found = recorder.get_output()
        alphas = [v["Alpha"] for v in found.values() if isinstance(v, dict) and v.get("Alpha") is not None]
    except Exception as error:
        return f"fails: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:240]
    finite = [float(a) for a in alphas if math.isfinite(float(a))]
    if not finite:
        return f"records {len(found)} steps; no Alpha"
    median = statistics.median(finite)
    return f"records {len(found)} steps; median Alpha {median:.2f}" + ("; overshoots" if median > 1 else "")


def skorch_says(seen: Seen) -> str:
    """What skorch and its doctor record of the copy on its batches, or the error that they end with."""
    import numpy as np
    import torch
    from torch import nn

    try:
        from skorch import NeuralNet
        from skorch.helper import SkorchDoctor

        first = seen.batches[0][0][0].shape[1:]
        rows = [
            (x[0], y)
            for x, y in seen.batches
            if x[0].shape[1:] == first and y.shape[1:] == seen.batches[0][1].shape[1:]
        ]
        inputs, targets = torch.cat([x for x, _ in rows]), torch.cat([y for _, y in rows])
        net = NeuralNet(
            seen.model(),
            criterion=getattr(nn, OF_LOSSES[seen.loss])(**seen.settings),
            optimizer=seen.optimizer,
            max_epochs=1,
            batch_size=len(rows[0][0]),
            train_split=None,
            verbose=0,
            **{f"optimizer__{name}": value for name, value in seen.rates.items()},
        )
        doctor = SkorchDoctor(net)
        doctor.fit(inputs, targets)
        history = [row["train_loss"] for row in net.history]
        recorded = [
            [value for steps in logs.values() for step in steps for value in step.values()]
            for logs in (doctor.gradient_recs_, doctor.param_update_recs_)
        ]
    except Exception as error:
        return f"fails: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:240]
    gradients, updates = recorded
    # An update's size is a ratio of standard deviations, which a single number has none of: left out.
    bad = sum(not np.isfinite(value).all() for value in gradients)
    text = f"records {len(gradients)} gradients, {len(updates)} updates; train_loss {history[-1]:.4g}"
    return text + (f"; {bad} gradients not finite" if bad else "")


def examine(job: tuple[str, dict[str, str], int]) -> dict[str, object]:
    """One row; runs in a process of its own, which is left when its time is over."""
    part, fault, seed = job
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    healthy = (FAULTS / "scripts" / f"{fault['script']}.py").read_text(encoding="utf-8")
    assert healthy.count(fault["old"]) == 1, fault["id"]
    seen = Seen(math.inf if fault["kind"] in CAN_OVERFLOW else MOST_UPDATES)
    stopped = f"runs longer than {LONGEST:.0f} s"
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(healthy.replace(fault["old"], fault["new"]), encoding="utf-8")
        os.chdir(folder)
        alarm = threading.Timer(LONGEST, _interrupt)
        alarm.daemon = True
        alarm.start()
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            with suppress(KeyboardInterrupt):
                stopped = run_script(path, seed, seen)
            alarm.cancel()
            ran = time.perf_counter() - started
            unfit = seen.why_not()
            cockpit = f"does not fit: {unfit}" if unfit else cockpit_says(seen)
            if not unfit and any(len(x[0]) != len(y) for x, y in seen.batches):
                unfit = "there is more than one target to a row"
            skorch = f"does not fit: {unfit}" if unfit else skorch_says(seen)
        os.chdir(ROOT)
    raised = "returned nan values" in stopped
    kind = fault["kind"]
    return {
        "part": part,
        "id": fault["id"],
        "script": fault["script"],
        "kind": kind,
        "anomaly mode": "silent" if not raised else "names the operation" if kind in NUMERIC else "raises",
        "what it raised": stopped.splitlines()[0][:160] if stopped else "",
        "first loss not finite": seen.not_finite if seen.not_finite >= 0 else "",
        "Cockpit": cockpit,
        "skorch": skorch,
        "updates": seen.updates,
        "seconds": round(ran, 1),
    }


def _interrupt() -> None:
    import _thread

    _thread.interrupt_main()


def installed(folder: Path) -> None:
    """Put the recorders into a folder of their own, without what they depend on."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*pip, *PACKAGES], check=True)


def versions() -> dict[str, str]:
    """Whether each recorder can be imported beside this torch, and which version it is."""
    found = {}
    for package, module in (
        ("cockpit-for-pytorch", "cockpit"),
        ("backpack-for-pytorch", "backpack"),
        ("skorch", "skorch"),
    ):
        try:
            __import__(module)
            found[package] = importlib.metadata.version(package)
        except Exception as error:
            found[package] = f"cannot be imported: {type(error).__name__}: {error}"
    return found


def summary(heads: dict[str, str], rows: list[dict[str, object]]) -> dict[str, str]:
    """The head of the table: versions, the command, and how often each says what."""
    found = {**heads, "command": " ".join(["python", "benchmarks/diagnose_recorders.py", *sys.argv[1:]])}
    for column in ("anomaly mode", "Cockpit", "skorch"):
        count = Counter(re.split(r"[:;0-9]", str(row[column]))[0].strip() for row in rows)
        found[f"result of {column}"] = "; ".join(f"{word} {n}" for word, n in count.most_common())
    overshoots = [str(row["kind"]) for row in rows if "overshoots" in str(row["Cockpit"])]
    found["result of Cockpit's Alpha"] = (
        f"median above 1 in {len(overshoots)}: {', '.join(overshoots) or 'none'}"
    )
    stopped = sum(row["first loss not finite"] != "" for row in rows)
    found["result of a stop at a loss that is not finite"] = f"{stopped} of {len(rows)} faults"
    return found


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", default=None, help="a part of the corpus (default: all)")
    parser.add_argument("--only", action="append", default=None, help="a fault, by its id")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--packages", type=Path, default=None, help="a folder that holds the recorders already"
    )
    options = arguments(__doc__, parser)
    parts = options.part or sorted(path.stem for path in (FAULTS / "edits").glob("*.toml"))
    jobs = []
    for part in parts:
        for fault in tomllib.loads((FAULTS / "edits" / f"{part}.toml").read_text(encoding="utf-8"))["fault"]:
            if not options.only or fault["id"] in options.only:
                jobs.append((part, fault, options.seed))
    with tempfile.TemporaryDirectory() as made:
        folder = options.packages or Path(made)
        if options.packages is None:
            installed(folder)
        sys.path.insert(0, str(folder))
        warnings.simplefilter("ignore")
        # Loaded once: each fault is examined in a fork of this process.
        import sklearn.datasets  # noqa: F401
        import torch

        torch.set_num_threads(1)
        heads = versions()
        rows: list[dict[str, object]] = []
        with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
            for row in pool.imap(examine, jobs):
                rows.append(row)
                write("diagnose_recorders", rows, threads=1, notes=summary(heads, rows))
                print(" | ".join(str(v) for v in row.values()), flush=True)
    for key, text in summary(heads, rows).items():
        print(f"{key}: {text}")


if __name__ == "__main__":
    main()
