"""What becomes of a call's result? Mixed columns with entity embeddings, a row per call of the library."""

import argparse
import ast
import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, TensorDataset

TRAIN_FILES = """
argparse calendar cgitb cmd configparser csv difflib doctest fractions ftplib gettext gzip
http/client imaplib inspect locale mailbox nntplib optparse pathlib pdb pickle platform poplib pydoc random
shutil smtplib statistics subprocess tarfile telnetlib textwrap threading trace turtle typing uuid
"""
TEST_FILES = """
ast bdb codeop copy dis email/message enum http/server ipaddress logging/handlers pickletools
pkgutil profile pstats sched shelve tempfile timeit tokenize unittest/case xmlrpc/client zipfile
"""
USES = {
    "statement": ("Expr",),
    "stored": ("Assign", "AnnAssign", "AugAssign", "NamedExpr"),
    "returned": ("Return", "Yield"),
    "argument": ("Call", "keyword", "Starred", "FormattedValue"),
    "tested": ("If", "While", "IfExp", "BoolOp", "Compare", "UnaryOp", "Assert"),
    "looped": ("For", "comprehension"),
    "accessed": ("Attribute", "Subscript"),
    "raised": ("Raise",),
}
LABEL = {parent: k for k, parents in enumerate(USES.values()) for parent in parents}


def root_of(node):
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", type(node).__name__)


def collect(names):
    """Categories, numbers and label of every call in these modules."""
    cats, nums, labels = [], [], []
    for name in names.split():
        path = Path(os.__file__).parent / f"{name}.py"
        if not path.exists():
            continue
        # (node, what it belongs to, innermost block, innermost function, depth of blocks)
        stack = [(ast.parse(path.read_text(encoding="utf-8")), None, "Module", None, 0)]
        while stack:
            node, parent, block, func, depth = stack.pop()
            use = type(parent).__name__
            if isinstance(node, ast.Call) and use in LABEL and getattr(parent, "func", None) is not node:
                callee = getattr(node.func, "attr", getattr(node.func, "id", "?"))
                first = type(node.args[0]).__name__ if node.args else "none"
                word = func.name.strip("_").split("_")[0] if func else "none"
                cats.append([callee, root_of(node.func), first, block, word])
                size = sum(1 for _ in ast.walk(node))
                length = func.end_lineno - func.lineno if func else 0
                width = node.end_col_offset - node.col_offset
                n_args, n_kw = len(node.args), len(node.keywords)
                nums.append([n_args, n_kw, size, width, depth, length, node.lineno])
                labels.append(LABEL[use])
            if isinstance(node, ast.FunctionDef):
                func = node
            if isinstance(node, ast.stmt) and hasattr(node, "body"):
                block, depth = type(node).__name__, depth + 1
            stack += [(child, node, block, func, depth) for child in ast.iter_child_nodes(node)]
    return cats, np.array(nums, dtype=np.float32), np.array(labels)


def build_vocab(cats, min_count=6):
    """One dictionary per column; 0 is kept for rare and unseen values."""
    vocab = []
    for column in zip(*cats, strict=True):
        counts = Counter(column)
        vocab.append({v: i + 1 for i, v in enumerate(sorted(v for v in counts if counts[v] >= min_count))})
    return vocab


def encode(cats, vocab):
    return torch.tensor([[v.get(value, 0) for value, v in zip(row, vocab, strict=True)] for row in cats])


class TabNet(nn.Module):
    def __init__(self, sizes, n_num, n_classes, hidden=128):
        super().__init__()
        dims = [min(10, 2 + n // 8) for n in sizes]
        self.embeddings = nn.ModuleList(nn.Embedding(n, d) for n, d in zip(sizes, dims, strict=True))
        self.fc1 = nn.Linear(sum(dims) + n_num, hidden)
        self.fc2 = nn.Linear(hidden, hidden // 2)
        self.fc3 = nn.Linear(hidden // 2, n_classes)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x_cat, x_num):
        parts = [emb(x_cat[:, i]) for i, emb in enumerate(self.embeddings)]
        x = torch.cat([*parts, x_num], dim=1)
        x = self.dropout(torch.relu(self.fc1(x)))
        x = self.dropout(torch.relu(self.fc2(x)))
        return self.fc3(x)


def evaluate(model, loader):
    model.eval()
    preds, truth = [], []
    with torch.no_grad():
        for x_cat, x_num, y in loader:
            preds.append(model(x_cat, x_num).argmax(dim=1))
            truth.append(y)
    return f1_score(torch.cat(truth).numpy(), torch.cat(preds).numpy(), average="macro")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    train_cats, train_nums, train_y = collect(TRAIN_FILES)
    test_cats, test_nums, test_y = collect(TEST_FILES)
    vocab = build_vocab(train_cats)
    mean, std = train_nums.mean(axis=0), train_nums.std(axis=0)
    train_nums = (train_nums - mean) / std
    test_nums = (test_nums - mean) / std
    print(f"{len(train_y)} training rows, {len(test_y)} test rows, classes {np.bincount(train_y).tolist()}")

    train_set = TensorDataset(
        encode(train_cats, vocab), torch.from_numpy(train_nums), torch.from_numpy(train_y)
    )
    test_set = TensorDataset(encode(test_cats, vocab), torch.from_numpy(test_nums), torch.from_numpy(test_y))
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)
    test_loader = DataLoader(test_set, batch_size=1024)

    model = TabNet([len(v) + 1 for v in vocab], train_nums.shape[1], len(USES))
    counts = np.bincount(train_y, minlength=len(USES))
    weight = torch.tensor(np.sqrt(counts.max() / counts), dtype=torch.float32)
    criterion = nn.CrossEntropyLoss(weight=weight)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for x_cat, x_num, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x_cat, x_num), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        f1 = evaluate(model, test_loader)
        print(f"epoch {epoch + 1}  loss {running / len(train_loader):.4f}  macro f1 {f1:.4f}")
    print(f"test macro f1: {evaluate(model, test_loader):.4f}")
