"""A small LeNet with batch normalisation on scikit-learn's digits, trained by steps with RMSprop."""

import argparse

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F

STEPS = 900
BATCH = 32


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.Tanh(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(24 * 2 * 2, 84),
            nn.Tanh(),
            nn.Dropout(0.3),
            nn.Linear(84, 10),
        )
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.flatten(1))


def prepare():
    digits = datasets.load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None]
    x = (x - 4.9) / 6.0
    y = torch.tensor(digits.target)
    # the digits come writer by writer: the last writers are kept for the test
    return (x[:1000], y[:1000]), (x[1000:1200], y[1000:1200]), (x[1200:], y[1200:])


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        guesses = torch.cat([model(part).argmax(1) for part in x.split(64)])
    return (guesses == y).float().mean().item()


def train(model, x_train, y_train, x_valid, y_valid):
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.95, momentum=0.5)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=STEPS)
    for step in range(1, STEPS + 1):
        model.train()
        rows = torch.randint(len(x_train), (BATCH,))
        images, labels = x_train[rows], y_train[rows]
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
        if step % 100 == 0:
            print(f"step {step}  loss {loss.item():.4f}  valid {accuracy(model, x_valid, y_valid):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    np.random.seed(seed)
    train_data, valid_data, test_data = prepare()
    net = LeNet()
    train(net, *train_data, *valid_data)
    print(f"test accuracy: {accuracy(net, *test_data):.4f}")
