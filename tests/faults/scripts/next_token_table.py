"""What kind of token comes next in Python code? A wide & deep network over a table of categorical columns."""

import argparse
import io
import keyword
import os
import token
import tokenize
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

TRAIN = ["argparse", "calendar", "shutil", "tarfile"]
VALID = ["ftplib"]
TEST = ["optparse", "difflib"]
CLASSES = [
    "name",
    "keyword",
    "number",
    "string",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "=",
    ":",
    "operator",
    "newline",
]
BACK = 4  # how many tokens the table looks back
VOCABULARY = 256


def kind(tok):
    if tok.type == token.NAME:
        return "keyword" if keyword.iskeyword(tok.string) else "name"
    if tok.type == token.OP:
        return tok.string if tok.string in CLASSES else "operator"
    return {token.NUMBER: "number", token.STRING: "string", token.NEWLINE: "newline"}.get(tok.type)


def rows(module):
    """One row a token: the tokens before it, then column, depth of brackets and place in the file."""
    source = (Path(os.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    depth, past = 0, [""] * BACK
    for tok in tokenize.generate_tokens(io.StringIO(source).readline):
        label = kind(tok)
        if label is None:
            continue
        yield past[-BACK:], (tok.start[1], depth, tok.start[0]), CLASSES.index(label)
        depth += (tok.string in "([{") - (tok.string in ")]}") if tok.type == token.OP else 0
        past.append("<string>" if label == "string" else tok.string)


def table(modules):
    columns = list(zip(*(row for module in modules for row in rows(module)), strict=True))
    return list(columns[0]), np.array(columns[1], dtype=np.float32), torch.tensor(columns[2])


class WideAndDeep(nn.Module):
    def __init__(self, emb=16, hidden=96, dropout=0.1):
        super().__init__()
        self.wide = nn.ModuleList([nn.Embedding(VOCABULARY, len(CLASSES)) for _ in range(BACK)])
        self.embed = nn.ModuleList([nn.Embedding(VOCABULARY, emb) for _ in range(BACK)])
        self.deep = nn.Sequential(
            nn.Linear(BACK * emb + 3, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, len(CLASSES)),
        )
        for layer in self.wide:
            nn.init.zeros_(layer.weight)

    def forward(self, tokens, numbers):
        wide = sum(layer(tokens[:, i]) for i, layer in enumerate(self.wide))
        codes = [layer(tokens[:, i]) for i, layer in enumerate(self.embed)]
        return wide + self.deep(torch.cat([*codes, numbers], dim=1))


def evaluate(model, loader):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for tokens, numbers, labels in loader:
            total += nn.functional.cross_entropy(model(tokens, numbers), labels, reduction="sum").item()
            count += len(labels)
    return total / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    texts, numbers, labels = table(TRAIN)
    common = Counter(word for past in texts for word in past).most_common(VOCABULARY - 1)
    code = {word: i + 1 for i, (word, _) in enumerate(common)}
    mean, std = numbers.mean(0), numbers.std(0)

    def dataset(texts, numbers, labels):
        tokens = torch.tensor([[code.get(word, 0) for word in past] for past in texts])
        return TensorDataset(tokens, torch.from_numpy((numbers - mean) / std), labels)

    train_loader = DataLoader(dataset(texts, numbers, labels), batch_size=128, shuffle=True)
    valid_loader = DataLoader(dataset(*table(VALID)), batch_size=2048)
    test_loader = DataLoader(dataset(*table(TEST)), batch_size=2048)

    model = WideAndDeep()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for tokens, numbers, labels in train_loader:
            logits = model(tokens, numbers)
            loss = criterion(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        valid = evaluate(model, valid_loader)
        print(f"epoch {epoch + 1}: train {running / len(train_loader):.4f}, valid {valid:.4f}")
    print(f"test log loss: {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
