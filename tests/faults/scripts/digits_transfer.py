"""Transfer: a trunk pretrained on the digits 0 to 5 gets a new head for 6 to 9, from twenty of each."""

import argparse
import io

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Classifier(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 128),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(128, n_classes))
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(m):
        if isinstance(m, nn.Linear):
            nn.init.xavier_uniform_(m.weight)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(model, x, y, epochs, lr, batch_size, freeze=False):
    if freeze:
        model.backbone.requires_grad_(False)
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(params, lr=lr)
    for epoch in range(epochs):
        model.train()
        if freeze:
            model.backbone.eval()
        losses = []
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if (epoch + 1) % max(1, epochs // 4) == 0:
            print(f"  epoch {epoch + 1}: loss {np.mean(losses):.4f}")


@torch.no_grad()
def class_accuracies(model, x, y):
    model.eval()
    return [(model(x[y == k]).argmax(1) == k).float().mean().item() for k in y.unique()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    data = load_digits()
    x = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(data.target)

    source = y < 6
    pretrained = Classifier(6)
    fit(pretrained, x[source], y[source], epochs=8, lr=1e-3, batch_size=32)
    checkpoint = io.BytesIO()
    torch.save(pretrained.state_dict(), checkpoint)

    x, y = x[~source], y[~source] - 6
    shuffled = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))
    few = torch.cat([shuffled[y[shuffled] == k][:20] for k in range(4)])
    rest = torch.ones(len(y), dtype=torch.bool)
    rest[few] = False

    model = Classifier(4)
    checkpoint.seek(0)
    state = torch.load(checkpoint)
    state = {key: value for key, value in state.items() if key.startswith("backbone.")}
    model.load_state_dict(state, strict=False)
    fit(model, x[few], y[few], epochs=60, lr=1e-2, batch_size=8, freeze=True)

    accuracies = class_accuracies(model, x[rest], y[rest])
    print("accuracy of 6, 7, 8, 9:", " ".join(f"{a:.3f}" for a in accuracies))
    print(f"test accuracy: {np.mean(accuracies):.4f}")


if __name__ == "__main__":
    main()
