"""Syntax highlighting: a bidirectional GRU tells for each character of a line of Python what it is."""

import argparse
import io
import keyword
import os
import pathlib
import random
import tokenize

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

TAGS = ["space", "name", "keyword", "number", "string", "operator", "comment"]
IGNORE = -1
LONGEST = 64


def tag_of(tok):
    if tok.type == tokenize.NAME:
        return TAGS.index("keyword" if keyword.iskeyword(tok.string) else "name")
    names = {tokenize.NUMBER: "number", tokenize.STRING: "string", tokenize.OP: "operator"}
    return TAGS.index(names.get(tok.type, "comment"))


def tagged_lines(module):
    """(line, tags) for the lines of a module that no string of several lines touches."""
    path = pathlib.Path(os.__file__).parent / f"{module}.py"
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    tags = [[TAGS.index("space")] * len(line) for line in lines]
    skip = set()
    for tok in tokenize.generate_tokens(io.StringIO(source).readline):
        (row, start), (last, end) = tok.start, tok.end
        if last > row:
            skip.update(range(row - 1, last))
        elif tok.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP, tokenize.COMMENT):
            tags[row - 1][start:end] = [tag_of(tok)] * (end - start)
    for i, line in enumerate(lines):
        if i not in skip and len(line.strip()) >= 8 and len(line) <= LONGEST:
            yield line, tags[i]


def encode(line):
    return torch.tensor([min(ord(c), 127) for c in line])


def collate(batch):
    lengths = torch.tensor([len(line) for line, _ in batch])
    x = pad_sequence([encode(line) for line, _ in batch], batch_first=True)
    y = pad_sequence([torch.tensor(tags) for _, tags in batch], batch_first=True, padding_value=IGNORE)
    return x, y, lengths


class Tagger(nn.Module):
    def __init__(self, emb=24, hidden=48, dropout=0.1):
        super().__init__()
        self.embedding = nn.Embedding(128, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return self.classifier(self.dropout(h))


def evaluate(model, loader):
    """Share of the characters with the right tag; spaces between tokens are too easy to count."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for x, y, lengths in loader:
            guess = model(x, lengths).argmax(dim=-1)
            counted = (y != IGNORE) & (x != ord(" "))
            right += (guess[counted] == y[counted]).sum().item()
            count += counted.sum().item()
    return right / count


def main(args):
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    train = [pair for m in ("argparse", "tarfile", "mailbox") for pair in tagged_lines(m)]
    valid = list(tagged_lines("zipfile"))[:300]
    test = [pair for m in ("shutil", "ipaddress") for pair in tagged_lines(m)]
    random.shuffle(train)
    train = train[:1000]
    train_loader = DataLoader(train, batch_size=20, shuffle=True, collate_fn=collate)
    valid_loader = DataLoader(valid, batch_size=128, collate_fn=collate)
    test_loader = DataLoader(test, batch_size=128, collate_fn=collate)

    model = Tagger()
    loss_fn = nn.CrossEntropyLoss(ignore_index=IGNORE)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        history = []
        for x, y, lengths in train_loader:
            optimizer.zero_grad()
            logits = model(x, lengths)
            loss = loss_fn(logits.reshape(-1, len(TAGS)), y.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            history.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] *= 0.6
        accuracy = evaluate(model, valid_loader)
        print(f"epoch {epoch}: loss {np.mean(history):.4f}, validation accuracy {accuracy:.4f}")
    print(f"test accuracy: {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=6e-3)
    main(parser.parse_args())
