"""Which module does a line of documentation come from? A small transformer encoder over words."""

import argparse
import ast
import os
import pathlib
import random
import re
from collections import Counter

import numpy as np
import torch
from torch import nn

LIBRARY = pathlib.Path(os.__file__).parent
MODULES = ["turtle", "_pydecimal", "tkinter/__init__", "difflib", "typing"]
MAX_LEN = 20
PAD, UNK = 0, 1


def read_lines(module):
    tree = ast.parse((LIBRARY / f"{module}.py").read_text(encoding="utf-8"))
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            for line in (ast.get_docstring(node) or "").splitlines():
                words = re.findall(r"[a-z]+|[0-9]+|[^\sa-z0-9]", line.lower())
                if len(words) >= 6:
                    lines.append(words[: MAX_LEN - 1])
    return lines


def load(seed):
    rng = random.Random(seed)
    rows, labels = [], []
    for label, module in enumerate(MODULES):
        lines = read_lines(module)
        rng.shuffle(lines)
        lines = lines[:450]
        rows += lines
        labels += [label] * len(lines)
    order = list(range(len(rows)))
    rng.shuffle(order)
    rows = [rows[i] for i in order]
    labels = [labels[i] for i in order]
    return rows, torch.tensor(labels)


def build_vocab(rows):
    counts = Counter(word for row in rows for word in row)
    kept = [word for word, n in counts.most_common(1500) if n > 1]
    return {word: i for i, word in enumerate(kept, start=2)}


def encode(rows, vocab):
    ids = torch.full((len(rows), MAX_LEN), PAD)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor([vocab.get(word, UNK) for word in row])
    return ids


class LineClassifier(nn.Module):
    def __init__(self, vocab_size, classes, dim=48, heads=4, layers=2, dropout=0.3):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim, padding_idx=PAD)
        self.position = nn.Parameter(torch.randn(MAX_LEN, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, classes))

    def forward(self, ids):
        pad = ids.eq(PAD)
        h = self.encoder(self.embed(ids) + self.position, src_key_padding_mask=pad)
        keep = (~pad).unsqueeze(-1).float()
        pooled = (h * keep).sum(dim=1) / keep.sum(dim=1)
        return self.head(pooled)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(-1) == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=7)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    rows, labels = load(args.seed)
    cut = int(0.8 * len(rows))
    vocab = build_vocab(rows[:cut])
    x_train, y_train = encode(rows[:cut], vocab), labels[:cut]
    x_test, y_test = encode(rows[cut:], vocab), labels[cut:]

    model = LineClassifier(len(vocab) + 2, len(MODULES))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        order = torch.randperm(len(x_train))
        for batch in order.split(32):
            loss = criterion(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(
            f"epoch {epoch + 1}: loss {loss.item():.3f}, test accuracy {accuracy(model, x_test, y_test):.3f}"
        )
    print(f"test accuracy: {accuracy(model, x_test, y_test):.4f}")
