"""Density of small photo patches: a RealNVP flow over 2x2 colour pixels, in bits per dimension."""

import argparse
import math

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import nn

ALPHA = 0.05
DIM = 12


class Coupling(nn.Module):
    """Half of the dimensions are scaled and shifted by functions of the other half."""

    def __init__(self, mask, hidden=64):
        super().__init__()
        self.register_buffer("mask", mask)
        self.net = nn.Sequential(
            nn.Linear(DIM, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * DIM),
        )
        nn.init.normal_(self.net[-1].weight, std=0.01)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        scale, shift = self.net(x * self.mask).chunk(2, dim=1)
        scale = 2 * torch.tanh(scale / 2) * (1 - self.mask)
        shift = shift * (1 - self.mask)
        return x * torch.exp(scale) + shift, scale.sum(dim=1)


class Flow(nn.Module):
    def __init__(self, mean, std, depth=6):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        masks = []
        for i in range(depth):
            mask = (torch.arange(DIM) // 3 % 2 if i % 4 < 2 else torch.arange(DIM) % 2).float()
            masks.append(mask if i % 2 else 1 - mask)
        self.layers = nn.ModuleList([Coupling(mask) for mask in masks])

    def log_prob(self, values):
        """Log density of bytes made continuous, by way of their logits."""
        x = ALPHA + (1 - 2 * ALPHA) * values / 256
        log_det = (math.log((1 - 2 * ALPHA) / 256) - torch.log(x) - torch.log1p(-x)).sum(dim=1)
        z = (torch.logit(x) - self.mean) / self.std
        log_det = log_det - self.std.log().sum()
        for layer in self.layers:
            z, step = layer(z)
            log_det = log_det + step
        return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(dim=1) + log_det


def load_patches(seed):
    """2x2 patches of both photographs; of every 64 columns some are for validation and some for testing."""
    rng = np.random.default_rng(seed)
    parts = {"train": [], "valid": [], "test": []}
    columns = {"train": (0, 40), "valid": (40, 44), "test": (44, 64)}
    counts = {"train": 6000, "valid": 1000, "test": 3000}
    for image in load_sample_images().images:
        for part, (lo, hi) in columns.items():
            top = rng.integers(0, image.shape[0] - 1, counts[part])
            left = 64 * rng.integers(0, image.shape[1] // 64, counts[part]) + rng.integers(
                lo, hi - 1, counts[part]
            )
            patches = [image[t : t + 2, c : c + 2].reshape(-1) for t, c in zip(top, left, strict=True)]
            parts[part].append(np.stack(patches))
    return {part: torch.tensor(np.concatenate(p), dtype=torch.float32) for part, p in parts.items()}


def dequantise(values):
    return values + torch.rand_like(values)


def bits(model, values):
    model.eval()
    with torch.no_grad():
        log_prob = model.log_prob(dequantise(values))
    return -log_prob.mean().item() / (DIM * math.log(2))


def train(args):
    data = load_patches(123)
    start = torch.logit(ALPHA + (1 - 2 * ALPHA) * dequantise(data["train"]) / 256)
    model = Flow(start.mean(dim=0), start.std(dim=0))
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    steps = len(data["train"]) // args.batch
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * steps)
    for epoch in range(args.epochs):
        model.train()
        order = torch.randperm(len(data["train"]))
        losses = []
        for i in range(steps):
            batch = data["train"][order[i * args.batch : (i + 1) * args.batch]]
            loss = -model.log_prob(dequantise(batch)).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 50.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item() / (DIM * math.log(2)))
        valid = bits(model, data["valid"])
        print(f"epoch {epoch}: train {np.mean(losses):.4f} bits, validation {valid:.4f} bits")
    print(f"bits per dimension: {bits(model, data['test']):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    train(args)
