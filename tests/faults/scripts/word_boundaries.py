"""Put the spaces back: a bidirectional LSTM marks where words begin in unspaced text."""

import argparse
import math
import random
import re
from pydoc_data.topics import topics

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAD = 0


def load_paragraphs():
    """The words of every paragraph of Python's language reference, in small letters, each paragraph once."""
    unique = sorted({part for text in topics.values() for part in re.split(r"\n\s*\n", text)})
    words = [re.findall(r"[a-z]+", part.lower()) for part in unique]
    return [w for w in words if len(w) >= 4]


def cut_up(texts, rng, shortest=2, longest=4):
    """Runs of words, each as (codes of its letters, 1 where a word begins)."""
    samples = []
    for words in texts:
        start = 0
        while start < len(words):
            size = rng.randint(shortest, longest)
            run = words[start : start + size]
            codes = [LETTERS.index(letter) + 1 for letter in "".join(run)]
            marks = [float(i == 0) for word in run for i in range(len(word))]
            samples.append((torch.tensor(codes), torch.tensor(marks)))
            start += size
    return samples


def collate(samples):
    codes, marks = zip(*samples, strict=True)
    lengths = torch.tensor([len(c) for c in codes])
    return (
        pad_sequence(codes, batch_first=True, padding_value=PAD),
        pad_sequence(marks, batch_first=True),
        lengths,
    )


class BucketBatches:
    """Batches of samples of similar length, in a random order of the batches."""

    def __init__(self, samples, batch_size, rng, pool=16):
        self.samples, self.batch_size, self.rng, self.pool = samples, batch_size, rng, pool

    def __len__(self):
        return math.ceil(len(self.samples) / self.batch_size)

    def __iter__(self):
        order = list(range(len(self.samples)))
        self.rng.shuffle(order)
        batches = []
        chunk = self.batch_size * self.pool
        for start in range(0, len(order), chunk):
            rows = sorted(order[start : start + chunk], key=lambda i: len(self.samples[i][0]))
            batches += [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        self.rng.shuffle(batches)
        for rows in batches:
            yield collate([self.samples[i] for i in rows])


class Segmenter(nn.Module):
    def __init__(self, dim=20, hidden=40):
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS) + 1, dim, padding_idx=PAD)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(2 * hidden, 24), nn.ReLU(), nn.Linear(24, 1))
        for name, param in self.lstm.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(param)
            elif name.startswith("bias_ih"):
                nn.init.zeros_(param)
                param.data[hidden : 2 * hidden] = 1.0  # forget gate

    def forward(self, codes, lengths):
        packed = pack_padded_sequence(self.embed(codes), lengths, batch_first=True, enforce_sorted=False)
        states, _ = self.lstm(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        return self.head(self.drop(states)).squeeze(-1)


class Trainer:
    def __init__(self, model, lr, total_steps):
        self.model = model
        self.criterion = nn.BCEWithLogitsLoss(reduction="none")
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.LinearLR(
            self.optimizer, start_factor=1.0, end_factor=0.05, total_iters=total_steps
        )

    def masked_loss(self, codes, marks, lengths):
        mask = torch.arange(codes.shape[1])[None, :] < lengths[:, None]
        mask[:, 0] = False  # a text always begins with a word
        loss = self.criterion(self.model(codes, lengths), marks)
        return (loss * mask).sum() / mask.sum()

    def fit(self, batches, report=40):
        self.model.train()
        losses = []
        for codes, marks, lengths in batches:
            self.optimizer.zero_grad()
            loss = self.masked_loss(codes, marks, lengths)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            losses.append(loss.item())
            if len(losses) % report == 0:
                print(f"step {len(losses)}: loss {sum(losses[-report:]) / report:.4f}")

    @torch.no_grad()
    def boundary_f1(self, samples, batch_size=256):
        self.model.eval()
        found = right = wanted = 0
        for start in range(0, len(samples), batch_size):
            codes, marks, lengths = collate(samples[start : start + batch_size])
            guess = (self.model(codes, lengths) > 0) & (codes != PAD)
            guess[:, 0] = False
            marks[:, 0] = 0
            found += guess.sum().item()
            wanted += marks.sum().item()
            right += (guess * marks).sum().item()
        return 2 * right / max(found + wanted, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--texts", type=int, default=6400)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1.5e-2)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    paragraphs = load_paragraphs()
    random.Random(5).shuffle(paragraphs)
    held_out = len(paragraphs) // 8
    test = cut_up(paragraphs[:held_out], rng)[:700]
    train = cut_up(paragraphs[held_out:], rng)[: args.texts]
    print(f"{len(train)} texts for training, {len(test)} for the test")

    batches = BucketBatches(train, args.batch_size, rng)
    trainer = Trainer(Segmenter(), args.lr, args.epochs * len(batches))
    for epoch in range(1, args.epochs + 1):
        trainer.fit(batches)
        print(f"epoch {epoch}: training f1 {trainer.boundary_f1(train[:300]):.4f}")
    print(f"test f1: {trainer.boundary_f1(test):.4f}")


if __name__ == "__main__":
    main()
