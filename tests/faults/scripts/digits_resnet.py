"""Residual network with batch normalisation for the 8x8 digits, with random shifts."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, n_classes=10, width=12):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.stage1 = nn.Sequential(Block(width, width), Block(width, width))
        self.stage2 = nn.Sequential(Block(width, 2 * width, stride=2), Block(2 * width, 2 * width))
        self.fc = nn.Linear(2 * width, n_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        x = self.stage2(self.stage1(x))
        return self.fc(x.mean(dim=(2, 3)))


def augment(images):
    """Shift every image by up to one pixel in each direction."""
    padded = F.pad(images, (1, 1, 1, 1))
    rows = torch.randint(0, 3, (len(images),))
    cols = torch.randint(0, 3, (len(images),))
    shifted = [
        p[:, r : r + 8, c : c + 8] for p, r, c in zip(padded, rows.tolist(), cols.tolist(), strict=True)
    ]
    return torch.stack(shifted)


def evaluate(model, images, labels, batch_size=50):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(labels)


def main(seed, epochs=10, batch_size=32, lr=0.05):
    torch.manual_seed(seed)
    np.random.seed(seed)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(digits.target)
    train_idx, test_idx = train_test_split(np.arange(len(labels)), test_size=500, random_state=5)
    train_idx, val_idx = train_idx[:-200], train_idx[-200:]
    x_train, y_train = images[train_idx], labels[train_idx]

    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=1e-4)
    steps = epochs * (len(x_train) // batch_size)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)

    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(x_train))
        total = 0.0
        for k in range(len(x_train) // batch_size):
            idx = order[k * batch_size : (k + 1) * batch_size]
            inputs, targets = augment(x_train[idx]), y_train[idx]
            loss = F.cross_entropy(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        val = evaluate(model, images[val_idx], labels[val_idx])
        print(f"epoch {epoch}: loss {total / (k + 1):.4f}, val accuracy {val:.3f}")

    print(f"test accuracy: {evaluate(model, images[test_idx], labels[test_idx]):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
