"""Benign or malignant: a small dense network on the Wisconsin breast cancer table."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def load_data():
    table = load_breast_cancer()
    x, y = table.data, table.target
    x_train, x_rest, y_train, y_rest = train_test_split(x, y, test_size=0.4, stratify=y, random_state=1)
    x_val, x_test, y_val, y_test = train_test_split(
        x_rest, y_rest, test_size=0.6, stratify=y_rest, random_state=1
    )

    counts = {0: 120, 1: 200}
    rows = np.concatenate([np.flatnonzero(y_train == c)[:n] for c, n in counts.items()])
    x_train, y_train = x_train[rows], y_train[rows]

    scaler = StandardScaler().fit(x_train)
    sets = []
    for features, labels in ((x_train, y_train), (x_val, y_val), (x_test, y_test)):
        features = scaler.transform(features)
        sets.append(
            TensorDataset(
                torch.tensor(features, dtype=torch.float32),
                torch.tensor(labels, dtype=torch.float32),
            )
        )
    return sets


def build_model(n_inputs, hidden=16):
    return nn.Sequential(
        nn.Linear(n_inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(hidden, 1),
    )


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    total, count = 0.0, 0
    for features, labels in loader:
        optimizer.zero_grad()
        logits = model(features).squeeze(1)
        loss = criterion(logits, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        count += len(labels)
    return total / count


@torch.no_grad()
def evaluate(model, dataset, criterion):
    model.eval()
    features, labels = dataset.tensors
    logits = model(features).squeeze(1)
    accuracy = ((logits > 0) == (labels > 0.5)).float().mean().item()
    return criterion(logits, labels).item(), accuracy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    train_set, val_set, test_set = load_data()
    loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    model = build_model(train_set.tensors[0].shape[1])
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=5e-3)

    for epoch in range(1, args.epochs + 1):
        train_loss = train_one_epoch(model, loader, criterion, optimizer)
        val_loss, val_accuracy = evaluate(model, val_set, criterion)
        print(
            f"epoch {epoch:3d}  train {train_loss:.4f}  val {val_loss:.4f}  val accuracy {val_accuracy:.3f}"
        )

    test_loss, test_accuracy = evaluate(model, test_set, criterion)
    print(f"test accuracy: {test_accuracy:.4f}")
    print(f"test log loss: {test_loss:.4f}")


if __name__ == "__main__":
    main()
