"""A tiny Vision Transformer: each 8x8 digit is a sentence of sixteen 2x2 patches."""

import argparse
import math

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(dim, dim * 3, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (t.view(b, n, self.heads, -1).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1))
        scores = q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5
        attention = scores.softmax(dim=-1)
        return self.to_out((attention @ v).transpose(1, 2).reshape(b, n, d))


class Layer(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        x = x + self.dropout(self.mlp(self.norm2(x)))
        return x


class ViT(nn.Module):
    def __init__(self, classes=10, patch=2, dim=40, depth=2, heads=4, dropout=0.1):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(patch * patch, dim)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(0.2 * torch.randn(1, (8 // patch) ** 2 + 1, dim))
        self.layers = nn.ModuleList([Layer(dim, heads, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def patches(self, x):
        b, p = x.shape[0], self.patch
        x = x.view(b, 8 // p, p, 8 // p, p).permute(0, 1, 3, 2, 4)
        return x.reshape(b, -1, p * p)

    def forward(self, x):
        x = self.embed(self.patches(x))
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, 0]))


def shift(x):
    """Move each batch by at most one pixel, up or down, filling with background."""
    padded = F.pad(x, (0, 0, 1, 1), value=x.min().item())
    top = int(torch.randint(0, 3, ()))
    return padded[:, top : top + 8, :]


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(dim=1) == y).float().mean().item()


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=16)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
train_rows, test_rows = train_test_split(
    np.arange(len(labels)), test_size=500, stratify=labels, random_state=7
)
train_rows, valid_rows = train_rows[:1100], train_rows[1100:]

model = ViT()
batch_size, warmup = 32, 60
total_steps = args.epochs * math.ceil(len(train_rows) / batch_size)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer,
    lambda step: min((step + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * step / total_steps)),
)

for epoch in range(args.epochs):
    model.train()
    order = np.random.permutation(train_rows)
    running = []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        x, y = shift(images[rows]), labels[rows]
        loss = F.cross_entropy(model(x), y, label_smoothing=0.02)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running.append(loss.item())
    valid = accuracy(model, images[valid_rows], labels[valid_rows])
    print(f"epoch {epoch + 1:2d} | loss {np.mean(running):.4f} | valid accuracy {valid:.4f}")

print(f"test accuracy: {accuracy(model, images[test_rows], labels[test_rows]):.4f}")
