"""To which script does a letter belong, by its name? A bidirectional GRU, with padding and packing."""

import argparse
import random
import unicodedata

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

SCRIPTS = ["ETHIOPIC", "VAI", "CANADIAN", "YI", "HANGUL", "CUNEIFORM", "BAMUM", "ARABIC"]
SKIP = "SYLLABLE SYLLABICS LETTER SIGN DIGIT MARK SMALL LIGATURE MATHEMATICAL INITIAL MEDIAL FINAL"
CHARACTERS = "-ABCDEFGHIJKLMNOPQRSTUVWXYZ "


def read_names(limit):
    names = {script: set() for script in SCRIPTS}
    for code in range(0x20000):
        words = unicodedata.name(chr(code), "").split()
        if words and words[0] in names:
            name = " ".join(w for w in words[1:] if w not in SKIP.split() and not w.startswith("PHASE"))
            if name and all(c in CHARACTERS for c in name):
                names[words[0]].add(name)
    return [(name, k) for k, s in enumerate(SCRIPTS) for name in random.sample(sorted(names[s]), limit)]


def collate(batch):
    names, labels = zip(*batch, strict=True)
    lengths = torch.tensor([len(name) for name in names])
    codes = [torch.tensor([CHARACTERS.index(c) + 1 for c in name]) for name in names]
    return pad_sequence(codes, batch_first=True), lengths, torch.tensor(labels)


class NameClassifier(nn.Module):
    def __init__(self, vocabulary, classes, embedding=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=0)
        self.gru = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(2 * hidden, classes)

    def forward(self, codes, lengths):
        x = self.embedding(codes)
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        h = torch.cat([h[0], h[1]], dim=1)
        return self.fc(self.dropout(h))


def accuracy(model, loader):
    model.eval()
    hits, n = 0, 0
    with torch.no_grad():
        for codes, lengths, labels in loader:
            hits += (model(codes, lengths).argmax(1) == labels).sum().item()
            n += labels.size(0)
    return hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random.seed(20)
    data = read_names(limit=280)
    test, train = data[::4], [item for i, item in enumerate(data) if i % 4]

    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    train_loader = DataLoader(train, batch_size=64, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(test, batch_size=100, collate_fn=collate)

    model = NameClassifier(len(CHARACTERS) + 1, len(SCRIPTS))
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3, weight_decay=1e-5)
    loss_function = nn.CrossEntropyLoss()
    for epoch in range(1, 10):
        model.train()
        total = 0.0
        for codes, lengths, labels in train_loader:
            model.zero_grad()
            loss = loss_function(model(codes, lengths), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item() * labels.size(0)
        if epoch == 6:
            for group in optimizer.param_groups:
                group["lr"] /= 4
        print(f"epoch {epoch:2d}  loss {total / len(train):.4f}  accuracy {accuracy(model, test_loader):.4f}")

    print(f"test accuracy: {accuracy(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
