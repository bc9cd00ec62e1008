"""A character language model over the standard library's docstrings (LSTM, truncated backpropagation)."""

import argparse
import ast
import math
import os
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)

MODULES = [
    "argparse",
    "difflib",
    "doctest",
    "inspect",
    "random",
    "shutil",
    "statistics",
    "subprocess",
    "tarfile",
]
BATCH = 24
BPTT = 40
EPOCHS = 5


def docstrings(module):
    path = pathlib.Path(os.__file__).parent / f"{module}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return [text for text in found if text]


texts = [text for module in MODULES for text in docstrings(module)]
order = np.random.permutation(len(texts))
texts = [texts[i] for i in order]
corpus = "\n\n".join(texts)
chars = sorted(set(corpus))
index = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([index[c] for c in corpus])
cut = int(0.9 * len(ids))


def batchify(ids, batch):
    length = len(ids) // batch
    return ids[: length * batch].view(batch, length)


train_data = batchify(ids[:cut], BATCH)
test_data = batchify(ids[cut:], 8)


class CharLSTM(nn.Module):
    def __init__(self, vocab, emb=32, hidden=128, dropout=0.1):
        super().__init__()
        self.embed = nn.Embedding(vocab, emb)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, x, state=None):
        h, state = self.lstm(self.drop(self.embed(x)), state)
        return self.out(self.drop(h)), state


def evaluate(model, data):
    model.eval()
    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for i in range(0, data.size(1) - 1, BPTT):
            y = data[:, i + 1 : i + 1 + BPTT]
            logits, state = model(data[:, i : i + y.size(1)], state)
            total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
            count += y.numel()
    return total / count / math.log(2)


model = CharLSTM(len(chars))
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)

for epoch in range(EPOCHS):
    model.train()
    state = None
    losses = []
    for i in range(0, train_data.size(1) - 1, BPTT):
        y = train_data[:, i + 1 : i + 1 + BPTT]
        x = train_data[:, i : i + y.size(1)]
        if state is not None:
            state = tuple(s.detach() for s in state)
        optimizer.zero_grad()
        logits, state = model(x, state)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    print(f"epoch {epoch + 1}: train loss {np.mean(losses):.3f}, test {evaluate(model, test_data):.3f} bits")

print(f"bits per character: {evaluate(model, test_data):.4f}")
