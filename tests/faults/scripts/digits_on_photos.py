"""Digits in front of cluttered backgrounds: a plain CNN with a Dataset class and augmentation."""

import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

MEAN = np.array([0.42, 0.40, 0.37], dtype=np.float32)
STD = np.array([0.30, 0.30, 0.31], dtype=np.float32)


class DigitsOnPhotos(Dataset):
    """Every digit is painted over a random crop of a photograph."""

    def __init__(self, digits, labels, photos, train):
        self.digits = digits.repeat(2, axis=1).repeat(2, axis=2)
        self.labels = labels
        self.photos = photos
        self.train = train

    def __len__(self):
        return len(self.labels)

    def augment(self, image):
        shift = np.random.randint(-1, 2, size=2)
        image = np.roll(image, shift, axis=(0, 1))
        gain = np.random.uniform(0.8, 1.2, size=3).astype(np.float32)
        return np.clip(image * gain, 0, 1)

    def __getitem__(self, i):
        rng = np.random if self.train else np.random.RandomState(i)
        photo = self.photos[i % 2]
        y, x = rng.randint(photo.shape[0] - 16), rng.randint(photo.shape[1] - 16)
        background = photo[y : y + 16, x : x + 16].astype(np.float32) / 255
        ink = self.digits[i][:, :, None].astype(np.float32) / 255
        image = 0.7 * background * (1 - ink) + ink
        if self.train:
            image = self.augment(image)
        image = (image - MEAN) / STD
        return torch.from_numpy(image).permute(2, 0, 1), int(self.labels[i])


class Net(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(inplace=True),
            nn.Dropout(0.25),
            nn.Linear(64, n_classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x))


def evaluate(net, loader):
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in loader:
            correct += (net(images).argmax(dim=1) == labels).sum().item()
            total += len(labels)
    return correct / total


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    data = load_digits()
    digits = (data.images / 16 * 255).astype(np.uint8)
    left = [photo[:, :440] for photo in load_sample_images().images]
    right = [photo[:, 440:] for photo in load_sample_images().images]
    x_train, x_test, y_train, y_test = train_test_split(digits, data.target, test_size=450, random_state=7)

    train_set = DigitsOnPhotos(x_train, y_train, left, train=True)
    test_set = DigitsOnPhotos(x_test, y_test, right, train=False)
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
    test_loader = DataLoader(test_set, batch_size=150)

    net = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[4, 5], gamma=0.1)

    for epoch in range(args.epochs):
        net.train()
        running_loss = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(images), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        scheduler.step()
        print(f"[{epoch + 1}] loss: {running_loss / len(train_loader):.3f}", end="  ")
        print(f"accuracy: {evaluate(net, test_loader):.3f}")

    print(f"test accuracy: {evaluate(net, test_loader):.4f}")
