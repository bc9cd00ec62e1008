"""SIGKILL at any step, full disks, damage: the run goes on to the same bits, or says why not."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, ArtifactError, Budget, Status
from fivefold.optimize import Callback, GradientSign, RandomNoise, train
from fivefold.optimize.training.checkpoint import Checkpoint
from fivefold.optimize.training.weight_averaging import WeightAverage

_SCRIPT = textwrap.dedent(
    """
    import hashlib, json, os, random, signal, sys, time
    import numpy as np
    import torch
    from torch import nn
    from fivefold.optimize import Callback, train
    from fivefold.optimize.training.augmentation import Chain, Flip, Shift

    os.chdir(sys.argv[1])
    torch.set_num_threads(1)

    class Noise(Callback):
        # draws from the global generators and carries a state of its own
        def __init__(self, fatal=None):
            self.sum, self.seen, self.fatal = 0.0, torch.zeros(2), fatal
        def on_backward(self, moment):
            for p in moment.module.parameters():
                p.grad += 1e-3 * float(np.random.rand()) * torch.rand(p.shape)
        def on_step(self, moment):
            self.sum += float(moment.loss)
            self.seen[moment.step % 2] += 1
            if moment.step == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        def state_dict(self):
            return {"sum": self.sum, "seen": self.seen}
        def load_state_dict(self, state):
            self.sum, self.seen = state["sum"], state["seen"]

    def run(case, place, fatal=None):
        torch.manual_seed(0)
        n = 60
        if case["images"]:
            X = torch.randn(n, 1, 8, 8)
            net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3),
                                nn.Flatten(), nn.Linear(144, 3))
            y, loss, augment = torch.arange(n) % 3, "cross-entropy", Chain(Shift(2), Flip())
        else:
            X = torch.randn(n, 5)
            net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3),
                                nn.Linear(8, 1))
            y, loss, augment = X[:, 0].sin(), "squared", None
        data = torch.utils.data.TensorDataset(X, y)
        if case["stream"]:
            class Drawn(torch.utils.data.Dataset):
                def __len__(self): return n
                def __getitem__(self, i): return X[i] + 0.1 * torch.rand(X[i].shape), y[i]
            data = Drawn()
        noise = Noise(fatal)
        end = train(net, data, loss=loss, optimizer=case["optimizer"], epochs=4, batch_size=16,
                    learning_rate=0.01, clip=1.0, augment=augment, layout=case["layout"],
                    validation=(X, y) if case["held"] else None, schedule=case["schedule"],
                    callbacks=[noise], parts=case["parts"],
                    checkpoint=place, every=case["every"], resume=True, seed=3)
        digest = hashlib.sha256()
        for value in net.state_dict().values():
            digest.update(value.numpy().tobytes())
        for value in end.history.values():
            digest.update(value.numpy().tobytes())
        digest.update(repr((noise.sum, noise.seen.tolist(), end.steps, end.best_epoch, end.reason,
                            str(end.status))).encode())
        return digest.hexdigest()

    def child(case, place, fatal=None, moment=None):
        # returns the digest, or None where the child was killed
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writing, run(case, place, fatal).encode())
                os._exit(0)
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(1)
        os.close(writing)
        if moment is not None:
            time.sleep(moment)
            os.kill(pid, signal.SIGKILL)
        text = os.read(reading, 200).decode()
        os.close(reading)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
        return text or None

    draw, kills, report = random.Random(0), 0, []
    for number, case in enumerate(json.loads(sys.argv[2])):
        began = time.monotonic()
        whole = child(case, f"whole{number}")
        seconds = time.monotonic() - began
        # at chosen steps: the kill comes after the update and before its checkpoint
        for fatal in case["fatal"]:
            killed = child(case, f"killed{number}", fatal=fatal)
            kills += killed is None
        assert child(case, f"killed{number}") == whole, case
        # at any moment, so that writers are hit as well
        ends = None
        for _ in range(case["random"]):
            ends = child(case, f"random{number}", moment=draw.uniform(0.2, 0.9) * seconds) or ends
            kills += ends is None
        assert not case["random"] or (ends or child(case, f"random{number}")) == whole, case
        if case["random"]:
            assert child(case, f"random{number}") == whole, "a finished run answers the same again"
        report.append(whole)
    print(json.dumps({"kills": kills, "ends": report}))
    """
)

_CASE = {"images": False, "stream": False, "optimizer": "adamw", "layout": "auto", "held": True, "parts": 1,
         "schedule": None, "every": 1, "fatal": [1, 9], "random": 1}  # fmt: skip


_CASES = [
    {
        **_CASE,
        "optimizer": "sgd",
        "every": 3,
        "held": False,
        "fatal": [5],
        "random": 0,
        "schedule": "plateau",
    },
    {**_CASE, "optimizer": "rmsprop", "stream": True, "every": 2, "fatal": [7], "random": 0},
    {**_CASE, "images": True, "layout": "channels-last", "parts": 2, "fatal": [2, 11], "random": 0},
    {**_CASE, "optimizer": "schedule-free-adamw", "every": "10ms", "fatal": [8], "random": 0},
    {**_CASE, "optimizer": "soap", "every": 3, "fatal": [11]},
    {**_CASE, "optimizer": "muon", "every": 2, "fatal": [7]},
]


def kill_and_resume(folder, cases):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _SCRIPT, str(folder), json.dumps(cases)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert len(set(report["ends"])) == len(cases)
    return report["kills"]


def test_a_killed_and_resumed_run_ends_with_the_same_bits(tmp_path):
    assert kill_and_resume(tmp_path, [{**_CASE, "fatal": [1, 9], "random": 0}]) == 2


@pytest.mark.slow
def test_runs_of_every_kind_killed_at_any_moment_end_with_the_same_bits(tmp_path):
    assert kill_and_resume(tmp_path, [_CASE, *_CASES]) >= 8


def table(n=60):
    X = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    return X, X[:, 0].sin()


def network(width=8):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Dropout(0.2), nn.Linear(width, 1))


def run(place, net=None, data=None, **settings):
    net = network() if net is None else net
    settings = {"loss": "squared", "epochs": 4, "batch_size": 16, "every": 1, "seed": 3, **settings}
    return train(net, table() if data is None else data, checkpoint=place, **settings)


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


class Interrupted(Exception):
    pass


class Interrupt(Callback):
    def __init__(self, step=None):
        self.fatal = step

    def on_step(self, moment):
        if moment.step == self.fatal:
            raise Interrupted


@pytest.mark.parametrize(
    "optimizer", ["adamw", "soap", "kfac", "muon", "sgd", "adafactor", "schedule-free-sgd"]
)
def test_every_kind_of_optimizer_and_an_average_go_on_to_the_same_bits(tmp_path, optimizer):
    """Interrupted in the middle of epochs, before and after preconditioners were renewed."""

    def go(place, fatal=None):
        average = WeightAverage(0.9, start=1, every=2, keep=False)
        callbacks = [average, Interrupt(fatal)]
        end = run(
            place, optimizer=optimizer, epochs=6, learning_rate=0.01, weight_decay=0.01,
            clip=1.0, every=3, callbacks=callbacks, validation=table(), resume=True,
        )  # fmt: skip
        return end, average

    (whole, average), place = go(tmp_path / "a"), tmp_path / "b"
    for fatal in (2, 10, 17):
        with pytest.raises(Interrupted):
            go(place, fatal)
    again, resumed = go(place)
    assert same(again.module, whole.module)
    assert again.history["loss"].tolist() == whole.history["loss"].tolist()
    assert resumed.count == average.count > 5
    assert all(torch.equal(value, resumed.weights[name]) for name, value in average.weights.items())


@pytest.mark.parametrize("perturb", [GradientSign(0.1, steps=3), RandomNoise(0.2)])
def test_a_training_under_attack_goes_on_to_the_same_bits(tmp_path, perturb):
    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))

    whole, place = run(tmp_path / "a", net(), perturb=perturb, every=3), tmp_path / "b"
    for fatal in (2, 10):
        with pytest.raises(Interrupted):
            run(place, net(), perturb=perturb, every=3, resume=True, callbacks=[Interrupt(fatal)])
    again = run(place, net(), perturb=perturb, every=3, resume=True, callbacks=[Interrupt()])
    assert again.history["loss"].tolist() == whole.history["loss"].tolist()
    kept = again.module.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in whole.module.state_dict().items())


def test_the_checkpoint_of_another_perturbation_is_refused(tmp_path):
    run(tmp_path / "a", budget=Budget(steps=1), perturb=RandomNoise(0.1))
    for perturb, words in (
        (RandomNoise(0.2), r"same perturb \(RandomNoise\(scale=0.2"),
        (GradientSign(0.1), r"same perturb \(GradientSign\(radius=0.1"),
        (None, r"same perturb \(none\); got RandomNoise"),
    ):
        with pytest.raises(ArtifactError, match=words):
            run(tmp_path / "a", resume=True, perturb=perturb)
    run(tmp_path / "b", budget=Budget(steps=1))
    with pytest.raises(ArtifactError, match="got none"):
        run(tmp_path / "b", resume=True, perturb=RandomNoise(0.2))


def test_a_spent_budget_is_gone_on_from(tmp_path):
    whole = run(tmp_path / "a")
    first = run(tmp_path / "b", budget=Budget(steps=2))
    assert (first.status, first.reason, first.steps) == (Status.OUT_OF_BUDGET, "the budget is spent", 8)
    again = run(tmp_path / "b", resume=True)
    assert same(again.module, whole.module)
    assert again.history["loss"].tolist() == whole.history["loss"].tolist()
    assert again.steps == whole.steps == 16
    nothing = run(tmp_path / "c", budget=Budget(steps=0))
    assert (nothing.steps, nothing.reason) == (0, "the budget is spent")
    assert same(run(tmp_path / "c", resume=True, budget=Budget(steps=9)).module, whole.module)


def test_seconds_end_an_epoch_in_its_middle_and_the_rest_comes_later(tmp_path):
    class Slow(Callback):
        def on_step(self, moment):
            time.sleep(0.07)

    whole = run(tmp_path / "a", callbacks=[Slow()])
    steps = [0]
    for _ in range(40):
        part = run(tmp_path / "b", resume=True, budget=Budget(seconds=0.2), callbacks=[Slow()])
        assert part.steps >= steps[-1]
        steps.append(part.steps)
        if part.reason != "the budget is spent":
            break
    assert any(step % 4 for step in steps), steps
    assert part.steps == 16
    assert same(part.module, whole.module)
    assert part.history["loss"].tolist() == whole.history["loss"].tolist()


def test_checkpoints_change_nothing_and_are_told(tmp_path):
    class Listen(Callback):
        steps = ()

        def on_checkpoint(self, moment):
            self.steps = (*self.steps, moment.step)

    listen = Listen()
    kept = run(tmp_path / "a", every=5, callbacks=[listen])
    plain = train(network(), table(), loss="squared", epochs=4, batch_size=16, seed=3)
    assert same(kept.module, plain.module)
    assert listen.steps == (5, 10, 15, 16) or listen.steps == (0, 5, 10, 15, 16)
    assert not list(tmp_path.rglob("*.pkl"))
    assert not list(tmp_path.rglob("*.pt"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"net": network(9)}, r"a checkpoint of the same module \(Sequential with 46"),
        ({"optimizer": "sgd"}, r"the same optimizer \(sgd\); got adamw"),
        ({"epochs": 5}, r"the same epochs \(5\); got 4"),
        ({"seed": 4}, r"the same seed"),
        ({"data": (table()[0], table()[1] + 1)}, "the same data"),
        ({"validation": table()}, "the same validation"),
        ({"callbacks": [Callback.__new__(type("Own", (Callback,), {}))]}, r"the same callbacks \(Own\)"),
        ({"resume": False}, "a free name for checkpoints"),
    ],
)
def test_another_trainings_checkpoint_is_refused(tmp_path, settings, message):
    run(tmp_path / "a", budget=Budget(steps=1))
    with pytest.raises(ArtifactError, match=message):
        run(tmp_path / "a", **{"resume": True, **settings})


def test_a_damaged_state_and_something_else_are_refused(tmp_path):
    from fivefold.artifact import Bundle, save

    run(tmp_path / "a", budget=Budget(steps=1))
    file = tmp_path / "a" / "tensors.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ArtifactError, match="the contents of"):
        run(tmp_path / "a", resume=True)
    save(tmp_path / "b", Bundle("tables", {}))
    with pytest.raises(ArtifactError, match="a checkpoint of a training; got tables"):
        run(tmp_path / "b", resume=True)
    with pytest.raises(ArgumentError, match="a checkpoint to resume from"):
        train(network(), table(), loss="squared", resume=True)
    kept = Checkpoint.every(tmp_path / "c", 1, {})
    kept_tree = Bundle("training-checkpoint", {"identity": {}, "state": {"list": []}})
    save(tmp_path / "c", kept_tree)
    with pytest.raises(ArtifactError, match="a state in the checkpoint"):
        kept.read()


@pytest.mark.parametrize(("every", "message"), [(0, "at least 1 step"), ("soon", "a duration")])
def test_an_interval_that_is_none_is_refused(tmp_path, every, message):
    with pytest.raises(ArgumentError, match=message):
        run(tmp_path / "a", every=every)


def test_a_full_disk_leaves_the_last_state_and_the_training_goes_on(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    class Fill(Callback):
        def on_step(self, moment):
            size = 1000 if moment.step in (7, 8, 9) else limits[0]
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    try:
        end = run(tmp_path / "a", callbacks=[Fill()], every=2)
        assert [note for note in end.warnings if "could not be written" in note] == [
            "the checkpoint of step 8 could not be written (File too large); that of step 6 is kept"
        ]
        assert end.steps == 16

        class Stop(Fill):
            def on_step(self, moment):
                super().on_step(moment)
                if moment.step == 9:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "b", callbacks=[Stop()], every=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    kept = Checkpoint.every(tmp_path / "b", 2, {})
    kept.identity = json.loads((tmp_path / "b" / "model.json").read_text())["config"]["identity"]
    assert kept.read()["step"] == 6


def test_nan_is_not_written_over_the_last_good_state(tmp_path):
    class Poison(Callback):
        def on_backward(self, moment):
            if moment.step == 6:
                next(moment.module.parameters()).grad.fill_(torch.nan)

    end = run(tmp_path / "a", callbacks=[Poison()])
    assert end.status is Status.DIVERGED
    assert end.reason.endswith("the checkpoint of step 6 stands")
    kept = Checkpoint.every(tmp_path / "a", 1, {})
    kept.identity = json.loads((tmp_path / "a" / "model.json").read_text())["config"]["identity"]
    state = kept.read()
    assert state["step"] == 6
    assert all(bool(value.isfinite().all()) for value in state["module"].values())


def test_a_state_that_needs_pickle_is_refused_at_once(tmp_path):
    class Odd(Callback):
        def state_dict(self):
            return {"set": {1, 2}}

    with pytest.raises(ArgumentError, match="without pickle"):
        run(tmp_path / "a", callbacks=[Odd()])
