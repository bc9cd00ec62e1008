"""What does a function do? Several tags at once from the bag of names in its code (standard library)."""

import argparse
import ast
import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn

MODULES = (
    "argparse ast calendar codecs configparser copy csv dataclasses datetime difflib dis doctest enum "
    "fractions ftplib functools gettext gzip heapq imaplib inspect ipaddress locale mailbox mimetypes "
    "optparse os pathlib pdb pickle pickletools platform plistlib poplib posixpath pprint pstats pydoc "
    "random sched shelve shlex shutil smtplib socket socketserver statistics string subprocess tarfile "
    "tempfile textwrap threading timeit tokenize trace traceback turtle typing uuid warnings weakref "
    "zipfile"
)
TAGS = {
    "loops": (ast.For, ast.While),
    "branches": (ast.If,),
    "raises": (ast.Raise,),
    "handles": (ast.Try,),
    "returns": (ast.Return,),
    "compares": (ast.Compare,),
}


def read_functions(module):
    path = Path(os.__file__).parent / f"{module}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            inner = list(ast.walk(node))
            names = [n.id for n in inner if isinstance(n, ast.Name)]
            names += [n.attr for n in inner if isinstance(n, ast.Attribute)]
            tags = [float(any(isinstance(n, kinds) for n in inner)) for kinds in TAGS.values()]
            if len(names) > 2:
                yield names, tags


class BagClassifier(nn.Module):
    def __init__(self, vocab_size, n_tags, dim=48, hidden=64, dropout=0.3):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab_size, dim, mode="sum")
        self.layers = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Dropout(dropout),
            nn.Linear(dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_tags),
        )

    def forward(self, ids, offsets):
        return self.layers(self.bag(ids, offsets))


def encode(rows, vocab):
    return [torch.tensor([vocab.get(name, 0) for name in row]) for row in rows]


def make_vocab(rows, limit=2000):
    counts = Counter(name for row in rows for name in row)
    return {name: i for i, (name, n) in enumerate(counts.most_common(limit), start=1) if n > 2}


def collate(bags):
    offsets = np.cumsum([0] + [len(bag) for bag in bags[:-1]])
    return torch.cat(bags), torch.from_numpy(offsets)


@torch.no_grad()
def evaluate(model, bags, tags, criterion):
    model.eval()
    logits = model(*collate(bags))
    hits = ((logits > 0) == (tags > 0.5)).float().mean().item()
    return criterion(logits, tags).item(), hits


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    functions = [pair for module in MODULES.split() for pair in read_functions(module)]
    functions = [functions[i] for i in np.random.default_rng(8).permutation(len(functions))]
    cut = int(0.75 * len(functions))
    rows_train, rows_test = ([names for names, _ in part] for part in (functions[:cut], functions[cut:]))
    tags = torch.tensor([tags for _, tags in functions])
    tags_train, tags_test = tags[:cut], tags[cut:]
    vocab = make_vocab(rows_train)
    bags_train, bags_test = encode(rows_train, vocab), encode(rows_test, vocab)

    model = BagClassifier(2001, len(TAGS))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for batch in torch.randperm(len(bags_train)).split(32):
            ids, offsets = collate([bags_train[i] for i in batch.tolist()])
            optimizer.zero_grad()
            output = model(ids, offsets)
            loss = criterion(output, tags_train[batch])
            loss.backward()
            optimizer.step()
            running += loss.item() * len(batch)
        test_loss, hits = evaluate(model, bags_test, tags_test, criterion)
        print(f"{epoch}: train {running / len(bags_train):.4f} test {test_loss:.4f} accuracy {hits:.4f}")

    final_loss, _ = evaluate(model, bags_test, tags_test, nn.BCEWithLogitsLoss())
    print(f"test log loss: {final_loss:.4f}")


if __name__ == "__main__":
    main()
