"""Where is the digit? A small convolutional network regresses the box of a digit pasted into a photograph."""

import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits, load_sample_images
from torch.utils.data import DataLoader, Dataset

SIZE = 24


class PastedDigits(Dataset):
    """Every item is drawn afresh: a digit of random width and height at a random place of a random crop."""

    def __init__(self, digits, photos, train, seed=0):
        self.digits, self.photos, self.train = digits, photos, train
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return len(self.digits)

    def __getitem__(self, i):
        rng = self.rng if self.train else np.random.default_rng(i)
        photo = self.photos[rng.integers(len(self.photos))]
        top, left = rng.integers(photo.shape[0] - SIZE), rng.integers(photo.shape[1] - SIZE)
        image = photo[top : top + SIZE, left : left + SIZE].astype(np.float32) / 400

        ink = torch.from_numpy(self.digits[i])[None, None]
        h, w = (int(n) for n in rng.integers(8, 15, size=2))
        ink = F.interpolate(ink, size=(h, w), mode="bilinear", align_corners=False)[0, 0].numpy()
        y, x = rng.integers(SIZE - h + 1), rng.integers(SIZE - w + 1)
        alpha = 0.9 * ink[:, :, None]
        image[y : y + h, x : x + w] = (1 - alpha) * image[y : y + h, x : x + w] + alpha

        image = torch.from_numpy((image - 0.3) / 0.25).permute(2, 0, 1)
        box = torch.tensor([x + w / 2, y + h / 2, w, h], dtype=torch.float32)
        if self.train and rng.random() < 0.5:
            image = image.flip(2)
            box[0] = SIZE - box[0]
        return image, box / SIZE


def crop_to_ink(digit):
    rows, cols = (digit > 2).any(axis=1).nonzero()[0], (digit > 2).any(axis=0).nonzero()[0]
    cropped = digit[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return (cropped / 16).astype(np.float32)


def make_net():
    def stage(inputs, outputs):
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        ]

    return nn.Sequential(
        *stage(3, 12),
        *stage(12, 24),
        *stage(24, 32),
        nn.Flatten(),
        nn.Linear(32 * 3 * 3, 64),
        nn.ReLU(inplace=True),
        nn.Linear(64, 4),
    )


def iou(a, b):
    """Intersection over union of boxes given as centre and size."""
    low = torch.maximum(a[:, :2] - a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2)
    high = torch.minimum(a[:, :2] + a[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2)
    shared = (high - low).clamp(min=0).prod(dim=1)
    union = a[:, 2:].clamp(min=0).prod(dim=1) + b[:, 2:].prod(dim=1) - shared
    return shared / union


def train_one_epoch(net, loader, optimizer, scheduler):
    net.train()
    total = 0.0
    for images, boxes in loader:
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(net(images), boxes, beta=0.1)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(images)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(net, batches):
    net.eval()
    return torch.cat([iou(net(images), boxes) for images, boxes in batches]).mean().item()


def main(seed, epochs=7):
    torch.manual_seed(seed)
    np.random.seed(seed)
    digits = [crop_to_ink(digit) for digit in load_digits().images]
    order = np.random.RandomState(3).permutation(len(digits))
    train_digits, test_digits = [digits[i] for i in order[:1400]], [digits[i] for i in order[1400:]]
    photos = load_sample_images().images
    train_set = PastedDigits(train_digits, [photo[:, :440] for photo in photos], train=True, seed=seed)
    test_set = PastedDigits(test_digits, [photo[:, 440:] for photo in photos], train=False)
    train_loader = DataLoader(train_set, batch_size=28, shuffle=True)
    test_batches = list(DataLoader(test_set, batch_size=100))

    net = make_net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.2, total_steps=epochs * len(train_loader), pct_start=0.3
    )
    for epoch in range(epochs):
        loss = train_one_epoch(net, train_loader, optimizer, scheduler)
        print(f"epoch {epoch + 1}: train loss {loss:.4f}, test iou {evaluate(net, test_batches):.3f}")
    print(f"test iou: {evaluate(net, test_batches):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    main(args.seed)
