"""What is seen of loops that others write: the same bits, every event in its place, and at what cost."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.observation.watcher import Watcher


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(256, 6, generator=generator)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 3))


def trained(watched: bool, steps: int = 12, **settings) -> tuple[nn.Module, Watcher | None]:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, y = data()
    watcher = Watcher({"": model}, [optimizer], **settings) if watched else None
    if watcher:
        watcher.attach()
    for step in range(steps):
        rows = torch.randint(256, (32,))
        optimizer.zero_grad()
        functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % 4 == 3:
            model.eval()
            with torch.no_grad():
                assert (model(x).argmax(1) == y).float().mean() >= 0
            model.train()
    if watcher:
        watcher.detach()
    return model, watcher


def test_the_trained_bits_are_those_without_it() -> None:
    alone, _ = trained(False)
    for every in (1, 3):
        model, _ = trained(True, every=every)
        for key, value in alone.state_dict().items():
            assert torch.equal(value, model.state_dict()[key]), key


def test_each_step_is_seen_in_full() -> None:
    _, watcher = trained(True, every=1)
    record = watcher.record
    assert record.count == 12
    assert [s.index for s in record.steps] == list(range(12))
    last = record.steps[-1]
    assert last.training
    assert last.backwards == 1
    assert not last.stale
    assert not last.forward_after_backward
    assert last.losses[0].function == "cross_entropy"
    assert last.losses[0].value == pytest.approx(last.loss)
    assert sum(last.losses[0].classes) == 32
    assert [layer.kind for layer in last.layers] == ["Linear", "BatchNorm1d", "Tanh", "Dropout", "Linear"]
    assert [p.name for p in last.parameters] == [
        "0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias",
    ]  # fmt: skip
    assert all(p.gradient > 0 and p.update > 0 for p in last.parameters)
    # Adam's first step moves every number by its rate.
    first = {p.name: p for p in record.steps[0].parameters}["0.weight"]
    assert first.update == pytest.approx(0.01 * math.sqrt(first.numbers), rel=1e-3)
    assert last.groups[0].settings["lr"] == 0.01
    assert len(record.tapes) == 4
    assert record.no_tape == ""


@pytest.mark.parametrize("updates", [12, 10_000])
def test_the_rate_is_known_at_updates_that_are_not_watched(updates: int) -> None:
    w = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 / (1 + step // 2))
    watcher = Watcher({"": nn.ParameterList([w])}, [optimizer], every=100_000)
    watcher.attach()
    for _ in range(updates):
        w.grad = torch.ones(1)
        optimizer.step()
        schedule.step()
    watcher.detach()
    rates = watcher.record.rates
    assert rates[0] == (0, 1.0)
    assert all(rate == 1.0 / (1 + index // 2) for index, rate in rates)
    assert len(rates) == 6 if updates == 12 else 2000 < len(rates) <= 4096
    assert rates[-1][0] >= updates - 3


def test_a_schedule_that_leaves_no_trace_in_the_groups_is_found_where_the_rate_moves() -> None:
    w = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    watcher = Watcher({"": nn.ParameterList([w])}, [optimizer], every=1)
    watcher.attach()
    for _ in range(4):
        w.grad = torch.ones(1)
        optimizer.step()
        plateau.step(1.0)
    watcher.detach()
    assert [(s.kind, s.taken) for s in watcher.record.schedules] == [("ReduceLROnPlateau", 4)]


def test_evaluations_are_counted_and_judged() -> None:
    _, watcher = trained(True, every=1)
    seen = watcher.record.evaluations
    assert [e.after for e in seen] == [4, 8, 12]
    assert all(e.passes == 1 and e.training == 0 and e.rows == 256 for e in seen)
    assert seen[-1].compared == 256
    assert 0 < seen[-1].right <= 256
    assert watcher.record.evaluation_rows.targets[-1].shape == (256,)


def test_the_line_along_a_step_has_the_slope_and_the_losses_of_the_step() -> None:
    torch.manual_seed(3)
    model = nn.Linear(4, 1).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    x = torch.randn(32, 4, dtype=torch.float64)
    y = x.sum(1, keepdim=True)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(3):
        optimizer.zero_grad()
        functional.mse_loss(model(x), y).backward()
        gradient = model.weight.grad.square().sum() + model.bias.grad.square().sum()
        optimizer.step()
    watcher.detach()
    line = watcher.record.steps[-1].line
    assert line.slope == pytest.approx(-0.05 * float(gradient), rel=1e-12)
    assert line.own[0] == pytest.approx(watcher.record.steps[-1].loss, rel=1e-12)
    # A quadratic: d.H d is exact, d = -rate * gradient, H = 2 X'X / n with a column of ones.
    full = torch.cat([x, torch.ones(32, 1, dtype=torch.float64)], 1)
    d = -0.05 * torch.cat([model.weight.grad[0], model.bias.grad])
    assert line.curvature == pytest.approx(float(2 * (full @ d).square().mean()), rel=1e-9)


def test_larger_multiples_of_a_step_that_was_not_asked_for_end_with_the_time() -> None:
    def multiples(allowance: float) -> tuple[float, ...]:
        torch.manual_seed(3)
        model = nn.Linear(4, 1).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)  # the loss falls at every multiple
        x = torch.randn(32, 4, dtype=torch.float64)
        watcher = Watcher({"": model}, [optimizer], overhead=1e-9, allowance=allowance)
        watcher.attach()
        functional.mse_loss(model(x), x.sum(1, keepdim=True)).backward()
        optimizer.step()
        watcher.detach()
        (step,) = watcher.record.steps
        assert step.line.cut == (len(step.line.multiples) < 5)
        return step.line.multiples

    assert multiples(0.0) == (0.0, 1.0)
    assert multiples(60.0) == (0.0, 1.0, 4.0, 16.0, 64.0)


def test_gradients_left_from_before_are_seen_and_accumulation_on_purpose_is_not_blamed() -> None:
    def run(clear: bool, batches: int) -> Watcher:
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        watcher = Watcher({"": model}, [optimizer], every=1)
        watcher.attach()
        for _ in range(4):
            if clear:
                optimizer.zero_grad()
            for _ in range(batches):
                functional.mse_loss(model(torch.randn(8, 3)), torch.randn(8, 1)).backward()
            optimizer.step()
        watcher.detach()
        return watcher

    assert [s.stale for s in run(False, 1).record.steps] == [False, True, True, True]
    assert not any(s.stale for s in run(True, 3).record.steps)
    assert all(s.backwards == 3 for s in run(True, 3).record.steps)


def test_an_update_before_its_backward_pass_is_seen() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(4):
        loss = functional.mse_loss(model(torch.randn(8, 3)), torch.randn(8, 1))
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
    watcher.detach()
    assert all(s.forward_after_backward for s in watcher.record.steps)


def test_the_first_number_that_is_not_finite_is_dated() -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher({"": model}, [optimizer])
    watcher.attach()
    for step in range(8):
        x = torch.randn(8, 3)
        if step == 5:
            x[2, 1] = math.inf
        optimizer.zero_grad()
        functional.mse_loss(model(x), torch.randn(8, 1)).backward()
        optimizer.step()
    watcher.detach()
    assert watcher.record.first_nonfinite == 5
    assert watcher.record.nonfinite.where == "inputs"


def test_a_compiled_module_is_watched_from_outside() -> None:
    model = torch.compile(network(), backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = data()
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    watcher.detach()
    record = watcher.record
    assert [s.losses[0].function for s in record.steps] == ["cross_entropy"] * 3
    assert not record.steps[0].layers
    assert len(record.tapes) == 3


def test_hooks_and_modes_are_gone_afterwards() -> None:
    _, watcher = trained(True)
    model = watcher.record.model[""]
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert all(not m._forward_hooks for m in model.modules())
    assert torch._C._len_torch_function_stack() == 0


def test_a_mode_of_the_user_stays_in_its_place() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    x, y = data()
    loss = functional.cross_entropy(model(x), y)
    with torch.device("meta"):
        loss.backward()
        optimizer.step()
        assert torch.zeros(2).device.type == "meta"
    assert torch.zeros(2).device.type == "cpu"
    watcher.detach()
    assert torch._C._len_torch_function_stack() == 0


def test_a_step_that_calls_its_base_class_is_one_update() -> None:
    class Own(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    model = nn.Linear(2, 1)
    torch.optim.SGD(model.parameters(), lr=0.1)  # from now on torch hooks the base class' step as well
    optimizer = Own(model.parameters(), lr=0.1)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.ones(3, 2)).square().mean().backward()
        optimizer.step()
    watcher.detach()
    assert watcher.record.count == len(watcher.record.steps) == 5
