"""A graph convolution over the calls between functions: which module was a function taken from?"""

import argparse
import ast
import os
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

MODULES = [
    "argparse",
    "datetime",
    "doctest",
    "inspect",
    "ipaddress",
    "mailbox",
    "pickle",
    "statistics",
    "tarfile",
    "turtle",
]
BUCKETS = 512


def functions():
    """(name, names it uses, module) for every function and method."""
    for label, module in enumerate(MODULES):
        tree = ast.parse((Path(os.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                used = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
                used += [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
                yield node.name, used, label


def load_graph():
    found = list(functions())
    n = len(found)
    features = np.zeros((n, BUCKETS), dtype=np.float32)
    for i, (_, used, _) in enumerate(found):
        for word in used:
            features[i, zlib.crc32(word.encode()) % BUCKETS] += 1
    features = np.log1p(features)
    features /= np.maximum(features.sum(1, keepdims=True), 1e-6)

    named = {}
    for i, (name, _, _) in enumerate(found):
        if not name.startswith("__"):
            named.setdefault(name, []).append(i)
    adjacency = np.eye(n, dtype=np.float32)
    for i, (_, used, _) in enumerate(found):
        for j in {j for word in used for j in named.get(word, [])}:
            adjacency[i, j] = adjacency[j, i] = 1
    degree = adjacency.sum(1)
    adjacency = adjacency / np.sqrt(degree[:, None] * degree[None, :])
    labels = np.array([label for *_, label in found])
    return torch.from_numpy(features), torch.from_numpy(adjacency).to_sparse_csr(), torch.from_numpy(labels)


class GraphConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adjacency):
        return adjacency @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, inputs, classes, hidden=64, dropout=0.5):
        super().__init__()
        self.conv1 = GraphConv(inputs, hidden)
        self.conv2 = GraphConv(hidden, classes)
        self.dropout = dropout

    def forward(self, x, adjacency):
        x = F.dropout(x, self.dropout, training=self.training)
        x = F.relu(self.conv1(x, adjacency))
        x = F.dropout(x, self.dropout, training=self.training)
        return self.conv2(x, adjacency)


def accuracy(logits, labels, rows):
    return (logits[rows].argmax(1) == labels[rows]).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--weight_decay", type=float, default=5e-4)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    features, adjacency, labels = load_graph()
    order = torch.from_numpy(np.random.RandomState(1).permutation(len(labels)))
    idx_train, idx_val, idx_test = order[:300], order[300:450], order[450:]
    print(f"{len(labels)} functions, {adjacency.values().numel()} entries in the adjacency matrix")

    model = GCN(BUCKETS, len(MODULES))
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for epoch in range(args.epochs):
        model.train()
        optimizer.zero_grad()
        output = model(features, adjacency)
        loss_train = F.cross_entropy(output[idx_train], labels[idx_train])
        loss_train.backward()
        optimizer.step()

        if (epoch + 1) % 10 == 0:
            model.eval()
            with torch.no_grad():
                output = model(features, adjacency)
            print(
                f"Epoch: {epoch + 1:04d} loss_train: {loss_train.item():.4f} "
                f"acc_train: {accuracy(output, labels, idx_train):.4f} "
                f"acc_val: {accuracy(output, labels, idx_val):.4f}"
            )

    model.eval()
    with torch.no_grad():
        output = model(features, adjacency)
    print(f"test accuracy: {accuracy(output, labels, idx_test):.4f}")
