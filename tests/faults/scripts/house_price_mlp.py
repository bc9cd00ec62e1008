"""Predict the price of a house with an MLP: momentum SGD, StepLR, early stopping on a validation set."""

import argparse
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

FEATURES = ["area", "rooms", "year", "latitude", "longitude", "plot", "floor", "garage"]


def generate_houses(n_samples, rng):
    area = rng.lognormal(4.6, 0.35, n_samples)
    rooms = np.maximum(1, np.round(area / 28 + rng.normal(0, 0.8, n_samples)))
    year = rng.integers(1900, 2024, n_samples).astype(float)
    latitude = 47.0 + rng.normal(0, 0.08, n_samples)
    longitude = 8.5 + rng.normal(0, 0.12, n_samples)
    plot = rng.gamma(2.0, 200.0, n_samples)
    floor = rng.integers(0, 6, n_samples).astype(float)
    garage = rng.integers(0, 3, n_samples).astype(float)

    to_centre = np.hypot((latitude - 47.02) / 0.08, (longitude - 8.46) / 0.12)
    to_lake = np.abs((latitude - 47.0) / 0.08 + 0.6 * (longitude - 8.5) / 0.12 - 0.5)
    age = 2024 - year
    log_price = (
        6.4
        + 0.85 * np.log(area / 100)
        + 0.55 * np.exp(-to_centre)
        + 0.35 * np.exp(-2 * to_lake)
        - 0.45 * np.sin(age / 45)
        + 0.10 * np.tanh((plot - 300) / 200)
        + 0.05 * garage
        + 0.04 * floor * (to_centre < 1.2)
        + 0.03 * (rooms - area / 28)
    )
    price = np.exp(log_price + rng.normal(0, 0.05, n_samples))
    X = np.stack([area, rooms, year, latitude, longitude, plot, floor, garage], axis=1)
    return X, price


@dataclass
class Split:
    X: torch.Tensor
    y: torch.Tensor

    def batches(self, batch_size, generator=None):
        order = torch.randperm(len(self.X), generator=generator)
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            yield self.X[index], self.y[index]


class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = math.inf
        self.counter = 0
        self.state = None

    def update(self, value, model):
        """Note the epoch's value; true when training should stop."""
        if value < self.best - self.min_delta:
            self.best = value
            self.counter = 0
            self.state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        else:
            self.counter += 1
        return self.counter >= self.patience


class PriceRegressor(nn.Module):
    def __init__(self, in_features, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(in_features, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, hidden // 2)
        self.out = nn.Linear(hidden // 2, 1)
        self._init_weights()

    def _init_weights(self):
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = F.relu(self.fc3(x))
        return self.out(x).squeeze(-1)


def prepare(rng):
    X, price = generate_houses(9000, rng)
    y = np.log(price)
    X_train, X_val, X_test = np.split(X, [6000, 7000])
    y_train, y_val, y_test = np.split(y, [6000, 7000])
    x_mean, x_std = X_train.mean(axis=0), X_train.std(axis=0)
    y_mean, y_std = y_train.mean(), y_train.std()

    def to_split(X, y):
        X = torch.tensor((X - x_mean) / x_std, dtype=torch.float32)
        y = torch.tensor((y - y_mean) / y_std, dtype=torch.float32)
        return Split(X, y)

    splits = to_split(X_train, y_train), to_split(X_val, y_val), to_split(X_test, y_test)
    return splits, float(y_std)


def validate(model, split):
    model.eval()
    with torch.no_grad():
        return F.mse_loss(model(split.X), split.y).item()


def fit(model, train, val, args):
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
    stopper = EarlyStopping(patience=8)
    for epoch in range(1, args.max_epochs + 1):
        model.train()
        losses = []
        for xb, yb in train.batches(args.batch_size):
            pred = model(xb)
            loss = F.mse_loss(pred, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        val_loss = validate(model, val)
        if epoch % 3 == 0:
            print(f"epoch {epoch:3d}: train mse {np.mean(losses):.4f}, val mse {val_loss:.4f}")
        if stopper.update(val_loss, model):
            print(f"stopped after {epoch} epochs")
            break
    model.load_state_dict(stopper.state)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    (train, val, test), y_std = prepare(rng)
    model = PriceRegressor(len(FEATURES))
    fit(model, train, val, args)
    rmse = math.sqrt(validate(model, test)) * y_std
    print(f"test rmse of log price: {rmse:.4f}")


if __name__ == "__main__":
    main()
