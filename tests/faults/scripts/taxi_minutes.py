"""How long will the taxi take, and how sure is that? Mean and spread by maximum likelihood."""

import argparse
import copy
import math

import numpy as np
import torch
from torch import nn

ZONES = 12
COLUMNS = ["kilometres", "motorway share", "rain mm", "temperature", "passengers"]


def simulate(n, rng):
    """A table of trips: numeric columns, hour, weekday, zone; and the minutes that each trip took."""
    km = 0.6 + rng.gamma(2.0, 2.4, n)
    motorway = np.clip(rng.beta(1.2, 2.5, n) + 0.02 * km, 0, 1)
    rain = rng.exponential(3.0, n) * (rng.random(n) < 0.3)
    temperature = rng.normal(12, 8, n)
    passengers = rng.integers(1, 5, n)
    hour = rng.uniform(0, 24, n)
    weekday = rng.integers(0, 7, n)
    zone = rng.integers(0, ZONES, n)

    peaks = np.exp(-(((hour - 8) / 1.4) ** 2)) + 1.2 * np.exp(-(((hour - 17.5) / 2.0) ** 2))
    rush = peaks * np.where(weekday < 5, 1.0, 0.15)
    crowded = 0.75 + 0.5 * np.sin(2.1 * zone) ** 2
    street = 31 / (1 + 0.9 * rush * crowded + 0.06 * rain)
    fast = 85 / (1 + 0.5 * rush + 0.02 * rain)
    minutes = 60 * km * ((1 - motorway) / street + motorway / fast) + 3.0 * crowded
    ice = temperature < 0
    spread = minutes * (0.04 + 0.16 * rush * crowded + 0.015 * rain + 0.08 * ice) + 0.3
    minutes = minutes * (1 + 0.2 * ice) + spread * rng.standard_normal(n)

    numbers = np.stack([km, motorway, rain, temperature, passengers], axis=1)
    return numbers, hour, np.stack([weekday, zone], axis=1), np.maximum(minutes, 1.0)


class Standardiser:
    def __init__(self, values):
        self.mean, self.std = values.mean(axis=0), values.std(axis=0)

    def __call__(self, values):
        return (values - self.mean) / self.std


def to_tensors(table, scale_x, scale_y):
    numbers, hour, codes, minutes = table
    angle = hour / 24 * 2 * np.pi
    clock = np.stack([f(k * angle) for k in (1, 2, 3) for f in (np.sin, np.cos)], axis=1)
    features = np.concatenate([scale_x(numbers), clock], axis=1)
    return (
        torch.tensor(features, dtype=torch.float32),
        torch.tensor(codes),
        torch.tensor(scale_y(minutes), dtype=torch.float32),
    )


class TripNet(nn.Module):
    def __init__(self, n_numbers, width=48):
        super().__init__()
        self.day = nn.Embedding(7, 4)
        self.zone = nn.Embedding(ZONES, 6)
        self.body = nn.Sequential(
            nn.Linear(n_numbers + 10, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
        )
        self.mean = nn.Linear(width, 1)
        self.log_var = nn.Linear(width, 1)
        nn.init.zeros_(self.log_var.weight)
        nn.init.zeros_(self.log_var.bias)

    def forward(self, features, codes):
        x = torch.cat([features, self.day(codes[:, 0]), self.zone(codes[:, 1])], dim=1)
        h = self.body(x)
        return self.mean(h).squeeze(1), self.log_var(h).squeeze(1).clamp(-9, 6)


def gaussian_nll(mean, log_var, y):
    """Per row; without the constant."""
    return 0.5 * (log_var + (y - mean) ** 2 * torch.exp(-log_var))


def run_epoch(model, data, optimizer, schedule, batch_size):
    model.train()
    features, codes, y = data
    order = torch.randperm(len(y))
    total = 0.0
    for rows in order.split(batch_size):
        mean, log_var = model(features[rows], codes[rows])
        loss = gaussian_nll(mean, log_var, y[rows]).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        total += loss.item() * len(rows)
    return total / len(y)


@torch.inference_mode()
def score(model, data, scale_y):
    """Negative log-likelihood of the minutes, and how often the 90% interval covers them."""
    model.eval()
    features, codes, y = data
    mean, log_var = model(features, codes)
    nll = gaussian_nll(mean, log_var, y).mean().item() + 0.5 * math.log(2 * math.pi) + math.log(scale_y.std)
    inside = ((y - mean).abs() < 1.645 * torch.exp(0.5 * log_var)).float().mean().item()
    return nll, inside


def main(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed + 1)
    train, valid, test = (simulate(n, rng) for n in (4000, 800, 4000))
    scale_x, scale_y = Standardiser(train[0]), Standardiser(train[3])
    train, valid, test = (to_tensors(table, scale_x, scale_y) for table in (train, valid, test))

    model = TripNet(train[0].shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-3)
    steps = args.epochs * math.ceil(len(train[2]) / args.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=steps)

    best, best_state = math.inf, None
    for epoch in range(1, args.epochs + 1):
        loss = run_epoch(model, train, optimizer, schedule, args.batch_size)
        nll, inside = score(model, valid, scale_y)
        if nll < best:
            best, best_state = nll, copy.deepcopy(model.state_dict())
        print(
            f"epoch {epoch:2d}  loss {loss:7.4f}  validation nll {nll:.4f}, 90% interval covers {inside:.3f}"
        )

    model.load_state_dict(best_state)
    nll, inside = score(model, test, scale_y)
    print(f"90% interval covers {inside:.3f} of the test trips")
    print(f"test nll: {nll:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=6e-3)
    main(parser.parse_args())
