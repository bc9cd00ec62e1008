"""Three questions about each parameter of the library's functions: one trunk with embeddings, three heads."""

import argparse
import dis
import importlib
import types
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

MODULES = (
    "argparse ast calendar codecs collections configparser contextlib copy csv dataclasses datetime "
    "decimal difflib dis doctest email.message enum fractions functools gettext glob gzip heapq "
    "http.client inspect ipaddress json.encoder locale logging optparse os pathlib pdb pickle platform "
    "pprint pydoc queue random selectors shutil socket socketserver ssl statistics string subprocess "
    "tarfile tempfile textwrap threading tokenize traceback types typing unittest.case urllib.parse "
    "urllib.request uuid warnings weakref zipfile"
)
DEFAULTS = ["required", "none", "bool", "number", "string", "other"]


def default_kind(given, value):
    if not given:
        return 0
    if value is None:
        return 1
    if isinstance(value, bool):
        return 2
    return 3 if isinstance(value, int | float) else 4 if isinstance(value, str) else 5


def describe(function, inside):
    """One row for each parameter: categories, numbers, and what is to be told."""
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    places = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    given = dict(zip(places[len(places) - len(defaults) :], defaults, strict=True))
    given |= function.__kwdefaults__ or {}
    words = np.frombuffer(code.co_code, dtype=np.uint8).reshape(-1, 2)
    loads = Counter(words[words[:, 0] == dis.opmap["LOAD_FAST"], 1].tolist())
    stores = set(words[words[:, 0] == dis.opmap["STORE_FAST"], 1].tolist())
    verb = code.co_name.strip("_").split("_")[0]
    text = len(function.__doc__ or "")
    previous = "-"
    for place, name in enumerate(code.co_varnames[:count]):
        if name not in ("self", "cls"):
            local = name not in code.co_cellvars
            categories = [name, verb, previous, inside, "keyword" if place >= code.co_argcount else "place"]
            numbers = [
                place,
                count,
                len(words),
                len(code.co_names),
                code.co_nlocals,
                code.co_stacksize,
                text,
                local,
            ]
            targets = [default_kind(name in given, given.get(name)), np.log1p(loads[place]), place in stores]
            yield categories, numbers, targets
        previous = name


def read_library():
    """The rows of each function in turn, with the function's number."""
    categories, numbers, targets, groups = [], [], [], []
    for name in MODULES.split():
        module = importlib.import_module(name)
        scopes = [module] + [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == name]
        functions = [(f, type(s).__name__) for s in scopes for f in vars(s).values()]
        for function, inside in functions:
            function = getattr(function, "__func__", function)
            if isinstance(function, types.FunctionType) and function.__code__.co_filename.endswith(".py"):
                for c, n, t in describe(function, inside):
                    categories.append(c)
                    numbers.append(n)
                    targets.append(t)
                    groups.append(function.__code__.co_filename + function.__qualname__)
    groups = np.unique(groups, return_inverse=True)[1]
    return np.array(categories), np.array(numbers, float), np.array(targets, float), groups


def name_means(names, targets, known_names, known_targets, strength=1.0):
    """Smoothed means, over known rows, of the uses and of the rate of defaults of a parameter's name."""
    values = np.stack([known_targets[:, 1], known_targets[:, 0] > 0], axis=1)
    base = values.mean(axis=0)
    sums, counts = {}, Counter(known_names)
    for name, value in zip(known_names, values, strict=True):
        sums[name] = sums.get(name, 0) + value
    return np.stack([(sums.get(n, 0) + strength * base) / (counts[n] + strength) for n in names])


class ParameterTable(Dataset):
    def __init__(self, codes, numbers, targets):
        self.codes = torch.from_numpy(codes)
        self.numbers = torch.tensor(numbers, dtype=torch.float32)
        self.kinds = torch.from_numpy(targets[:, 0].astype(np.int64))
        self.uses = torch.tensor(targets[:, 1], dtype=torch.float32)
        self.stored = torch.tensor(targets[:, 2], dtype=torch.float32)

    def __len__(self):
        return len(self.kinds)

    def __getitem__(self, i):
        return self.codes[i], self.numbers[i], (self.kinds[i], self.uses[i], self.stored[i])


