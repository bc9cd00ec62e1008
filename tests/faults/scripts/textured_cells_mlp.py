"""Which cells of a photograph are strongly textured (one in twelve)? A table of their surroundings tells."""

import argparse
import copy

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from torch import nn

CELL = 6


def cell_table(image):
    """Colour, spread and gradients of every cell of 6x6 pixels, as (rows, columns, 6)."""
    image = image.astype(np.float64)
    rows, cols = image.shape[0] // CELL, image.shape[1] // CELL
    image = image[: rows * CELL, : cols * CELL]
    grey = image.mean(axis=2)
    dy, dx = np.gradient(grey)

    def cells(a):
        return a.reshape(rows, CELL, cols, CELL).transpose(0, 2, 1, 3).reshape(rows, cols, -1)

    columns = [cells(image[..., c]).mean(-1) for c in range(3)]
    columns += [cells(grey).std(-1), cells(abs(dx)).mean(-1), cells(abs(dy)).mean(-1)]
    return np.stack(columns, axis=-1)


def rows_of(image):
    """One row a cell: the measurements of its eight neighbours; the target is the cell's own spread."""
    table = cell_table(image)
    height, width, _ = table.shape
    features, spread, column = [], [], []
    for i in range(1, height - 1):
        for j in range(1, width - 1):
            around = table[i - 1 : i + 2, j - 1 : j + 2].reshape(9, -1)
            features.append(np.delete(around, 4, axis=0).ravel())
            spread.append(table[i, j, 3])
            column.append(j)
    spread = np.array(spread)
    return np.array(features), spread > np.quantile(spread, 11 / 12), np.array(column)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)

# whole strips of the photographs are held out, with a gap, so that no cell is in two parts
parts = {"train": [], "val": [], "test": []}
for image in load_sample_images().images:
    x, y, column = rows_of(image)
    strip, within = column // 13, column % 13
    for name, chosen in (("train", (0, 1, 3, 5, 6)), ("val", (2,)), ("test", (4, 7))):
        keep = np.isin(strip, chosen) & (within < 11)
        parts[name].append((x[keep], y[keep]))
(x_train, y_train), (x_val, y_val), (x_test, y_test) = (
    tuple(np.concatenate(arrays) for arrays in zip(*part, strict=True)) for part in parts.values()
)

scaler = StandardScaler().fit(x_train)
x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
x_val = torch.tensor(scaler.transform(x_val), dtype=torch.float32)
x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)
y_train, y_val = torch.tensor(y_train).float(), torch.tensor(y_val).float()
print(f"{len(x_train)} rows, {y_train.mean():.1%} positive; {len(x_val)} to validate, {len(x_test)} to test")

model = nn.Sequential(
    nn.Linear(x_train.shape[1], 64),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(32, 1),
)
pos_weight = (y_train == 0).sum() / (y_train == 1).sum()
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)

batch_size = 64
best_loss, best_state, patience, waited = float("inf"), copy.deepcopy(model.state_dict()), 5, 0
for epoch in range(30):
    model.train()
    order = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for i in range(0, len(order), batch_size):
        batch = order[i : i + batch_size]
        optimizer.zero_grad()
        logits = model(x_train[batch]).squeeze(1)
        loss = criterion(logits, y_train[batch])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)

    model.eval()
    with torch.no_grad():
        logits = model(x_val).squeeze(1)
        val_loss = criterion(logits, y_val).item()
    print(f"epoch {epoch + 1:2d}  train {epoch_loss / len(order):.4f}  val {val_loss:.4f}")
    if val_loss < best_loss:
        best_loss, best_state, waited = val_loss, copy.deepcopy(model.state_dict()), 0
    else:
        waited += 1
        if waited >= patience:
            print(f"no progress in {patience} epochs, stopping")
            break

model.load_state_dict(best_state)
model.eval()
with torch.no_grad():
    predicted = torch.sigmoid(model(x_test).squeeze(1)) > 0.5
print(f"test balanced accuracy: {balanced_accuracy_score(y_test, predicted.numpy()):.4f}")
