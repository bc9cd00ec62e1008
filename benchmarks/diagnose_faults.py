"""Is the first finding right? `fivefold diagnose` on scripts with planted faults, and on their healthy twins.

    python benchmarks/diagnose_faults.py [--part a --part b --part c] [--jobs 2] [--seed 0]

makes each faulty script of ``tests/faults/`` in a folder of its own under a neutral name, runs ``fivefold
diagnose train.py --json`` on it, and compares the codes of the findings with those that name the planted kind
of fault, listed in :data:`RIGHT`. A finding is right where its code begins with one of them. The healthy
twins run the same way: no finding of high confidence is right there.

writes ``benchmarks/results/diagnose_faults.csv``, one row per script.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import THREAD_VARIABLES, arguments, write

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults"

RIGHT: dict[str, tuple[str, ...]] = {
    "augmentation-breaks-labels": ("labels.noise", "data.preparation"),
    "batch-too-small-for-norm": ("normalisation.small-batch",),
    "broadcast-loss": ("loss.broadcast",),
    "clipped-too-hard": ("clipping.always",),
    "dead-units": ("units.dead", "initialisation."),
    "detached-graph": ("gradient.detached",),
    "distribution-shift": ("data.preparation",),
    "early-stopping-misuse": ("fit.",),
    "eval-left-on": ("mode.evaluation-in-training",),
    "exploding-gradients": ("gradient.explodes", "initialisation.too-large", "rate.too-high"),
    "frozen-parameters": ("parameters.frozen",),
    "future-leak": ("mask.future", "mask.unshifted", "data.leak"),
    "hidden-state": ("inputs.ignored", "batch."),
    "imbalance": ("imbalance.",),
    "initialisation-too-large": ("initialisation.too-large",),
    "initialisation-too-small": ("initialisation.too-small",),
    "inputs-not-scaled": ("inputs.scale", "axis.scaling"),
    "kl-weight": ("latent.collapsed", "regularisation.penalty"),
    "label-noise": ("labels.noise",),
    "leakage": ("data.leak",),
    "missing-nonlinearity": ("capacity.linear",),
    "missing-zero-grad": ("gradient.accumulates",),
    "lossy-preprocessing": ("data.preparation", "inputs."),
    "mixed-batches": ("batch.mixed", "axis.batch"),
    "momentum-too-high": ("rate.momentum", "rate.too-high", "parameters.slow-average"),
    "no-exploration": ("loss.no-exploration",),
    "non-finite": ("nonfinite.", "mask.empty"),
    "optimizer-misses-parameters": ("parameters.outside-optimizer", "parameters.unregistered"),
    "ordered-batches": ("data.ordered",),
    "output-activation": ("output.activation",),
    "overfitting": ("fit.overfits",),
    "precision-overflow": ("precision.", "nonfinite."),
    "preprocessing-mismatch": ("data.preparation",),
    "probabilities-for-logits": ("loss.probabilities",),
    "rate-too-high": ("rate.too-high",),
    "rate-too-low": ("rate.too-low",),
    "repeated-data": ("data.repeated",),
    "reversed-returns": ("loss.backwards", "loss.policy-sign"),
    "running-statistics": ("normalisation.",),
    "saturated-units": ("units.saturated", "initialisation.too-large", "inputs.scale"),
    "scheduler-misuse": ("schedule.",),
    "shuffled-labels": ("labels.unrelated",),
    "stale-average": ("parameters.",),
    "stale-statistics": ("normalisation.", "mode."),
    "step-before-backward": ("step.before-backward",),
    "symmetric-initialisation": ("initialisation.constant",),
    "targets-not-scaled": ("targets.scale",),
    "too-few-steps": ("fit.unfinished", "data.exhausted"),
    "too-little-data": ("data.exhausted", "fit.overfits", "fit.unfinished"),
    "too-little-capacity": ("capacity.small",),
    "too-much-dropout": ("regularisation.dropout",),
    "too-much-regularisation": ("regularisation.",),
    "train-mode-at-evaluation": ("mode.training-in-evaluation", "mode.dropout-in-evaluation"),
    "unregistered-parameters": ("parameters.unregistered",),
    "vanishing-gradients": ("gradient.vanishes", "initialisation.too-small"),
    "weights-not-loaded": ("parameters.frozen", "initialisation."),
    "worker-seeds": ("data.repeated",),
    "wrong-axis": ("axis.", "batch.mixed"),
    "wrong-column": ("inputs.ignored",),
    "wrong-labels": ("labels.", "output.", "targets."),
    "wrong-loss": ("loss.", "output."),
    "wrong-mask": ("mask.", "loss.left-out"),
    "wrong-reduction": ("loss.sum", "loss.one-example", "latent.collapsed"),
    "wrong-units": ("inputs.",),
    "zero-initialisation": ("initialisation.constant",),
}
"""Codes that name a kind of fault, or its direct cause."""


def diagnose(text: str, seed: int) -> tuple[list[dict[str, str]], float]:
    """Findings of a script, and the seconds that the command took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.py"
        path.write_text(text, encoding="utf-8")
        begun = time.perf_counter()
        command = [sys.executable, "-m", "fivefold", "diagnose", str(path), "--json", "--budget", "240s"]
        done = subprocess.run(
            [*command, "--", "--seed", str(seed)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONPATH": str(ROOT / "src")},
        )
        taken = time.perf_counter() - begun
        found = json.loads(done.stdout)["findings"] if done.stdout.strip().startswith("{") else []
        return found, taken


def judged(identity: str, script: str, kind: str, text: str, seed: int) -> dict[str, object]:
    """One row: what was found, and whether it is right."""
    found, taken = diagnose(text, seed)
    right = [any(f["code"].startswith(code) for code in RIGHT.get(kind, ())) for f in found]
    first = found[0] if found else {"code": "", "confidence": ""}
    return {
        "id": identity,
        "script": script,
        "kind": kind,
        "first": first["code"],
        "confidence": first["confidence"],
        "first right": bool(right[:1] == [True]),
        "in the first three": any(right[:3]),
        "high": sum(f["confidence"] == "high" for f in found),
        "findings": " ".join(f"{f['code']}:{f['confidence']}" for f in found[:6]),
        "seconds": round(taken, 1),
    }


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--part", action="append", default=None, help="a part of the corpus (default: all there are)"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = arguments(__doc__, parser)
    parts = options.part or sorted(path.stem for path in (FAULTS / "edits").glob("*.toml"))
    jobs: list[tuple[str, str, str, str, str]] = []
    scripts: dict[str, str] = {}
    for part in parts:
        for fault in tomllib.loads((FAULTS / "edits" / f"{part}.toml").read_text(encoding="utf-8"))["fault"]:
            twin = (FAULTS / "scripts" / f"{fault['script']}.py").read_text(encoding="utf-8")
            assert twin.count(fault["old"]) == 1, fault["id"]
            scripts.setdefault(fault["script"], twin)
            text = twin.replace(fault["old"], fault["new"])
            jobs.append((part, fault["id"], fault["script"], fault["kind"], text))
    healthy = [("healthy", f"healthy {name}", name, "healthy", text) for name, text in scripts.items()]
    jobs = healthy + jobs
    rows: list[dict[str, object]] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for part, row in pool.map(lambda job: (job[0], judged(*job[1:], options.seed)), jobs):
            rows.append({"part": part, **row})
            print(" | ".join(str(v) for v in rows[-1].values()), flush=True)
    notes: dict[str, str] = {}
    for part in (*parts, "all"):
        faults = [r for r in rows if r["kind"] != "healthy" and part in {r["part"], "all"}]
        first = [r for r in faults if r["first right"]]
        three = sum(bool(r["in the first three"]) for r in faults)
        high = sum(r["confidence"] == "high" for r in first)
        notes[f"result of part {part}"] = (
            f"{len(faults)} faults: first finding right in {len(first)} ({len(first) / len(faults):.0%}), "
            "one of the first three in "
            f"{three} ({three / len(faults):.0%}); high confidence in {high} of the {len(first)} right first "
            "findings"
        )
    twins = [r for r in rows if r["kind"] == "healthy"]
    clean = sum(r["high"] == 0 for r in twins)
    notes["result of healthy twins"] = f"no finding of high confidence in {clean} of {len(twins)}"
    for key, text in notes.items():
        print(f"{key}: {text}")
    write("diagnose_faults", rows, threads=1, notes=notes)


if __name__ == "__main__":
    main()
