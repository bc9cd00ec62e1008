"""Learn the dynamics of a spiking cell from noisy recordings: an MLP vector field inside midpoint steps."""

import argparse
from itertools import pairwise

import numpy as np
import torch

DT = 0.5  # time between two samples
SEGMENT = 5  # samples that are predicted from the first one while training
HORIZON = 20  # and in the test


def cell(state, current):
    """FitzHugh-Nagumo: voltage in mV, recovery in its own unit."""
    v, w = (state[..., 0] + 40.0) / 30.0, state[..., 1]
    dv = v - v**3 / 3 - w + current
    dw = 0.2 * (v + 0.7 - 0.8 * w)
    return np.stack([30.0 * dv, dw], axis=-1)


def simulate(n, length, rng):
    """n recordings (n, length, 2) and the constant current (n,) that was injected in each."""
    current = rng.uniform(0.2, 1.0, size=n)
    state = np.stack([rng.uniform(-100.0, 20.0, size=n), rng.uniform(-0.6, 1.6, size=n)], axis=-1)
    fine, rows = DT / 10, []
    for _ in range(length):
        rows.append(state)
        for _ in range(10):
            half = state + 0.5 * fine * cell(state, current)
            state = state + fine * cell(half, current)
    return np.stack(rows, axis=1), current


def make_field(sizes, gen):
    """Weights and biases of an MLP."""
    params = []
    for n_in, n_out in pairwise(sizes):
        weight = torch.randn(n_in, n_out, generator=gen) * (1.0 / n_in) ** 0.5
        params += [weight.requires_grad_(), torch.zeros(n_out, requires_grad=True)]
    return params


def field(params, state, current):
    h = torch.cat([state, current[:, None]], dim=1)
    for weight, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
        h = torch.tanh(h @ weight + bias)
    return h @ params[-2] + params[-1]


def midpoint(params, state, current, dt):
    half = state + 0.5 * dt * field(params, state, current)
    return state + dt * field(params, half, current)


def rollout(params, start, current, steps):
    states = [start]
    for _ in range(steps):
        states.append(midpoint(params, states[-1], current, DT))
    return torch.stack(states[1:], dim=1)


def cut(recordings, currents, every=3):
    """Overlapping segments of SEGMENT + 1 samples."""
    starts = range(0, recordings.shape[1] - SEGMENT, every)
    pieces = np.concatenate([recordings[:, s : s + SEGMENT + 1] for s in starts])
    repeated = np.tile(currents, len(starts))
    return torch.tensor(pieces, dtype=torch.float32), torch.tensor(repeated, dtype=torch.float32)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=1e-2)
args = parser.parse_args()
gen = torch.Generator().manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

lab = np.random.default_rng(2024)
train_rec, train_cur = simulate(64, 30, lab)
valid_rec, valid_cur = simulate(16, 30, lab)
test_rec, test_cur = simulate(32, HORIZON + 1, lab)
noise = np.array([1.5, 0.03])
train_rec = train_rec + noise * rng.standard_normal(train_rec.shape)
valid_rec = valid_rec + noise * rng.standard_normal(valid_rec.shape)

mean, std = train_rec.mean(axis=(0, 1)), train_rec.std(axis=(0, 1))
cur_mean, cur_std = train_cur.mean(), train_cur.std()
x, c = cut((train_rec - mean) / std, (train_cur - cur_mean) / cur_std)
x_valid, c_valid = cut((valid_rec - mean) / std, (valid_cur - cur_mean) / cur_std)
print(f"{len(x)} segments to train on, {len(x_valid)} to validate")

params = make_field([3, 32, 32, 2], gen)
optimizer = torch.optim.Adam(params, lr=args.lr)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=4)

best, kept = float("inf"), None
for epoch in range(args.epochs):
    total = 0.0
    perm = torch.randperm(len(x), generator=gen)
    for rows in perm.split(args.batch_size):
        optimizer.zero_grad()
        path = rollout(params, x[rows, 0], c[rows], SEGMENT)
        loss = (path - x[rows, 1:]).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        total += loss.item() * len(rows)
    with torch.no_grad():
        path = rollout(params, x_valid[:, 0], c_valid, SEGMENT)
        valid = (path - x_valid[:, 1:]).square().mean().item()
    scheduler.step(valid)
    if valid < best:
        best, kept = valid, [p.detach().clone() for p in params]
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1:3d}  train {total / len(x):.5f}  validation {valid:.5f}")

x_test = torch.tensor((test_rec - mean) / std, dtype=torch.float32)
c_test = torch.tensor((test_cur - cur_mean) / cur_std, dtype=torch.float32)
with torch.no_grad():
    path = rollout(kept, x_test[:, 0], c_test, HORIZON)
volts = (path - x_test[:, 1:])[..., 0].numpy() * std[0]
print(f"test rmse of the voltage (mV): {np.sqrt((volts**2).mean()):.4f}")
