"""Predict the ten "worst" measurements of a biopsy from the other twenty with a residual network."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ResidualBlock(nn.Module):
    def __init__(self, width, expansion=2, dropout=0.2):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        h = F.gelu(self.up(self.norm(x)))
        return x + self.down(self.dropout(h))


class ResMLP(nn.Module):
    def __init__(self, n_in, n_out, width=128, depth=3):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.Sequential(*[ResidualBlock(width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_out)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.stem(x))))


def features(part):
    return part[:, :20]


def load(device="cpu"):
    table = load_breast_cancer().data.astype(np.float32)
    order = np.random.default_rng(12).permutation(len(table))
    train, valid, test = np.split(table[order], [340, 420])
    targets = [part[:, 20:].copy() for part in (train, valid, test)]
    test[:, 20:] = train[:, 20:].mean(0)  # a new patient's are not known yet

    x_mean, x_std = features(train).mean(0), features(train).std(0)
    parts = []
    for part, y in zip((train, valid, test), targets, strict=True):
        x = (features(part) - x_mean) / x_std
        parts.append((torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)))
    return parts


def r2(model, x, y, y_mean, y_std):
    """Explained share of the variance, averaged over the ten measurements."""
    model.eval()
    with torch.no_grad():
        error = y - (model(x) * y_std + y_mean)
    return (1 - error.pow(2).sum(0) / (y - y.mean(0)).pow(2).sum(0)).mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    (x_train, y_train), valid, test = load()
    y_mean, y_std = y_train.mean(0), y_train.std(0)
    train_set = TensorDataset(x_train, (y_train - y_mean) / y_std)
    loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)

    model = ResMLP(20, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=args.lr, total_steps=args.epochs * len(loader), pct_start=0.2
    )

    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = F.huber_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        if (epoch + 1) % 5 == 0:
            score = r2(model, *valid, y_mean, y_std)
            print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}  valid r2 {score:.4f}")
    print(f"test r2: {r2(model, *test, y_mean, y_std):.4f}")


if __name__ == "__main__":
    main()
