"""How long does a function get? Tabular regression with embeddings for the categories (standard library)."""

import argparse
import ast
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MODULES = """
argparse asyncio/base_events bdb configparser csv _pydatetime difflib doctest email/message enum
fractions ftplib gzip http/client imaplib inspect ipaddress logging/handlers mailbox optparse pathlib pdb
pickle pydoc random shutil smtplib statistics subprocess tarfile tempfile threading turtle typing
unittest/case xml/dom/minidom
"""


def read_functions():
    """One row a function: categories, numbers and the number of nodes in its syntax tree."""
    rows = []
    for module in MODULES.split():
        path = Path(os.__file__).parent / f"{module}.py"
        if not path.exists():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for parent in ast.walk(tree):
            for node in ast.iter_child_nodes(parent):
                if not isinstance(node, ast.FunctionDef):
                    continue
                words = node.name.strip("_").lower().split("_")
                doc = ast.get_docstring(node) or ""
                a = node.args
                numbers = [len(a.args), len(a.defaults), len(a.kwonlyargs), len(doc), len(doc.splitlines())]
                numbers += [len(node.decorator_list), len(words), len(node.name), len(node.body)]
                size = sum(1 for _ in ast.walk(node))
                rows.append((module, words[0], type(parent).__name__, numbers, size))
    return rows


class TabularNet(nn.Module):
    def __init__(self, cardinalities, n_numbers, hidden=96, p=0.1):
        super().__init__()
        sizes = [min(16, (c + 1) // 2) for c in cardinalities]
        self.embeds = nn.ModuleList([nn.Embedding(c, s) for c, s in zip(cardinalities, sizes, strict=True)])
        self.emb_drop = nn.Dropout(p)
        self.layers = nn.Sequential(
            nn.Linear(sum(sizes) + n_numbers, hidden),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Linear(hidden, hidden // 2),
            nn.ReLU(),
        )
        self.out = nn.Linear(hidden // 2, 1)

    def forward(self, cats, nums):
        x = torch.cat([embed(cats[:, i]) for i, embed in enumerate(self.embeds)], dim=1)
        x = torch.cat([self.emb_drop(x), nums], dim=1)
        return self.out(self.layers(x)).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)

rows = read_functions()
order = np.random.default_rng(1).permutation(len(rows))
rows = [rows[i] for i in order]
n_train = int(0.75 * len(rows))
train = rows[:n_train]

vocabularies = [{v: i + 1 for i, v in enumerate(sorted({row[c] for row in train}))} for c in range(3)]
cats = torch.tensor([[vocabularies[c].get(row[c], 0) for c in range(3)] for row in rows])
nums = np.log1p(np.array([row[3] for row in rows], dtype=np.float32))
target = np.log(np.array([row[4] for row in rows], dtype=np.float32))

# what functions of the same first word come to, the row itself left out
sums, counts = defaultdict(float), defaultdict(int)
for row, t in zip(train, target, strict=False):
    sums[row[1]] += t
    counts[row[1]] += 1
base = target[:n_train].mean()
encoded = []
for i, row in enumerate(rows):
    s, n = sums[row[1]], counts[row[1]]
    if i < n_train:
        s, n = s - target[i], n - 1
    encoded.append((s + base) / (n + 1))
nums = np.column_stack([nums, np.array(encoded, dtype=np.float32)])

nums = (nums - nums[:n_train].mean(axis=0)) / nums[:n_train].std(axis=0)
y_mean, y_std = target[:n_train].mean(), target[:n_train].std()
nums = torch.from_numpy(nums)
y = torch.from_numpy((target - y_mean) / y_std)

train_loader = DataLoader(
    TensorDataset(cats[:n_train], nums[:n_train], y[:n_train]), batch_size=64, shuffle=True
)
model = TabularNet([len(v) + 1 for v in vocabularies], nums.shape[1])
decay = [p for name, p in model.named_parameters() if p.ndim > 1 and "embeds" not in name]
rest = [p for name, p in model.named_parameters() if p.ndim == 1 or "embeds" in name]
groups = [{"params": decay, "weight_decay": 0.3}, {"params": rest, "weight_decay": 0.01}]
optimizer = torch.optim.AdamW(groups, lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=15)

for epoch in range(15):
    model.train()
    losses = []
    for batch_cats, batch_nums, batch_y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(batch_cats, batch_nums), batch_y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        predicted = model(cats[n_train:], nums[n_train:]).numpy() * y_std + y_mean
    rmse = np.sqrt(np.mean((predicted - target[n_train:]) ** 2))
    print(f"epoch {epoch}: train {np.mean(losses):.4f}, held-out rmse of the log {rmse:.4f}")

print(f"test rmse of the log: {rmse:.4f}")
