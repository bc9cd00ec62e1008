"""Forecast a digit line by line: a GRU reads the rows so far and predicts the next row of eight pixels."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--hidden", type=int, default=80)
parser.add_argument("--epochs", type=int, default=16)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)


class RowForecaster(nn.Module):
    def __init__(self, pixels, hidden):
        super().__init__()
        self.gru = nn.GRU(pixels, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, pixels))

    def forward(self, rows):
        states, _ = self.gru(rows)
        return self.head(states)


images = load_digits().images.astype(np.float32)
images = images[np.random.default_rng(21).permutation(len(images))]
train_images, test_images = images[:1350], images[1350:]
mean, std = train_images.mean(), train_images.std()


def series(batch):
    return torch.from_numpy((batch - mean) / std)


train_loader = DataLoader(TensorDataset(series(train_images)), batch_size=32, shuffle=True)
test_rows = series(test_images)


def forecast_error(model, rows):
    """Root mean square error, in the pixels' own levels (0 to 16), of the rows from the third on."""
    model.eval()
    errors = []
    with torch.no_grad():
        for t in range(2, rows.size(1)):
            predicted = model(rows[:, :t])[:, -1]
            errors.append(((predicted - rows[:, t]) ** 2).mean())
    return torch.stack(errors).mean().sqrt().item() * std


model = RowForecaster(8, args.hidden)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for (rows,) in train_loader:
        inputs, targets = rows[:, :-1], rows[:, 1:]
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if epoch % 4 == 0:
        error = forecast_error(model, test_rows)
        print(f"epoch {epoch + 1}: loss {total / len(train_loader):.4f}, test rmse {error:.4f}")

print(f"test rmse: {forecast_error(model, test_rows):.4f}")
