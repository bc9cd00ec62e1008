"""Guess the module from a 96-character snippet of its source with a convolutional network over characters."""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
args = p.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)

MODULES = ["turtle", "argparse", "typing", "pickletools", "statistics", "imaplib"]
BLOCK = 768
SNIPPET = 96
STRIDE = 32


def snippets(blocks):
    windows = []
    for block in blocks:
        codes = np.frombuffer(block.encode("ascii", "replace"), dtype=np.uint8)
        windows += [codes[s : s + SNIPPET] for s in range(0, len(codes) - SNIPPET + 1, STRIDE)]
    return np.stack(windows)


train_x, train_y, valid_x, valid_y, test_x, test_y = [], [], [], [], [], []
for label, name in enumerate(MODULES):
    text = (Path(os.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    blocks = [text[i : i + BLOCK] for i in range(0, len(text) - BLOCK, BLOCK)]
    blocks = [blocks[i] for i in np.random.permutation(len(blocks))]
    held_out = len(blocks) // 5
    test_x.append(snippets(blocks[:held_out]))
    windows = snippets(blocks[held_out:])
    k = int(0.85 * len(windows))
    train_x.append(windows[:k])
    valid_x.append(windows[k:])
    train_y += [label] * len(train_x[-1])
    valid_y += [label] * len(valid_x[-1])
    test_y += [label] * len(test_x[-1])


class Snippets(Dataset):
    def __init__(self, parts, labels):
        self.x = torch.from_numpy(np.concatenate(parts)).long().clamp(max=127)
        self.y = torch.tensor(labels)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class TextCNN(nn.Module):
    def __init__(self, classes, emb=16, channels=40, widths=(3, 5)):
        super().__init__()
        self.embed = nn.Embedding(128, emb)
        self.convs = nn.ModuleList(nn.Conv1d(emb, channels, w) for w in widths)
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(channels * len(widths), classes)

    def forward(self, x):
        h = self.embed(x).transpose(1, 2)
        h = torch.cat([torch.relu(conv(h)).amax(dim=2) for conv in self.convs], dim=1)
        return self.fc(self.drop(h))


train, valid, test = Snippets(train_x, train_y), Snippets(valid_x, valid_y), Snippets(test_x, test_y)
counts = torch.bincount(train.y)
weights = (1.0 / counts)[train.y]
sampler = WeightedRandomSampler(weights, num_samples=3072)
train_loader = DataLoader(train, batch_size=64, sampler=sampler)

model = TextCNN(len(MODULES))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()


def score(data):
    model.eval()
    with torch.no_grad():
        guess = torch.cat([model(x).argmax(1) for x, _ in DataLoader(data, batch_size=512)])
    return balanced_accuracy_score(data.y, guess)


for epoch in range(8):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train_loader)
    print(f"epoch {epoch}: loss {running:.3f}, validation balanced accuracy {score(valid):.3f}")

print(f"test balanced accuracy: {score(test):.4f}")
