"""Schedule-free optimizers against the published recursions in NumPy float64, and their identities."""

import io

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize.training.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD

HESSIAN = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
START = np.array([1.0, -2.0, 0.5])


def gradient(y):
    return HESSIAN @ (y - 0.3)


def reference(steps, rate, beta, decay=0.0, warmup=0, second=None, eps=1e-8):
    """Algorithm 1 of arXiv 2405.15682 (AdamW where ``second`` is given), written with its own letters."""
    z, x, v, total, zs, weights = START.copy(), START.copy(), np.zeros(3), 0.0, [], []
    for t in range(1, steps + 1):
        y = (1 - beta) * z + beta * x
        g = gradient(y)
        gamma = rate * min(1.0, t / warmup if warmup else 1.0)
        direction = g
        if second is not None:
            v = second * v + (1 - second) * g**2
            gamma *= np.sqrt(1 - second**t)
            direction = g / (np.sqrt(v) + eps)
        z = z - gamma * direction - gamma * decay * y
        total += gamma**2
        c = gamma**2 / total
        x = (1 - c) * x + c * z
        zs.append(z)
        weights.append(gamma**2)
    return x, z, (1 - beta) * z + beta * x, np.average(zs, axis=0, weights=weights)


def descend(optimizer, w, steps):
    for _ in range(steps):
        w.grad = torch.tensor(gradient(w.detach().numpy()))
        optimizer.step()


def parameter():
    return torch.nn.Parameter(torch.tensor(START))


@pytest.mark.parametrize("beta", [0.0, 0.9, 1.0])
def test_sgd_follows_the_published_recursion(beta):
    w = parameter()
    optimizer = ScheduleFreeSGD([w], lr=0.2, momentum=beta, weight_decay=0.05, warmup_steps=4)
    descend(optimizer, w, 9)
    x, z, y, mean = reference(9, 0.2, beta, 0.05, 4)
    np.testing.assert_allclose(w.detach().numpy(), y, rtol=1e-12)
    np.testing.assert_allclose(optimizer.state[w]["z"].numpy(), z, rtol=1e-12)
    optimizer.eval()
    np.testing.assert_allclose(w.detach().numpy(), x, rtol=1e-12)
    # the identity behind the name: x is the weighted mean of the z that were visited
    np.testing.assert_allclose(w.detach().numpy(), mean, rtol=1e-12)


def test_adamw_follows_the_published_recursion():
    w = parameter()
    optimizer = ScheduleFreeAdamW([w], lr=0.1, betas=(0.9, 0.97), weight_decay=0.1, warmup_steps=3)
    descend(optimizer, w, 12)
    x, _, y, _ = reference(12, 0.1, 0.9, 0.1, 3, 0.97)
    np.testing.assert_allclose(w.detach().numpy(), y, rtol=1e-11)
    optimizer.eval()
    np.testing.assert_allclose(w.detach().numpy(), x, rtol=1e-11)
    assert np.abs(x - y).max() > 1e-4, "x and y are the same, so that a swapped one would pass"


@pytest.mark.parametrize("make", [ScheduleFreeSGD, ScheduleFreeAdamW])
def test_modes_go_back_to_the_same_bits(make):
    w = torch.nn.Parameter(torch.tensor(START, dtype=torch.float32))
    optimizer = make([w], lr=0.07)
    optimizer.eval()
    optimizer.train()  # before any step there is nothing to switch
    assert torch.equal(w.detach(), torch.tensor(START, dtype=torch.float32))
    for _ in range(5):
        w.grad = w.detach() * 1.7
        optimizer.step()
    y = w.detach().clone()
    optimizer.eval()
    optimizer.eval()
    assert not torch.equal(w.detach(), y)
    optimizer.train()
    assert torch.equal(w.detach(), y)


@pytest.mark.parametrize("make", [ScheduleFreeSGD, ScheduleFreeAdamW])
def test_resumed_bits_are_those_of_the_whole_run(make):
    whole, part = parameter(), parameter()
    one = make([whole], lr=0.1, warmup_steps=3)
    descend(one, whole, 10)
    two = make([part], lr=0.1, warmup_steps=3)
    descend(two, part, 6)
    buffer = io.BytesIO()
    torch.save({"w": part.detach(), "o": two.state_dict()}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    fresh = torch.nn.Parameter(saved["w"])
    three = make([fresh], lr=0.1, warmup_steps=3)
    three.load_state_dict(saved["o"])
    descend(three, fresh, 4)
    assert torch.equal(fresh.detach(), whole.detach())


def test_a_closure_is_evaluated_and_parameters_without_gradients_stay():
    w, still = parameter(), parameter()
    optimizer = ScheduleFreeSGD([w, still], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = w.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == pytest.approx(float((START**2).sum()))
    assert torch.equal(still.detach(), torch.tensor(START))
    ScheduleFreeSGD([still], lr=0.1).step()
    assert torch.equal(still.detach(), torch.tensor(START))


def test_a_step_in_evaluation_mode_is_refused():
    w = parameter()
    optimizer = ScheduleFreeSGD([w])
    optimizer.eval()
    w.grad = w.detach()
    with pytest.raises(ArgumentError, match="training mode for a step"):
        optimizer.step()


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (ScheduleFreeSGD, {"lr": 0.0}, "positive, finite learning rate"),
        (ScheduleFreeSGD, {"momentum": 1.5}, "an interpolation beta"),
        (ScheduleFreeSGD, {"weight_decay": -1.0}, "a weight decay"),
        (ScheduleFreeSGD, {"warmup_steps": -1}, "at least 0 warm-up steps"),
        (ScheduleFreeAdamW, {"betas": (0.9, 1.0)}, "a second decay"),
        (ScheduleFreeAdamW, {"eps": 0.0}, "a positive epsilon"),
    ],
)
def test_bad_settings_are_refused(make, settings, message):
    with pytest.raises(ArgumentError, match=message):
        make([parameter()], **settings)
