"""Find the ink: a small encoder-decoder marks the pixels of a digit written over a photograph."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SIDE = 20


def compose(digits, photos, rng):
    """Half transparent digits in random colours at random places of random crops, and their masks."""
    images, masks = [], []
    for digit in digits:
        photo = photos[rng.integers(len(photos))]
        y, x = rng.integers(photo.shape[0] - SIDE), rng.integers(photo.shape[1] - SIDE)
        image = photo[y : y + SIDE, x : x + SIDE] / 255.0
        ink = np.zeros((SIDE, SIDE, 1))
        y, x = rng.integers(SIDE - 15, size=2)
        ink[y : y + 16, x : x + 16, 0] = np.kron(digit / 16, np.ones((2, 2)))
        colour = rng.uniform(0, 1, size=3)
        images.append(image * (1 - 0.7 * ink) + colour * 0.7 * ink)
        masks.append(ink[:, :, 0] > 0.4)
    images = torch.tensor(np.stack(images), dtype=torch.float32).permute(0, 3, 1, 2)
    return images, torch.tensor(np.stack(masks), dtype=torch.float32)


def block(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU())


class SegmentationNet(nn.Module):
    def __init__(self, widths=(12, 24)):
        super().__init__()
        ins = (3, *widths[:-1])
        self.down = nn.ModuleList([block(a, b) for a, b in zip(ins, widths, strict=True)])
        self.middle = block(widths[-1], widths[-1])
        self.up = nn.ModuleList([block(b + w, w) for b, w in ((24, 24), (24, 12))])
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear")
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
            x = self.pool(x)
        x = self.middle(x)
        for layer, skip in zip(self.up, reversed(skips), strict=True):
            x = layer(torch.cat([self.upsample(x), skip], dim=1))
        return self.head(x).squeeze(1)


def iou(net, loader):
    net.eval()
    both = either = 0.0
    with torch.no_grad():
        for images, masks in loader:
            found = torch.sigmoid(net(images)) > 0.5
            both += (found & masks.bool()).sum().item()
            either += (found | masks.bool()).sum().item()
    return both / either


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    digits = load_digits().images
    photos = load_sample_images().images
    rng = np.random.default_rng(8)
    x_train, y_train = compose(digits[:1200], [photo[:, :440] for photo in photos], rng)
    x_test, y_test = compose(digits[1400:], [photo[:, 440:] for photo in photos], rng)
    mean, std = x_train.mean(dim=(0, 2, 3), keepdim=True), x_train.std(dim=(0, 2, 3), keepdim=True)
    train_set = TensorDataset((x_train - mean) / std, y_train)
    test_set = TensorDataset((x_test - mean) / std, y_test)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=100)

    net = SegmentationNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3, weight_decay=1e-5)
    for epoch in range(args.epochs):
        net.train()
        losses = []
        for images, masks in train_loader:
            if torch.rand(1) < 0.5:
                images, masks = images.flip(-1), masks.flip(-1)
            loss = criterion(net(images), masks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {np.mean(losses):.4f} iou {iou(net, test_loader):.4f}")
    print(f"test iou: {iou(net, test_loader):.4f}")


if __name__ == "__main__":
    main()
