"""Matrix factorisation: how often does a module use a word? Modules are the users, words the items."""

import argparse
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import nn

WORDS = 600


def load_ratings():
    """Triples (module, word, log2(1 + count)) of the words that a module of the standard library uses."""
    counts = []
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        words = Counter(re.findall(r"[A-Za-z_]{2,}", path.read_text(encoding="utf-8", errors="replace")))
        if words.total() > 800:
            counts.append(words)
    modules_with = Counter(word for words in counts for word in words)
    items = {word: i for i, (word, _) in enumerate(modules_with.most_common(WORDS))}
    triples = [
        (user, items[word], np.log2(1 + count))
        for user, words in enumerate(counts)
        for word, count in sorted(words.items())
        if word in items
    ]
    user, item, rating = zip(*triples, strict=True)
    return np.array(user), np.array(item), np.array(rating, dtype=np.float32), len(counts), len(items)


class Factorisation(nn.Module):
    def __init__(self, users, items, mean, factors=12):
        super().__init__()
        self.mean = mean
        self.user_factors = nn.Embedding(users, factors)
        self.item_factors = nn.Embedding(items, factors)
        self.user_bias = nn.Embedding(users, 1)
        self.item_bias = nn.Embedding(items, 1)
        nn.init.normal_(self.user_factors.weight, std=0.1)
        nn.init.normal_(self.item_factors.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, user, item):
        match = (self.user_factors(user) * self.item_factors(item)).sum(dim=1)
        bias = self.user_bias(user).squeeze(1) + self.item_bias(item).squeeze(1)
        return self.mean + bias + match

    def penalty(self, user, item):
        parts = (self.user_factors(user), self.item_factors(item), self.user_bias(user), self.item_bias(item))
        return sum(part.pow(2).sum(dim=1) for part in parts).mean()


def rmse(model, data):
    user, item, rating = data
    model.eval()
    with torch.no_grad():
        error = model(user, item) - rating
    return error.pow(2).mean().sqrt().item()


def batches(data, size, rng):
    order = torch.from_numpy(rng.permutation(len(data[0])))
    for rows in order.split(size):
        yield tuple(column[rows] for column in data)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=12)
    ap.add_argument("--l2", type=float, default=0.04)
    ap.add_argument("--lr", type=float, default=4e-3)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    user, item, rating, n_users, n_items = load_ratings()
    order = np.random.default_rng(11).permutation(len(rating))
    n_test, n_valid = len(order) // 5, len(order) // 20
    parts = order[:n_test], order[n_test : n_test + n_valid], order[n_test + n_valid :]
    test, valid, train = (
        tuple(torch.from_numpy(column[part]) for column in (user, item, rating)) for part in parts
    )
    print(f"{n_users} modules, {n_items} words, {len(train[0])} ratings to learn from")

    model = Factorisation(n_users, n_items, train[2].mean().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for u, i, r in batches(train, 128, rng):
            prediction = model(u, i)
            loss = nn.functional.mse_loss(prediction, r) + args.l2 * model.penalty(u, i)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(r)
        scheduler.step()
        print(
            f"epoch {epoch + 1}: loss {total / len(train[0]):.4f}, validation rmse {rmse(model, valid):.4f}"
        )
    print(f"test rmse: {rmse(model, test):.4f}")


if __name__ == "__main__":
    main()