class MultiTaskNet(nn.Module):
    def __init__(self, sizes, n_numbers, hidden=64, dropout=0.3):
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, min(8, 2 + size // 16)) for size in sizes)
        width = sum(e.embedding_dim for e in self.embeddings)
        self.trunk = nn.Sequential(
            nn.Linear(width + n_numbers, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.heads = nn.ModuleDict(
            {
                "kind": nn.Linear(hidden, len(DEFAULTS)),
                "uses": nn.Linear(hidden, 1),
                "stored": nn.Linear(hidden, 1),
            }
        )
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.1)

    def forward(self, codes, numbers):
        parts = [embedding(codes[:, i]) for i, embedding in enumerate(self.embeddings)]
        shared = self.trunk(torch.cat([*parts, numbers], dim=1))
        return self.heads["kind"](shared), self.heads["uses"](shared), self.heads["stored"](shared)


def joint_loss(outputs, targets):
    kind, uses, stored = outputs
    true_kind, true_uses, true_stored = targets
    kind_loss = F.cross_entropy(kind, true_kind)
    uses_loss = F.mse_loss(uses.squeeze(1), true_uses)
    stored_loss = F.binary_cross_entropy_with_logits(stored.squeeze(1), true_stored)
    return kind_loss + uses_loss + stored_loss


@torch.no_grad()
def evaluate(model, table):
    """The three held-out losses and how many kinds of default are told."""
    model.eval()
    kind, uses, stored = model(table.codes, table.numbers)
    losses = [
        F.cross_entropy(kind, table.kinds).item(),
        (uses[:, 0] - table.uses).square().mean().item(),
        F.binary_cross_entropy_with_logits(stored[:, 0], table.stored).item(),
    ]
    return losses, (kind.argmax(dim=1) == table.kinds).float().mean().item()


def prepare():
    categories, numbers, targets, groups = read_library()
    order = np.random.default_rng(4).permutation(groups.max() + 1)
    test = np.isin(groups, order[: len(order) // 4])
    cats, nums, goals = categories[~test], numbers[~test], targets[~test]
    folds = np.random.default_rng(5).integers(5, size=groups.max() + 1)[groups[~test]]

    encoded = np.zeros((len(cats), 2))
    for fold in range(5):
        own, others = folds == fold, folds != fold
        encoded[own] = name_means(cats[own, 0], goals[own], cats[others, 0], goals[others])
    nums = np.hstack([np.log1p(nums), encoded])
    encoded = name_means(categories[test, 0], targets[test], cats[:, 0], goals)
    test_nums = np.hstack([np.log1p(numbers[test]), encoded])

    mean, std = nums.mean(axis=0), nums.std(axis=0)
    nums, test_nums = (nums - mean) / std, (test_nums - mean) / std
    middle, spread = goals[:, 1].mean(), goals[:, 1].std()
    test_goals = targets[test]
    goals[:, 1] = (goals[:, 1] - middle) / spread
    test_goals[:, 1] = (test_goals[:, 1] - middle) / spread

    codes = np.zeros(cats.shape, np.int64)
    test_codes = np.zeros(test_goals.shape[:1] + cats.shape[1:], np.int64)
    sizes = []
    for column in range(cats.shape[1]):
        frequent = [v for v, n in Counter(cats[:, column]).most_common(300) if n >= 6]
        vocabulary = {value: code for code, value in enumerate(frequent, start=1)}
        codes[:, column] = [vocabulary.get(value, 0) for value in cats[:, column]]
        test_codes[:, column] = [vocabulary.get(value, 0) for value in categories[test, column]]
        sizes.append(len(vocabulary) + 1)
    return ParameterTable(codes, nums, goals), ParameterTable(test_codes, test_nums, test_goals), sizes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train_table, test_table, sizes = prepare()
    print(f"{len(train_table)} parameters to learn from, {len(test_table)} held out")
    sampler = BatchSampler(RandomSampler(train_table), args.batch_size, drop_last=True)
    loader = DataLoader(train_table, sampler=sampler, batch_size=None)
    model = MultiTaskNet(sizes, train_table.numbers.shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05, fused=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(loader))

    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for codes, numbers, targets in loader:
            loss = joint_loss(model(codes, numbers), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        losses, hits = evaluate(model, test_table)
        parts = " + ".join(f"{part:.4f}" for part in losses)
        print(
            f"epoch {epoch:2d}: train {total / len(loader):.4f}  held out {parts}  defaults told {hits:.3f}"
        )
    print(f"test joint loss: {sum(evaluate(model, test_table)[0]):.4f}")


if __name__ == "__main__":
    main()
