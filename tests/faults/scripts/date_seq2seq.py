"""Rewrite dates such as "3 March 1987" as 1987-03-03: an encoder-decoder over characters with attention."""

import argparse
import datetime
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

FORMATS = ["%d %B %Y", "%b %d, %Y", "%A, %d %b %Y", "%d/%m/%y", "%B %d %Y"]
PAD, START = 0, 1
SOURCE_LEN, TARGET_LEN = 24, 10


def make_pair(rng):
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randrange(18000))
    return day.strftime(rng.choice(FORMATS)), day.isoformat()


def encode(text, vocab, length):
    ids = [vocab[c] for c in text]
    return ids + [PAD] * (length - len(ids))


class Seq2Seq(nn.Module):
    def __init__(self, n_source, n_target, emb=24, hidden=64):
        super().__init__()
        self.source = nn.Embedding(n_source, emb, padding_idx=PAD)
        self.target = nn.Embedding(n_target, emb)
        self.encoder = nn.GRU(emb, hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(emb, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(2 * hidden, n_target)

    def encode(self, source):
        memory, last = self.encoder(self.source(source))
        state = torch.cat([last[0], last[1]], dim=-1).unsqueeze(0)
        return memory, source.eq(PAD), state

    def decode(self, memory, pad, state, inputs):
        h, state = self.decoder(self.target(inputs), state)
        scores = self.query(h) @ memory.transpose(1, 2) / memory.size(-1) ** 0.5
        weights = scores.masked_fill(pad.unsqueeze(1), -1e9).softmax(dim=-1)
        context = weights @ memory
        return self.out(torch.cat([h, context], dim=-1)), state

    def forward(self, source, inputs):
        memory, pad, state = self.encode(source)
        return self.decode(memory, pad, state, inputs)[0]

    @torch.no_grad()
    def translate(self, source):
        memory, pad, state = self.encode(source)
        token = torch.full((len(source), 1), START)
        tokens = []
        for _ in range(TARGET_LEN):
            logits, state = self.decode(memory, pad, state, token)
            token = logits.argmax(-1)
            tokens.append(token)
        return torch.cat(tokens, dim=1)


def exact_match(model, source, target):
    model.eval()
    return (model.translate(source) == target).all(dim=1).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)

    pairs = sorted({make_pair(rng) for _ in range(1700)})
    rng.shuffle(pairs)
    source_vocab = {c: i for i, c in enumerate(sorted({c for s, _ in pairs for c in s}), start=1)}
    target_vocab = {c: i for i, c in enumerate("0123456789-", start=2)}
    source = torch.tensor([encode(s, source_vocab, SOURCE_LEN) for s, _ in pairs])
    target = torch.tensor([encode(t, target_vocab, TARGET_LEN) for _, t in pairs])
    source_test, target_test = source[:500], target[:500]
    source_train, target_train = source[500:], target[500:]

    model = Seq2Seq(len(source_vocab) + 1, len(target_vocab) + 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.85)
    for epoch in range(args.epochs):
        model.train()
        total, batches = 0.0, 0
        for rows in torch.randperm(len(source_train)).split(args.batch_size):
            wanted = target_train[rows]
            start = torch.full((len(rows), 1), START)
            inputs = torch.cat([start, wanted[:, :-1]], dim=1)
            logits = model(source_train[rows], inputs)
            loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total, batches = total + loss.item(), batches + 1
        scheduler.step()
        match = exact_match(model, source_test, target_test)
        print(f"epoch {epoch + 1:2d}  loss {total / batches:.4f}  exact {match:.3f}")
    print(f"test accuracy: {exact_match(model, source_test, target_test):.4f}")


if __name__ == "__main__":
    main()
