"""Where does the next line of Python begin? A causal temporal convolution over the lines of functions."""

import argparse
import ast
import math
import os
import random
import re
from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

TRAIN = """
argparse bdb configparser csv difflib doctest enum ftplib imaplib inspect optparse pathlib pickle random
shutil smtplib subprocess tarfile threading typing zipfile mailbox locale http/client http/server
email/message logging/handlers unittest/case urllib/request xml/dom/minidom asyncio/streams
concurrent/futures/process
"""
VALID = "pdb gzip statistics urllib/parse asyncio/base_events unittest/mock"
TEST = "http/cookiejar pydoc tempfile fractions ipaddress logging/__init__ turtle cgi trace asyncio/tasks"


def read_functions(modules, shortest=5, longest=50):
    """Each function as a list of lines: first word, last character, indentation, length."""
    functions = []
    for module in modules.split():
        text = (Path(os.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef):
                continue
            lines = [s for s in text.splitlines()[node.lineno - 1 : node.end_lineno] if s.strip()]
            if shortest <= len(lines) <= longest:
                functions.append([describe(line, node.col_offset) for line in lines])
    return functions


def describe(line, margin):
    code = line.strip()
    first = re.match(r"\w+|.", code).group()
    return first, code[-1], (len(line) - len(line.lstrip()) - margin) / 4, len(code) / 40


def build_vocabulary(items, size):
    return {item: i + 2 for i, (item, _) in enumerate(Counter(items).most_common(size))}


def encode(function, words, ends):
    codes = torch.tensor([[words.get(first, 1), ends.get(last, 1)] for first, last, _, _ in function])
    numbers = torch.tensor([line[2:] for line in function])
    change = numbers[1:, 0] - numbers[:-1, 0]
    # 0: where this line begins, 1: deeper, 2: one level back, 3: further back
    label = (change > 0).long() + 2 * (change < 0) + (change < -1)
    return codes[:-1], numbers[:-1], label


def collate(items):
    return [nn.utils.rnn.pad_sequence(part, batch_first=True) for part in zip(*items, strict=True)]


class Block(nn.Module):
    def __init__(self, channels, dilation, dropout=0.1):
        super().__init__()
        self.pad = 2 * dilation
        self.conv1 = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.conv2 = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        h = F.relu(self.conv1(F.pad(x, (self.pad, 0))))
        return x + self.conv2(self.dropout(h))


class LineTCN(nn.Module):
    def __init__(self, n_words, n_ends, channels=32, dilations=(1, 2, 4, 8)):
        super().__init__()
        self.word = nn.Embedding(n_words, 24, padding_idx=0)
        self.end = nn.Embedding(n_ends, 16, padding_idx=0)
        self.inlet = nn.Conv1d(24 + 16 + 2, channels, 1)
        self.blocks = nn.ModuleList([Block(channels, d) for d in dilations])
        self.head = nn.Linear(channels, 4)

    def forward(self, codes, numbers):
        x = torch.cat([self.word(codes[..., 0]), self.end(codes[..., 1]), numbers], dim=-1)
        x = self.inlet(x.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        return self.head(F.relu(x).transpose(1, 2))


def masked_loss(logits, labels, codes):
    mask = (codes[..., 0] != 0).float()
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return (losses * mask.flatten()).sum() / mask.sum()


@torch.no_grad()
def evaluate(model, data):
    model.eval()
    total, n = 0.0, 0
    for start in range(0, len(data), 128):
        codes, numbers, labels = collate(data[start : start + 128])
        count = (codes[..., 0] != 0).sum().item()
        total += masked_loss(model(codes, numbers), labels, codes).item() * count
        n += count
    return total / n / math.log(2)


@torch.no_grad()
def bits_at_cursor(model, data):
    """As in an editor: nothing is known after the line that was just typed."""
    model.eval()
    cursor, losses = random.Random(5), []
    for codes, numbers, labels in data:
        for end in cursor.sample(range(1, len(labels) + 1), 4):
            logits = model(codes[None, :end], numbers[None, :end])
            losses.append(F.cross_entropy(logits[0, -1], labels[end - 1]).item())
    return sum(losses) / len(losses) / math.log(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)

    train, valid, test = (read_functions(modules) for modules in (TRAIN, VALID, TEST))
    words = build_vocabulary((line[0] for function in train for line in function), 80)
    ends = build_vocabulary((line[1] for function in train for line in function), 30)
    train, valid, test = ([encode(f, words, ends) for f in part] for part in (train, valid, test))
    print(f"functions: {len(train)} to train on, {len(valid)} to validate, {len(test)} to test")

    model = LineTCN(len(words) + 2, len(ends) + 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.4)
    for epoch in range(1, 8):
        model.train()
        random.shuffle(train)
        losses = []
        for start in range(0, len(train), 32):
            codes, numbers, labels = collate(train[start : start + 32])
            loss = masked_loss(model(codes, numbers), labels, codes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item() / math.log(2))
        scheduler.step()
        print(
            f"epoch {epoch}: train {sum(losses) / len(losses):.4f}, valid {evaluate(model, valid):.4f} bits"
        )

    print(f"test bits per line: {bits_at_cursor(model, test):.4f}")


if __name__ == "__main__":
    main()
