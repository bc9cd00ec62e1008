"""Small convolutional classifier for the scikit-learn digits."""

import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset


class DigitFolder(Dataset):
    """The images of each class in turn, as they would come from ten folders."""

    def __init__(self, images, labels, mean, std):
        rows = np.concatenate([np.flatnonzero(labels == digit) for digit in range(10)])
        self.images = (images[rows] / 16.0 - mean) / std
        self.labels = labels[rows]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.tensor(self.images[i], dtype=torch.float32).unsqueeze(0), int(self.labels[i])


class Net(nn.Module):
    def __init__(self, dropout=0.3):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.drop = nn.Dropout(dropout)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(torch.flatten(x, 1))
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, loader, optimizer, scheduler, epoch):
    model.train()
    for step, (images, labels) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(f"epoch {epoch} step {step} loss {loss.item():.4f}")
    scheduler.step()


def test(model, loader):
    model.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            output = model(images)
            loss += F.nll_loss(output, labels, reduction="sum").item()
            correct += (output.argmax(dim=1) == labels).sum().item()
    return loss / len(loader.dataset), correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    digits = load_digits()
    order = np.random.RandomState(3).permutation(len(digits.target))
    train_rows, val_rows, test_rows = order[:1100], order[1100:1300], order[1300:]
    mean, std = digits.images[train_rows].mean() / 16, digits.images[train_rows].std() / 16

    train_set = DigitFolder(digits.images[train_rows], digits.target[train_rows], mean, std)
    val_set = DigitFolder(digits.images[val_rows], digits.target[val_rows], mean, std)
    test_set = DigitFolder(digits.images[test_rows], digits.target[test_rows], mean, std)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=100)
    test_loader = DataLoader(test_set, batch_size=100)

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = StepLR(optimizer, step_size=4, gamma=0.4)
    for epoch in range(args.epochs):
        train(model, train_loader, optimizer, scheduler, epoch)
        val_loss, val_acc = test(model, val_loader)
        print(f"epoch {epoch} validation loss {val_loss:.4f} accuracy {val_acc:.4f}")

    print(f"test accuracy: {test(model, test_loader)[1]:.4f}")


if __name__ == "__main__":
    main()
