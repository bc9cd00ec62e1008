"""Who will leave? Churn of a telephone company's customers: embeddings for categories, an MLP, one logit."""

import argparse

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CATEGORIES = {
    "contract": ["monthly", "yearly", "two years"],
    "payment": ["card", "transfer", "cheque", "cash"],
    "region": [f"R{i:02d}" for i in range(16)],
    "device": [f"phone-{c}" for c in "abcdefghij"],
}
NUMERIC = ["tenure_months", "monthly_bill", "support_calls", "data_gb", "age"]


def make_customers(n, rng):
    """The columns of the table by name, and who left within the year."""
    columns = {name: rng.integers(0, len(values), n) for name, values in CATEGORIES.items()}
    columns["tenure_months"] = rng.gamma(1.8, 16.0, n)
    columns["monthly_bill"] = 18 + rng.gamma(3.0, 11.0, n)
    columns["support_calls"] = rng.poisson(1.3, n).astype(float)
    columns["data_gb"] = rng.lognormal(1.6, 0.9, n)
    columns["age"] = rng.uniform(18, 85, n)

    world = np.random.default_rng(77)
    region_effect = world.normal(0, 0.9, len(CATEGORIES["region"]))
    device_effect = world.normal(0, 0.8, len(CATEGORIES["device"]))
    contract_effect = np.array([1.1, -0.2, -1.4])
    score = (
        -2.3
        + contract_effect[columns["contract"]]
        + region_effect[columns["region"]]
        + device_effect[columns["device"]]
        + 0.7 * (columns["payment"] == 2)
        - 1.3 * np.tanh((columns["tenure_months"] - 20) / 15)
        + 0.05 * (columns["monthly_bill"] - 50) * (columns["data_gb"] < 6)
        + 0.75 * columns["support_calls"] * (columns["contract"] == 0)
        + 1.6 * np.cos((columns["age"] - 30) / 12)
    )
    left = rng.random(n) < 1 / (1 + np.exp(-1.5 * score))
    return columns, left.astype(np.float32)


def preprocess(columns, stats=None):
    numbers = np.column_stack([columns[name] for name in NUMERIC])
    numbers[:, 3] = np.log1p(numbers[:, 3])
    if stats is None:
        stats = numbers.mean(axis=0), numbers.std(axis=0)
    numbers = (numbers - stats[0]) / stats[1]
    codes = np.column_stack([columns[name] for name in CATEGORIES])
    return numbers.astype(np.float32), codes.astype(np.int64), stats


class ChurnModel(nn.Module):
    def __init__(self, cardinalities, n_numeric, hidden_sizes=(64, 32), p_drop=0.2):
        super().__init__()
        self.embeddings = nn.ModuleList(
            [nn.Embedding(size, min(8, (size + 1) // 2)) for size in cardinalities]
        )
        width = n_numeric + sum(e.embedding_dim for e in self.embeddings)
        layers = []
        for hidden in hidden_sizes:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.BatchNorm1d(hidden), nn.Dropout(p_drop)]
            width = hidden
        self.mlp = nn.Sequential(*layers)
        self.output = nn.Linear(width, 1)

    def forward(self, x_num, x_cat):
        embedded = [embedding(x_cat[:, i]) for i, embedding in enumerate(self.embeddings)]
        x = torch.cat([x_num, *embedded], dim=1)
        return self.output(self.mlp(x))


def predict(model, loader):
    model.eval()
    scores, targets = [], []
    with torch.no_grad():
        for x_num, x_cat, y in loader:
            scores.append(torch.sigmoid(model(x_num, x_cat)).squeeze(1))
            targets.append(y)
    return torch.cat(scores).numpy(), torch.cat(targets).numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--learning_rate", type=float, default=0.005)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train_columns, train_y = make_customers(10000, rng)
    val_columns, val_y = make_customers(1500, rng)
    test_columns, test_y = make_customers(5000, rng)
    train_num, train_cat, stats = preprocess(train_columns)
    val_num, val_cat, _ = preprocess(val_columns, stats)
    test_num, test_cat, _ = preprocess(test_columns, stats)

    def to_dataset(*arrays):
        return TensorDataset(*map(torch.from_numpy, arrays))

    train_dl = DataLoader(
        to_dataset(train_num, train_cat, train_y), batch_size=args.batch_size, shuffle=True, drop_last=True
    )
    val_dl = DataLoader(to_dataset(val_num, val_cat, val_y), batch_size=500)
    test_dl = DataLoader(to_dataset(test_num, test_cat, test_y), batch_size=500)

    model = ChurnModel([len(values) for values in CATEGORIES.values()], len(NUMERIC))
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    for epoch in range(args.epochs):
        model.train()
        epoch_loss = 0.0
        for x_num, x_cat, y in train_dl:
            logits = model(x_num, x_cat)
            loss = loss_fn(logits, y.unsqueeze(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        scheduler.step()
        val_scores, val_targets = predict(model, val_dl)
        auc = roc_auc_score(val_targets, val_scores)
        print(f"Epoch {epoch + 1:2d} | loss {epoch_loss / len(train_dl):.4f} | val AUC {auc:.4f}")

    scores, targets = predict(model, test_dl)
    probabilities = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    log_loss = -np.mean(targets * np.log(probabilities) + (1 - targets) * np.log(1 - probabilities))
    print(f"Test AUC: {roc_auc_score(targets, scores):.4f}")
    print(f"Test log loss: {log_loss:.4f}")
