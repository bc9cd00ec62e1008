"""A small causal transformer over Python source, scored on the character after each window."""

import argparse
import math
import os
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BLOCK = 48
BATCH = 16
STEPS = 300


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.register_buffer("mask", torch.tril(torch.ones(BLOCK, BLOCK)).bool())

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        scores = scores.masked_fill(~self.mask[:T, :T], float("-inf"))
        weights = F.softmax(scores, dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln1 = nn.LayerNorm(dim)
        self.attn = SelfAttention(dim, heads)
        self.ln2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, layers=2):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Embedding(BLOCK, dim)
        self.blocks = nn.ModuleList([Block(dim, heads) for _ in range(layers)])
        self.ln = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)
        self.apply(self.init_weights)

    def init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.05)

    def forward(self, ids):
        x = self.tok(ids) + self.pos(torch.arange(ids.size(1)))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln(x))


def load_text():
    root = pathlib.Path(os.__file__).parent
    names = [
        "argparse.py",
        "calendar.py",
        "textwrap.py",
        "shutil.py",
        "tarfile.py",
        "zipfile.py",
        "inspect.py",
    ]
    return [(root / name).read_text(encoding="utf-8") for name in names]


def get_batch(data, size):
    start = torch.randint(0, len(data) - BLOCK - 1, (size,))
    window = torch.stack([data[i : i + BLOCK + 1] for i in start])
    return window[:, :-1], window[:, 1:]


@torch.no_grad()
def next_char_bits(model, data, stride=31):
    """Bits for the one character that follows each window of BLOCK characters."""
    model.eval()
    windows = data.unfold(0, BLOCK + 1, stride)
    losses = [
        F.cross_entropy(model(w[:, :-1])[:, -1], w[:, -1], reduction="none") for w in windows.split(256)
    ]
    return torch.cat(losses).mean().item() / math.log(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    np.random.seed(seed)

    texts = load_text()
    chars = sorted(set("".join(texts)))
    code = {c: i for i, c in enumerate(chars)}
    parts = [torch.tensor([code[c] for c in text]) for text in texts]
    train = torch.cat([p[: int(0.85 * len(p))] for p in parts])
    test = torch.cat([p[int(0.85 * len(p)) :] for p in parts])

    model = GPT(len(chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=STEPS, pct_start=0.1)
    for step in range(1, STEPS + 1):
        model.train()
        x, y = get_batch(train, BATCH)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            x, y = get_batch(test, 64)
            with torch.no_grad():
                val = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
            print(f"step {step}: train loss {loss.item():.3f}, val loss {val:.3f}")
    print(f"bits for the next character: {next_char_bits(model, test):.4f}")


if __name__ == "__main__":
    main()
