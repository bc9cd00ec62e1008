"""Which package is a function from? Self-attention over the names in its body, pooled by attention."""

import argparse
import ast
import math
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

PACKAGES = ["asyncio", "email", "idlelib", "importlib", "multiprocessing", "tkinter", "unittest", "xml"]
PAD, UNK = 0, 1


@dataclass
class Config:
    per_package: int = 240
    max_len: int = 32
    dim: int = 48
    heads: int = 4
    layers: int = 2
    dropout: float = 0.2
    batch_size: int = 32
    epochs: int = 6
    lr: float = 5e-3
    weight_decay: float = 0.1
    warmup: int = 30


def names(function):
    """All names of a function in pieces: `_read_maxLine` gives read, max, line."""
    words = []
    for node in ast.walk(function):
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
        if name:
            words += [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    return [w for w in words if w != "self"]


def load_package(package, config):
    found = set()
    for path in sorted((Path(os.__file__).parent / package).rglob("*.py")):
        if path.parent.name in ("test", "tests", "idle_test"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        scopes = [tree] + [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in (node for scope in scopes for node in scope.body):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                words = names(node)
                if len(words) >= 8:
                    found.add(tuple(words[: config.max_len]))
    found = sorted(found)
    chosen = np.random.permutation(len(found))[: config.per_package]
    return [found[i] for i in chosen]


def build_vocab(examples):
    counts = Counter(word for words, _ in examples for word in words)
    return {w: i + 2 for i, (w, n) in enumerate(counts.most_common()) if n > 1}


def encode(examples, vocab):
    return [([vocab.get(word, UNK) for word in words], label) for words, label in examples]


def collate(batch):
    rows = [torch.tensor(ids) for ids, _ in batch]
    labels = torch.tensor([label for _, label in batch])
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD), labels


class Block(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.drop = nn.Dropout(dropout)

    def attend(self, x, keep):
        batch, length, dim = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(dim // self.heads)
        scores = scores.masked_fill(~keep[:, None, None, :], -1e9)
        mixed = scores.softmax(dim=-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, dim))

    def forward(self, x, keep):
        x = x + self.drop(self.attend(self.norm1(x), keep))
        return x + self.drop(self.ff(self.norm2(x)))


class PackageClassifier(nn.Module):
    def __init__(self, vocab_size, config):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, config.dim, padding_idx=PAD)
        nn.init.normal_(self.embed.weight, std=0.05)
        self.position = nn.Parameter(0.02 * torch.randn(config.max_len, config.dim))
        blocks = [Block(config.dim, config.heads, config.dropout) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.dim)
        self.score = nn.Linear(config.dim, 1)
        self.drop = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.dim, len(PACKAGES))

    def forward(self, tokens):
        keep = tokens != PAD
        x = self.drop(self.embed(tokens) + self.position[: tokens.size(1)])
        for block in self.blocks:
            x = block(x, keep)
        x = self.norm(x)
        weights = self.score(x).squeeze(-1).masked_fill(~keep, -1e9).softmax(dim=1)
        pooled = (weights.unsqueeze(-1) * x).sum(dim=1)
        return self.head(self.drop(pooled))


class Trainer:
    def __init__(self, model, config, steps):
        self.model = model
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min((step + 1) / config.warmup, (steps - step) / steps)
        )

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for tokens, labels in loader:
            loss = self.criterion(self.model(tokens), labels)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def accuracy(self, loader):
        self.model.eval()
        hits = [(self.model(tokens).argmax(dim=1) == labels).float() for tokens, labels in loader]
        return torch.cat(hits).mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    config = Config()

    train, test = [], []
    for label, package in enumerate(PACKAGES):
        examples = [(words, label) for words in load_package(package, config)]
        cut = int(0.75 * len(examples))
        train += examples[:cut]
        test += examples[cut:]
    vocab = build_vocab(train)
    train_set, test_set = encode(train, vocab), encode(test, vocab)
    train_loader = DataLoader(train_set, batch_size=config.batch_size, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(test_set, batch_size=128, collate_fn=collate)

    model = PackageClassifier(len(vocab) + 2, config)
    trainer = Trainer(model, config, steps=config.epochs * len(train_loader))
    for epoch in range(config.epochs):
        loss = trainer.train_epoch(train_loader)
        print(f"epoch {epoch + 1:2d}  train loss {loss:.3f}  test {trainer.accuracy(test_loader):.3f}")
    print(f"test accuracy: {trainer.accuracy(test_loader):.4f}")


if __name__ == "__main__":
    main()
