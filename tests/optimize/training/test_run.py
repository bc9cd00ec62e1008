"""What the driven method adds to a plain loop: the same steps, silent parameters, two modes, closures."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, Status
from fivefold.optimize import Callback, GradientSign, RandomNoise, train
from fivefold.optimize.training.augmentation import Flip


def table(n=64, seed=0):
    X = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))
    return X, X[:, 0].sin() + X[:, 1]


def network(*extra):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), *extra, nn.Tanh(), nn.Linear(8, 1))


def test_the_steps_are_those_of_a_hand_written_loop():
    """The same permutation and rates give the same bits as a loop around torch.optim."""
    from fivefold.core import torch_generator

    X, y = table()
    end = train(network(), (X, y), loss="squared", optimizer="adamw", epochs=3, batch_size=16, seed=5)
    net, draw = network(), torch_generator(5, "train", "order")
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    for step in range(12):
        t = step / 12
        rate = min(1.0, max(t, 1e-3) / 0.05) * 0.5 * (1 + math.cos(math.pi * t))
        optimizer.param_groups[0]["lr"] = 1e-3 * rate
        if step % 4 == 0:
            order = torch.randperm(64, generator=draw)
        rows = order[16 * (step % 4) : 16 * (step % 4 + 1)]
        optimizer.zero_grad()
        (net(X[rows])[:, 0] - y[rows]).square().mean().backward()
        optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), end.module.parameters(), strict=True))


def test_parameters_without_a_gradient_are_named():
    class Lost(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.forgotten, self.cut = network(), nn.Linear(2, 2), nn.Linear(3, 3)

        def forward(self, X):
            return self.used(X + self.cut(X).detach())

    end = train(Lost(), table(), loss="squared", epochs=2, batch_size=16)
    assert len(end.warnings) == 1
    assert "forgotten.weight, forgotten.bias, cut.weight, cut.bias;" in end.warnings[0]
    assert train(network(), table(), loss="squared", epochs=2, batch_size=16).warnings == ()


def test_not_a_number_in_the_data_is_named_before_any_step():
    X, y = table()
    X[7, 2] = torch.nan
    end = train(network(), (X, y), loss="squared", epochs=2)
    assert (end.status, end.steps) == (Status.DIVERGED, 0)
    assert "nan in row 7, column 2 of X" in end.reason


class Averaging(torch.optim.SGD):
    """Two modes: the weights for use are the mean of all that steps went through."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.sums, self.count, self.kept, self.calls = None, 0, None, []

    def _all(self):
        return [p for group in self.param_groups for p in group["params"]]

    def step(self, closure=None):
        assert self.calls[-1] == "train"
        super().step(closure)
        now = [p.detach().clone() for p in self._all()]
        self.sums = now if self.sums is None else [a + b for a, b in zip(self.sums, now, strict=True)]
        self.count += 1

    @torch.no_grad()
    def eval(self):
        self.calls.append("eval")
        if self.sums is not None:
            self.kept = [p.clone() for p in self._all()]
            for p, total in zip(self._all(), self.sums, strict=True):
                p.copy_(total / self.count)

    @torch.no_grad()
    def train(self):
        self.calls.append("train")
        if self.kept is not None:
            for p, old in zip(self._all(), self.kept, strict=True):
                p.copy_(old)


def test_an_optimizer_with_two_modes_is_judged_and_kept_in_the_one_for_use():
    made, rates = [], []

    class Listen(Callback):
        def on_step(self, moment):
            rates.append(moment.optimizer.param_groups[0]["lr"])

    def factory(groups):
        made.append(Averaging(groups, lr=0.05))
        return made[0]

    X, y = table()
    net = network(nn.BatchNorm1d(8))
    end = train(net, (X, y), loss="squared", optimizer=factory, epochs=3, batch_size=16, callbacks=[Listen()])
    assert made[0].calls == ["train", "eval"] * 3
    assert set(rates) == {0.05}, "such an optimizer needs no schedule"
    for p, total in zip(net.parameters(), made[0].sums, strict=True):
        assert torch.equal(p, total / 12)
    hidden = [net[0](piece) for piece in X.split(16)]
    mean = torch.stack([h.mean(0) for h in hidden]).mean(0).detach()
    torch.testing.assert_close(net[1].running_mean, mean, rtol=1e-5, atol=1e-6)
    assert end.status is Status.OUT_OF_BUDGET


def test_an_optimizer_with_a_closure_gets_one():
    X = table()[0]
    line = nn.Linear(3, 1).double()
    target = X.double() @ torch.tensor([1.0, -2.0, 0.5]).double() + 0.25

    def factory(groups):
        return torch.optim.LBFGS(groups[0]["params"], line_search_fn="strong_wolfe")

    end = train(
        line, (X.double(), target), loss="squared", epochs=4, batch_size=64, schedule="constant", clip=1e9,
        optimizer=factory,
    )  # fmt: skip
    assert end.history["loss"][-1] < 1e-10  # L-BFGS stops at a change of 1e-9
    torch.testing.assert_close(line.bias.detach(), torch.tensor([0.25]).double(), rtol=0, atol=1e-4)


