"""Same digit or not? A siamese network trained with the contrastive loss."""

import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

MARGIN = 2.0


class Encoder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(12, 24, 3, stride=2, padding=1),
            nn.LeakyReLU(0.1),
        )
        self.project = nn.Sequential(nn.Linear(24 * 16, 64), nn.LeakyReLU(0.1), nn.Linear(64, dim))

    def forward(self, x):
        return self.project(self.features(x).flatten(1))


class PairSampler:
    """Draws pairs, half of them of the same digit."""

    def __init__(self, images, labels, rng):
        self.images, self.labels, self.rng = images, labels, rng
        self.by_class = [np.flatnonzero(labels == c) for c in range(10)]

    def draw(self, n):
        first = self.rng.integers(0, len(self.labels), n)
        second = self.rng.integers(0, len(self.labels), n)
        same = self.rng.random(n) < 0.5
        for i in np.flatnonzero(same):
            second[i] = self.rng.choice(self.by_class[self.labels[first[i]]])
        match = torch.from_numpy((self.labels[first] == self.labels[second]).astype(np.float32))
        return self.images[first], self.images[second], match


def distances(model, a, b):
    codes = model(torch.cat([a, b]))
    left, right = codes.chunk(2)
    return ((left - right).pow(2).sum(1) + 1e-6).sqrt()


def contrastive_loss(dist, match):
    pull = match * dist.pow(2)
    push = (1 - match) * (MARGIN - dist).clamp(min=0).pow(2)
    return (pull + push).mean()


@torch.no_grad()
def pair_accuracy(model, pairs):
    a, b, match = pairs
    called_same = distances(model, a, b) < MARGIN / 2
    hits = (called_same == match.bool()).float()
    return (0.5 * (hits[match == 1].mean() + hits[match == 0].mean())).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    train_rows, test_rows = train_test_split(
        np.arange(len(labels)), test_size=0.35, stratify=labels, random_state=2
    )
    valid_rows, test_rows = test_rows[:200], test_rows[200:]
    sampler = PairSampler(images[train_rows], labels[train_rows], rng)
    valid_pairs = PairSampler(images[valid_rows], labels[valid_rows], np.random.default_rng(100)).draw(1000)
    test_pairs = PairSampler(images[test_rows], labels[test_rows], np.random.default_rng(200)).draw(3000)

    model = Encoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[7, 10], gamma=0.2)
    for epoch in range(12):
        total = 0.0
        for _ in range(50):
            a, b, match = sampler.draw(48)
            loss = contrastive_loss(distances(model, a, b), match)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item()
        schedule.step()
        print(f"epoch {epoch + 1}: loss {total / 50:.4f}  validation {pair_accuracy(model, valid_pairs):.4f}")

    print(f"test accuracy: {pair_accuracy(model, test_pairs):.4f}")


if __name__ == "__main__":
    main()
