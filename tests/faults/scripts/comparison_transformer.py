"""Which comparison has been blanked out of a line of Python? A small transformer encoder with warm-up."""

import argparse
import math
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

OPERATORS = ["==", "!=", "is", "in", "<", ">"]
MODULES = """
argparse ast asyncio/base_events bdb calendar configparser copy csv difflib dis doctest enum fractions
ftplib heapq imaplib inspect ipaddress mailbox optparse pathlib pdb pickle pickletools pydoc random
shutil smtplib ssl statistics subprocess tarfile _pydecimal tokenize trace traceback turtle unittest/mock
uuid weakref zipfile _pydatetime typing textwrap plistlib gettext http/client http/cookiejar
logging/handlers threading unittest/case urllib/parse urllib/request email/message xml/dom/minidom
tempfile socket platform locale codecs string
"""
BATCH, LONGEST, EPOCHS = 64, 20, 6


def read_lines(per_operator):
    found = {operator: {} for operator in OPERATORS}
    for module in MODULES.split():
        path = Path(os.__file__).parent / f"{module}.py"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            words = re.findall(r"\w+|[=!<>]=|[^\w\s]", line)
            places = [i for i, word in enumerate(words) if word in OPERATORS]
            if (
                len(places) == 1
                and 4 <= len(words) <= LONGEST
                and not {"for", "#", '"', "import"} & set(words)
            ):
                label = words[places[0]]
                words[places[0]] = "<blank>"
                found[label][tuple(words)] = None
    lines = [(words, k) for k, op in enumerate(OPERATORS) for words in list(found[op])[:per_operator]]
    return [lines[i] for i in np.random.default_rng(4).permutation(len(lines))]


class Encoder(nn.Module):
    def __init__(self, words, classes, width=32, heads=4, depth=2, dropout=0.2):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Embedding(64, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, codes):
        padding = codes == 0
        h = self.words(codes) * math.sqrt(self.words.embedding_dim)
        h = h + self.places(torch.arange(codes.size(1)))
        h = self.norm(self.layers(h, src_key_padding_mask=padding))
        h = h.masked_fill(padding[:, :, None], 0.0).sum(dim=1)
        h = h / (~padding).sum(dim=1, keepdim=True)
        return self.head(h)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    lines = read_lines(500)
    train, test = lines[500:], lines[:500]
    counts = Counter(word for words, _ in train for word in words)
    vocabulary = {word: i + 2 for i, (word, n) in enumerate(counts.most_common(500)) if n > 2}

    def tensors(data):
        codes = torch.zeros(len(data), LONGEST, dtype=torch.long)
        for row, (words, _) in zip(codes, data, strict=True):
            row[: len(words)] = torch.tensor([vocabulary.get(word, 1) for word in words])
        return codes, torch.tensor([label for _, label in data])

    (x, y), (x_test, y_test) = tensors(train), tensors(test)
    model = Encoder(len(vocabulary) + 2, len(OPERATORS))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    steps, warmup = EPOCHS * math.ceil(len(x) / BATCH), 40
    schedule = lambda step: min((step + 1) / warmup, (steps - step) / (steps - warmup))  # noqa: E731
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)

    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            guess = torch.cat([model(part) for part in x_test.split(BATCH)]).argmax(dim=1)
        accuracy = (guess == y_test).float().mean().item()
        print(f"epoch {epoch + 1}/{EPOCHS}  loss {total / len(x):.4f}  accuracy {accuracy:.4f}")
    print(f"test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