def test_rates_that_are_tensors_follow_the_schedule():
    rates = []

    class Listen(Callback):
        def on_step(self, moment):
            rates.append(float(moment.optimizer.param_groups[0]["lr"]))

    def factory(groups):
        return torch.optim.Adam(groups, lr=torch.tensor(0.5), foreach=False)

    train(network(), table(), loss="squared", epochs=1, batch_size=16, callbacks=[Listen()],
          schedule=lambda t: 1 - t, optimizer=factory)  # fmt: skip
    assert rates == pytest.approx([0.375, 0.25, 0.125, 0.0])


def test_metrics_need_validation_data():
    with pytest.raises(ArgumentError, match="validation data for metrics"):
        train(network(), table(), loss="squared", metrics={"m": lambda out, y: out.mean()})


def test_augmentation_and_parts_and_layout_go_together():
    X = torch.randn(48, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    y = torch.arange(48) % 3

    def run(**settings):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double()
        end = train(net, (X.double(), y), loss="cross-entropy", epochs=3, batch_size=16, learning_rate=0.01,
                    augment=Flip(), validation=(X.double(), y), **settings)  # fmt: skip
        assert net[0].weight.is_contiguous()
        return end

    plain = run()
    other = run(parts=3, layout="channels-last")
    assert (other.choices.parts, other.choices.layout) == (3, "channels-last")
    # sums in another order, through 9 steps of Adam
    torch.testing.assert_close(other.history["loss"], plain.history["loss"], rtol=1e-9, atol=1e-9)
    for a, b in zip(plain.module.parameters(), other.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)
    assert not torch.equal(run(seed=1).history["loss"], plain.history["loss"])


def test_steps_under_attack_are_those_of_a_hand_written_loop():
    """Attacked in evaluation mode, then one pass in training mode: weights and statistics to the bit."""
    from fivefold.core import torch_generator

    X, y = table()
    attack = GradientSign(0.2, steps=2)
    end = train(network(nn.BatchNorm1d(8)), (X, y), loss="squared", epochs=3, batch_size=16, seed=5,
                optimizer=lambda groups: torch.optim.SGD(groups, lr=0.1), schedule="constant",
                perturb=attack)  # fmt: skip
    net, order, draw = (
        network(nn.BatchNorm1d(8)),
        *(torch_generator(5, "train", n) for n in ("order", "perturb")),
    )
    loss = lambda out, y: (out[:, 0] - y).square().mean()  # noqa: E731
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    first = [
        loss(net.eval()(attack(net, loss, a, (b,), draw)), b).item()
        for a, b in ((X[:16], y[:16]), (X[32:48], y[32:48]))
    ]
    assert float(end.history["loss"][0]) == pytest.approx(sum(first) / 2, rel=1e-6)
    for step in range(12):
        if step % 4 == 0:
            places = torch.randperm(64, generator=order)
        rows = places[16 * (step % 4) : 16 * (step % 4 + 1)]
        moved = attack(net.eval(), loss, X[rows], (y[rows],), draw)
        optimizer.zero_grad()
        loss(net.train()(moved), y[rows]).backward()
        optimizer.step()
    state = end.module.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert int(state["1.num_batches_tracked"]) == 12


def test_the_seed_decides_the_perturbation_and_nothing_else_hears_of_it():
    def run(**settings):
        net = network(nn.Dropout(0.3))
        return train(net, table(), loss="squared", epochs=2, batch_size=16, **settings).history["loss"]

    noise = RandomNoise(0.3)
    assert torch.equal(run(perturb=noise), run(perturb=noise))
    assert not torch.equal(run(perturb=noise, seed=1), run(perturb=noise))
    # order and dropout have streams of their own
    assert torch.equal(run(perturb=RandomNoise(0.0)), run())


def test_a_closure_meets_the_same_noise_each_time():
    seen = []

    def perturb(module, loss, X, targets, generator):
        seen.append(float(torch.rand((), generator=generator)))
        return X

    def factory(groups):
        return torch.optim.LBFGS(groups[0]["params"], max_iter=3)

    train(network(), table(), loss="squared", epochs=2, batch_size=64, optimizer=factory, perturb=perturb)
    # one before training, then for each of two updates one for the first pass and one for all of the closure
    assert len(seen) >= 1 + 2 * 3
    assert len(set(seen)) == 1 + 2 * 2
    assert len(set(seen[-2:])) == 1
