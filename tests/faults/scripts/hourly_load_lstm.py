"""Day-ahead forecasts of an hourly load with an LSTM that looks at the last day, one hour at a time."""

import argparse

import numpy as np
import torch
import torch.nn as nn

WINDOW = 24

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)


def make_load(days=240):
    """Megawatts: a day's two peaks, quiet weekends, weather that lasts for some days."""
    rng = np.random.default_rng(2024)
    hour, day = np.tile(np.arange(24), days), np.repeat(np.arange(days), 24)
    weather = np.zeros(len(hour))
    for t in range(1, len(hour)):
        weather[t] = 0.98 * weather[t - 1] + rng.normal(0, 120)
    shape = 6000 * np.exp(-(((hour - 9) / 3.0) ** 2)) + 8000 * np.exp(-(((hour - 19) / 2.5) ** 2))
    shape = np.where(day % 7 >= 5, 0.6 * shape, shape)
    return 31000 + shape + weather + rng.normal(0, 150, len(hour)), hour, day % 7


def windows(values, calendar, start, stop):
    """The last day's values, each beside the calendar of the hour after it, and the value to come."""
    inputs, targets = [], []
    for t in range(start + WINDOW, stop):
        past = values[t - WINDOW : t]
        inputs.append(torch.cat([past[:, None], calendar[t - WINDOW + 1 : t + 1]], dim=1))
        targets.append(values[t])
    return torch.stack(inputs), torch.stack(targets)


def batches(inputs, targets, size):
    order = torch.randperm(len(inputs))
    for i in range(0, len(order), size):
        yield inputs[order[i : i + size]], targets[order[i : i + size]]


class Forecaster(nn.Module):
    def __init__(self, n_inputs, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(n_inputs, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1]).squeeze(-1)


@torch.no_grad()
def forecast(model, values, calendar, starts, horizon=24):
    """From each start on, hour by hour; the model's own predictions take the place of the values."""
    model.eval()
    past = torch.stack([values[t - WINDOW : t] for t in starts])
    for k in range(horizon):
        known = torch.stack([calendar[t + k - WINDOW + 1 : t + k + 1] for t in starts])
        x = torch.cat([past[:, -WINDOW:, None], known], dim=2)
        past = torch.cat([past, model(x)[:, None]], dim=1)
    return past[:, -horizon:]


load, hour, weekday = make_load()
split = int(0.8 * len(load)) // 24 * 24
mean, std = load[:split].mean(), load[:split].std()
values = torch.tensor((load - mean) / std, dtype=torch.float32)
angle = 2 * np.pi * hour / 24
calendar = np.stack(
    [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), weekday >= 5], axis=1
)
calendar = torch.tensor(calendar, dtype=torch.float32)
inputs, targets = windows(values, calendar, 0, split)

model = Forecaster(inputs.size(2))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)
starts = range(split + WINDOW, len(load) - 24, 24)
actual = torch.stack([values[t : t + 24] for t in starts])

for epoch in range(args.epochs):
    loader = batches(inputs, targets, 64)
    model.train()
    running = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    mae = (forecast(model, values, calendar, starts) - actual).abs().mean().item() * std
    print(f"epoch {epoch + 1}: mse {running / len(inputs):.4f}, day-ahead mae {mae:.0f} MW")

print(f"test mae: {mae:.1f}")
