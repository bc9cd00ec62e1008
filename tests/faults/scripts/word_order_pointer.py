"""Put shuffled words in alphabetical order: a small encoder-decoder that points at its inputs."""

import argparse
import os
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MODULES = """
argparse ast calendar configparser datetime difflib doctest fractions ftplib gettext imaplib inspect
mailbox optparse pathlib pdb pickle pydoc random shutil smtplib statistics subprocess tarfile
textwrap threading trace typing weakref zipfile
"""
LETTERS = 4  # of each word, the rest is cut off
FEWEST, MOST = 3, 6  # words in a list


def collect_words():
    words = set()
    for module in MODULES.split():
        path = Path(os.__file__).parent / f"{module}.py"
        if path.exists():
            words.update(re.findall(r"[a-z]{3,12}", path.read_text(encoding="utf-8").lower()))
    by_prefix = {word[:LETTERS]: word for word in sorted(words)}
    return sorted(by_prefix.values())


def spell(words):
    """0 stands behind the end of a word, 1 to 26 are the letters."""
    codes = np.zeros((len(words), LETTERS), dtype=np.int64)
    for row, word in zip(codes, words):
        row[: len(word[:LETTERS])] = [ord(c) - 96 for c in word[:LETTERS]]
    return codes


def draw_batch(codes, size, rng):
    """Letters (size, MOST, LETTERS), the lengths of the lists, and the order to point at (-100: nothing)."""
    chars = np.zeros((size, MOST, LETTERS), dtype=np.int64)
    order = np.full((size, MOST), -100, dtype=np.int64)
    lengths = rng.integers(FEWEST, MOST + 1, size=size)
    for row, n in enumerate(lengths):
        picked = rng.choice(len(codes), size=n, replace=False)
        chars[row, :n] = codes[picked]
        order[row, :n] = np.argsort(picked)  # the table of words is sorted
    return torch.from_numpy(chars), torch.from_numpy(lengths), torch.from_numpy(order)


class Pointer(nn.Module):
    def __init__(self, width=32, heads=4):
        super().__init__()
        self.letters = nn.Embedding(27, 24, padding_idx=0)
        self.word = nn.Sequential(nn.Linear(24 * LETTERS, 64), nn.GELU(), nn.Linear(64, width))
        enc = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(enc, 1, enable_nested_tensor=False)
        self.start = nn.Parameter(torch.randn(width) * 0.1)
        self.steps = nn.Embedding(MOST, width)
        dec = nn.TransformerDecoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.decoder = nn.TransformerDecoder(dec, 1)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)

    def encode(self, chars, lengths):
        padding = torch.arange(chars.size(1)) >= lengths[:, None]
        words = self.word(self.letters(chars).flatten(2))
        return self.encoder(words, src_key_padding_mask=padding), padding

    def point(self, memory, padding, previous):
        """Scores for every step, given what was pointed at before it (without the last)."""
        size, steps = previous.size(0), previous.size(1) + 1
        chosen = memory.gather(1, previous[:, :, None].expand(-1, -1, memory.size(2)))
        inputs = torch.cat([self.start.expand(size, 1, -1), chosen], dim=1)
        inputs = inputs + self.steps(torch.arange(steps))
        causal = torch.ones(steps, steps, dtype=torch.bool).triu(1)
        h = self.decoder(inputs, memory, tgt_mask=causal, memory_key_padding_mask=padding)
        scores = self.query(h) @ self.key(memory).transpose(1, 2) / memory.size(2) ** 0.5
        used = F.one_hot(previous, memory.size(1)).cumsum(1)
        used = F.pad(used, (0, 0, 1, 0)) > 0
        return scores.masked_fill(used | padding[:, None, :], -1e4)

    def forward(self, chars, lengths, order):
        memory, padding = self.encode(chars, lengths)
        return self.point(memory, padding, order[:, :-1].clamp(min=0))

    @torch.no_grad()
    def sort(self, chars, lengths):
        memory, padding = self.encode(chars, lengths)
        chosen = torch.zeros(len(chars), 0, dtype=torch.long)
        for _ in range(chars.size(1)):
            scores = self.point(memory, padding, chosen)
            chosen = torch.cat([chosen, scores[:, -1].argmax(dim=1, keepdim=True)], dim=1)
        return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--warmup", type=int, default=30)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    words = collect_words()
    held_out = np.zeros(len(words), dtype=bool)
    held_out[np.random.default_rng(11).permutation(len(words))[: len(words) // 4]] = True
    codes = spell(words)
    train_codes, test_codes = codes[~held_out], codes[held_out]
    chars_test, lengths_test, order_test = draw_batch(test_codes, 300, np.random.default_rng(12))

    model = Pointer()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.98))

    def rate(step):
        return min((step + 1) / args.warmup, 1.0) * max(1 - step / args.steps, 0.02)

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    running = 0.0
    for step in range(1, args.steps + 1):
        chars, lengths, order = draw_batch(train_codes, args.batch_size, rng)
        scores = model(chars, lengths, order)
        loss = F.cross_entropy(scores.flatten(0, 1), order.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        running += loss.item()
        if step % 60 == 0:
            print(f"step {step:4d}  loss {running / 60:.4f}")
            running = 0.0

    model.eval()
    guess = model.sort(chars_test, lengths_test)
    known = order_test >= 0
    accuracy = (guess[known] == order_test[known]).float().mean().item()
    print(f"test accuracy of positions: {accuracy:.4f}")


if __name__ == "__main__":
    main()
