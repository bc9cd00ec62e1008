"""Minibatch training: what is learned, kept, told and repeated."""

import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, Budget, Status
from fivefold.networks import DenseNetwork, EnsembleDense
from fivefold.optimize import Callback, train


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def curve(n=256, seed=0, noise=0.1):
    X = torch.rand(n, 2, generator=generator(seed)) * 4 - 2
    y = torch.sin(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2 + noise * torch.randn(n, generator=generator(seed + 1))
    return X, y


def network(seed=0, **settings):
    return DenseNetwork(2, 1, (32, 32), generator=generator(seed), **settings)


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop", "adagrad"])
@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_every_optimizer_and_schedule_learns_a_line(optimizer, schedule):
    X = torch.randn(200, 2, generator=generator())
    y = X @ torch.tensor([1.0, -2.0]) + 0.5
    line = DenseNetwork(2, 1, (), generator=generator())
    end = train(
        line, (X, y), loss="squared", optimizer=optimizer, schedule=schedule, epochs=60, batch_size=32,
        learning_rate=0.3 if optimizer == "adagrad" else 0.05,
    )  # fmt: skip
    assert end.history["loss"][-1] < 1e-3
    assert end.history["loss"].shape == (61,)
    assert end.steps == 60 * 7


def test_full_batch_sgd_goes_to_least_squares():
    X = torch.randn(50, 2, generator=generator()).double()
    y = X @ torch.tensor([1.0, -2.0]).double() + 0.3 + torch.randn(50, generator=generator(1)).double()
    line = DenseNetwork(2, 1, (), generator=generator()).double()
    train(line, (X, y), loss="squared", optimizer="sgd", schedule="constant", epochs=400, batch_size=50,
          learning_rate=0.05)  # fmt: skip
    design = torch.cat([X, torch.ones(50, 1).double()], 1)
    exact = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
    found = torch.cat([line.layers[0].weight[0], line.layers[0].bias]).detach()
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    data, held = curve(), curve(seed=7)
    runs = []
    for seed in (3, 3, 4):
        net = network(dropout=0.2)
        end = train(net, data, loss="squared", epochs=3, batch_size=50, validation=held, seed=seed)
        runs.append((weights(net), end.history["validation"]))
    assert same(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    assert not same(runs[0][0], runs[2][0])


def test_the_global_generators_are_left_alone():
    import numpy as np

    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(network(dropout=0.5), curve(), loss="squared", epochs=1)
    assert torch.equal(before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()


def test_early_stopping_restores_the_best_weights():
    data, held = curve(40, noise=1.0), curve(200, seed=5, noise=1.0)
    net = network()
    end = train(net, data, loss="squared", epochs=400, batch_size=20, learning_rate=0.01,
                schedule="constant", validation=held, patience=20)  # fmt: skip
    scores = end.history["validation"]
    assert end.status is Status.CONVERGED
    assert "no better validation loss for 20 epochs" in end.reason
    best = int(scores.argmin())
    assert end.best_epoch == (best,)
    assert len(scores) == best + 21
    with torch.no_grad():
        now = (net(held[0])[:, 0] - held[1]).square().mean()
    assert float(now) == pytest.approx(float(scores[best]), rel=1e-6)
    assert float(scores[-1]) > float(scores[best])
    assert not net.training


def test_without_early_stopping_the_plan_ends_as_out_of_budget():
    end = train(network(), curve(), loss="squared", epochs=2)
    assert (end.status, end.reason, end.best_epoch) == (
        Status.OUT_OF_BUDGET,
        "every planned epoch is done",
        (2,),
    )


def test_a_budget_of_epochs_stops_before_the_plan():
    end = train(network(), curve(), loss="squared", epochs=50, budget=Budget(steps=3))
    assert (end.status, end.reason, len(end.history["loss"])) == (
        Status.OUT_OF_BUDGET,
        "the budget is spent",
        4,
    )


def test_divergence_is_said_and_the_best_weights_come_back():
    X, y = curve()
    net = network()
    end = train(net, (X, y), loss="squared", optimizer="sgd", learning_rate=1e6, schedule="constant")
    assert end.status is Status.DIVERGED
    assert "not finite in epoch" in end.reason
    assert all(bool(torch.isfinite(p).all()) for p in net.parameters())


def test_divergence_after_good_epochs_keeps_the_good_ones():
    data, held = curve(), curve(seed=9)
    net = network()

    class Poison(Callback):
        def on_backward(self, moment):
            if moment.epoch == 5:
                next(moment.module.parameters()).grad.fill_(torch.nan)

    end = train(net, data, loss="squared", epochs=20, learning_rate=0.01, validation=held,
                callbacks=[Poison()])  # fmt: skip
    assert end.status is Status.DIVERGED
    (kept,) = end.best_epoch
    assert 1 <= kept <= 5
    with torch.no_grad():
        now = (net(held[0])[:, 0] - held[1]).square().mean()
    assert float(now) == pytest.approx(float(end.history["validation"][kept]), rel=1e-6)


def test_a_nan_in_the_data_is_divergence_not_success():
    X, y = curve()
    y[3] = torch.nan
    net = network()
    first = weights(net)
    end = train(net, (X, y), loss="squared", epochs=5)
    assert end.status is Status.DIVERGED
    assert same(weights(net), first)


def test_training_that_never_falls_is_stalled():
    X = torch.randn(64, 2, generator=generator())
    net = network()
    # the gradient of the planted loss points the wrong way, its value does not
    planted = lambda out, y: (out[:, 0] - y).square().mean().detach() * 2 - (out[:, 0] - y).square().mean()  # noqa: E731
    end = train(net, (X, X[:, 0]), loss=planted, optimizer="sgd", learning_rate=1e-3, epochs=5)
    assert end.status is Status.STALLED
    assert "never fell" in end.reason


def test_events_come_in_order_and_gradients_are_seen_before_the_update():
    events, net = [], network()

    class Listen(Callback):
        def on_start(self, moment):
            events.append("start")

        def on_backward(self, moment):
            assert all(p.grad is not None for p in moment.module.parameters())
            self.before = weights(moment.module)
            events.append("backward")

        def on_step(self, moment):
            assert not same(self.before, weights(moment.module))
            assert moment.loss.ndim == 0
            assert not moment.loss.requires_grad
            events.append("step")

        def on_epoch(self, moment):
            assert set(moment.record) == {"loss", "learning_rate", "validation"}
            events.append("epoch")
            return moment.epoch == 2

        def on_end(self, moment):
            assert not moment.module.training
            events.append("end")

    end = train(net, curve(40), loss="squared", epochs=9, batch_size=20, callbacks=[Listen()],
                validation=curve(20, seed=3))  # fmt: skip
    one = ["backward", "step"] * 2 + ["epoch"]
    assert events == ["start", *one, *one, "end"]
    assert (end.status, end.reason) == (Status.OUT_OF_BUDGET, "a callback asked to stop")


def test_a_callback_may_write_one_event_only():
    class Silent(Callback):
        pass

    assert train(network(), curve(), loss="squared", epochs=1, callbacks=[Silent()]).steps == 1


def test_an_ensemble_trains_as_its_members_alone():
    data = curve(60)
    together = EnsembleDense(3, 2, 1, (8,), generator=generator()).double()
    alone = [together.member(k) for k in range(3)]
    data = (data[0].double(), data[1].double())
    settings = {"loss": "squared", "epochs": 5, "batch_size": 20, "learning_rate": 0.01, "weight_decay": 0.1}
    train(together, data, **settings)
    for k, member in enumerate(alone):
        train(member, data, **settings)
        torch.testing.assert_close(together.weights[0][k], member.layers[0].weight.mT, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(together.biases[1][k], member.layers[1].bias, rtol=1e-9, atol=1e-9)


def test_the_best_epoch_is_kept_member_by_member():
    data, held = curve(30, noise=1.0), curve(100, seed=5, noise=1.0)
    scores = []

    class Listen(Callback):
        def on_epoch(self, moment):
            with torch.no_grad():
                out = moment.module.eval()(held[0])[..., 0]
            scores.append((out - held[1]).square().mean(-1))

        on_start = on_epoch

    net = EnsembleDense(4, 2, 1, (32,), generator=generator())
    end = train(net, data, loss="squared", epochs=120, batch_size=10, learning_rate=0.02,
                schedule="constant", validation=held, callbacks=[Listen()])  # fmt: skip
    table = torch.stack(scores)
    assert end.best_epoch == tuple(table.argmin(0).tolist())
    assert len(set(end.best_epoch)) > 1
    with torch.no_grad():
        now = (net(held[0])[..., 0] - held[1]).square().mean(-1)
    torch.testing.assert_close(now, table.min(0).values)


def test_a_weight_per_member_and_row_lets_each_member_leave_rows_out():
    X, y = curve(60)
    keep = torch.ones(60, 2)
    keep[:30, 0] = 0
    poisoned = y.clone()
    poisoned[:30] = 1e6

    def weighted(out, target, weight):
        return ((out[..., 0] - target).square() * weight.mT).sum(-1) / 60

    net, clean = (EnsembleDense(2, 2, 1, (8,), generator=generator()) for _ in range(2))
    for module, target in ((net, poisoned), (clean, y)):
        train(module, (X, target, keep), loss=weighted, epochs=3, batch_size=20)
    torch.testing.assert_close(net.weights[0][0], clean.weights[0][0])
    assert not torch.allclose(net.weights[0][1], clean.weights[0][1])


def test_weight_decay_leaves_biases_and_scales_alone():
    X, y = torch.zeros(8, 2), torch.zeros(8)
    for module in (network(scaling=True), EnsembleDense(2, 2, 1, (8,), scaling=True, generator=generator())):
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        zero = lambda out, y: 0.0 * out.sum()  # noqa: E731
        train(module, (X, y), loss=zero, epochs=1, learning_rate=0.1, weight_decay=0.5, schedule="constant")
        for name, p in module.named_parameters():
            decays = "weight" in name
            factor = 0.95 if decays else 1.0
            torch.testing.assert_close(p.detach(), factor * before[name])


def test_clipping_bounds_the_gradient():
    norms = []

    class Listen(Callback):
        def on_step(self, moment):
            norms.append(math.sqrt(sum(p.grad.square().sum().item() for p in moment.module.parameters())))

    train(network(), curve(), loss="squared", epochs=1, clip=1e-3, callbacks=[Listen()])
    assert norms == pytest.approx([1e-3] * len(norms), rel=1e-3)


def test_an_optimizer_and_a_schedule_of_ones_own():
    rates = []

    class Listen(Callback):
        def on_epoch(self, moment):
            rates.append(moment.record["learning_rate"])

    train(network(), curve(), loss="squared", epochs=4, callbacks=[Listen()], schedule=lambda t: 1 - t / 2,
          optimizer=lambda groups: torch.optim.NAdam(groups, lr=0.5))  # fmt: skip
    assert rates == pytest.approx([0.5 * (1 - t / 8) for t in (1, 2, 3, 4)])


def test_arrays_are_accepted_and_a_validation_loss_of_its_own():
    X, y = (part.numpy() for part in curve())
    absolute = lambda out, y: (out[:, 0] - y).abs().mean()  # noqa: E731
    net = network()
    end = train(net, (X, y), loss="squared", epochs=3, validation=(X, y), validation_loss=absolute)
    with torch.no_grad():
        expected = (net(torch.tensor(X))[:, 0] - torch.tensor(y)).abs().mean()
    assert float(end.history["validation"].min()) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "at least 1 epoch"),
        ({"batch_size": 0}, "a batch of at least 1 row"),
        ({"learning_rate": 0.0}, "a positive, finite learning rate"),
        ({"weight_decay": -1.0}, "a weight decay of at least 0"),
        ({"clip": 0.0}, "a positive norm"),
        ({"patience": 0}, "a patience of at least 1"),
        ({"patience": 3}, "validation data where patience is set"),
        ({"schedule": "steps"}, "a schedule among"),
        ({"optimizer": "lion"}, "an optimizer among"),
        ({"loss": "hinge"}, "a loss among"),
        ({"perturb": 0.1}, "perturb as a function; got 0.1"),
        ({"loss": lambda out, y: out}, r"a loss of shape \[\] or \[members\]"),
        ({"loss": lambda out, y: (out - y[:, None]).mean(-1)}, "members first, as the loss has"),
        ({"validation": (torch.zeros(3, 2), torch.zeros(4))}, "the same number of rows"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        train(network(), curve(64), **{"loss": "squared", "epochs": 1, **settings})


def test_bad_data_and_modules_are_refused():
    with pytest.raises(ArgumentError, match="a module with trainable parameters"):
        train(nn.ReLU(), curve(), loss="squared")
    with pytest.raises(ArgumentError, match="with rows"):
        train(network(), (), loss="squared")
    with pytest.raises(ArgumentError, match="the same number of rows"):
        train(network(), (torch.zeros(0, 2), torch.zeros(0)), loss="squared")
