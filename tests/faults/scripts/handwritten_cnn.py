"""Recognise handwritten digits with a convolutional network: random shifts, batch norm, plateau schedule."""

import argparse
import copy
import random

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class RandomShift:
    """Move half of the images by at most one pixel in each direction."""

    def __init__(self, pixels=1, p=0.5):
        self.pixels = pixels
        self.p = p

    def __call__(self, image):
        if random.random() > self.p:
            return image
        dy, dx = (random.randint(-self.pixels, self.pixels) for _ in range(2))
        return torch.roll(image, shifts=(dy, dx), dims=(1, 2))


class DigitDataset(Dataset):
    def __init__(self, X, y, transform=None):
        self.X = torch.from_numpy(X).float().unsqueeze(1)
        self.y = torch.from_numpy(y).long()
        self.transform = transform

    def __len__(self):
        return len(self.y)

    def __getitem__(self, idx):
        image = (self.X[idx] / 16.0 - 0.5) / 0.5
        if self.transform is not None:
            image = self.transform(image)
        return image, self.y[idx]


def conv_block(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class ConvNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.layer1 = conv_block(1, 12)
        self.layer2 = conv_block(12, 24)
        self.layer3 = conv_block(24, 32)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(p=0.25)
        self.fc = nn.Linear(32 * 2 * 2, num_classes)

    def forward(self, x):
        x = self.pool(self.layer1(x))
        x = self.layer2(x)
        x = self.pool(self.layer3(x))
        x = x.view(x.size(0), -1)
        return self.fc(self.dropout(x))


class Trainer:
    def __init__(self, model, train_loader, valid_loader, lr):
        self.model = model
        self.train_loader = train_loader
        self.valid_loader = valid_loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = optim.Adam(model.parameters(), lr=lr, weight_decay=1e-5)
        self.scheduler = optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, factor=0.3, patience=1)
        self.best_loss = float("inf")
        self.best_weights = None

    def train_epoch(self):
        self.model.train()
        running_loss = 0.0
        for images, labels in self.train_loader:
            self.optimizer.zero_grad()
            outputs = self.model(images)
            loss = self.criterion(outputs, labels)
            loss.backward()
            self.optimizer.step()
            running_loss += loss.item() * images.size(0)
        return running_loss / len(self.train_loader.dataset)

    def evaluate(self, loader):
        self.model.eval()
        running_loss, correct = 0.0, 0
        with torch.no_grad():
            for images, labels in loader:
                outputs = self.model(images)
                running_loss += self.criterion(outputs, labels).item() * images.size(0)
                _, predicted = torch.max(outputs, 1)
                correct += (predicted == labels).sum().item()
        return running_loss / len(loader.dataset), correct / len(loader.dataset)

    def fit(self, num_epochs):
        for epoch in range(num_epochs):
            train_loss = self.train_epoch()
            valid_loss, valid_acc = self.evaluate(self.valid_loader)
            self.scheduler.step(valid_loss)
            if valid_loss < self.best_loss:
                self.best_loss = valid_loss
                self.best_weights = copy.deepcopy(self.model.state_dict())
            print(
                f"[{epoch + 1}/{num_epochs}] train {train_loss:.4f} valid {valid_loss:.4f} acc {valid_acc:.4f}"
            )
        self.model.load_state_dict(self.best_weights)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=40)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)

    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=42)
    X_train, X_valid, y_train, y_valid = train_test_split(
        X_train, y_train, test_size=0.15, stratify=y_train, random_state=42
    )
    train_loader = DataLoader(
        DigitDataset(X_train, y_train, transform=RandomShift(1)),
        batch_size=args.batch_size,
        shuffle=True,
    )
    valid_loader = DataLoader(DigitDataset(X_valid, y_valid), batch_size=256)
    test_loader = DataLoader(DigitDataset(X_test, y_test), batch_size=256)

    model = ConvNet()
    trainer = Trainer(model, train_loader, valid_loader, args.lr)
    trainer.fit(args.epochs)
    test_loss, test_acc = trainer.evaluate(test_loader)
    print(f"test loss: {test_loss:.4f}")
    print(f"test accuracy: {test_acc:.4f}")


if __name__ == "__main__":
    main()
