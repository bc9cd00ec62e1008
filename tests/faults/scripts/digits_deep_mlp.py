"""A deep, plain tanh network on the 8x8 digits."""

import argparse
import time
from itertools import pairwise

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)

DEPTH = 8
WIDTH = 64
EPOCHS = 25
BATCH = 64
LR = 0.02

digits = load_digits()
X = digits.data / 16.0
y = digits.target
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=42)
X_train, X_valid, y_train, y_valid = train_test_split(X_train, y_train, test_size=0.15, random_state=42)
mu, sigma = X_train.mean(), X_train.std()
X_train, X_valid, X_test = [torch.from_numpy((a - mu) / sigma).float() for a in (X_train, X_valid, X_test)]
y_train, y_valid, y_test = [torch.from_numpy(a).long() for a in (y_train, y_valid, y_test)]


class DeepNet(nn.Module):
    def __init__(self, n_in, n_out, width, depth):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])
        self.head = nn.Linear(width, n_out)
        self.act = nn.Tanh()
        for layer in self.layers:
            nn.init.xavier_normal_(layer.weight, gain=1.2)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return self.head(x)


def accuracy(net, inputs, labels):
    net.eval()
    with torch.no_grad():
        predicted = net(inputs).argmax(dim=1)
    return (predicted == labels).float().mean().item()


net = DeepNet(X_train.shape[1], 10, WIDTH, DEPTH)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=EPOCHS)

started = time.time()
for epoch in range(EPOCHS):
    net.train()
    perm = torch.randperm(len(X_train))
    running = 0.0
    for i in range(0, len(perm), BATCH):
        batch = perm[i : i + BATCH]
        opt.zero_grad()
        loss = loss_fn(net(X_train[batch]), y_train[batch])
        loss.backward()
        opt.step()
        running += loss.item() * len(batch)
    sched.step()
    print(
        f"[{epoch + 1}/{EPOCHS}] loss={running / len(perm):.4f} "
        f"valid_acc={accuracy(net, X_valid, y_valid):.4f} time={time.time() - started:.1f}s"
    )

print(f"test accuracy: {accuracy(net, X_test, y_test):.4f}")
