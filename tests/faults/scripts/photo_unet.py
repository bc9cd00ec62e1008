"""Remove noise from patches of scikit-learn's two photographs with a small U-Net."""

import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch.utils.data import DataLoader, Dataset

SIGMA = 30.0


class NoisyPatches(Dataset):
    def __init__(self, images, columns, count, seed, flip=False, size=24):
        self.images, self.columns, self.count = images, columns, count
        self.size, self.flip = size, flip
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        image = self.images[i % len(self.images)]
        lo, hi = self.columns
        top = self.rng.integers(0, image.shape[0] - self.size)
        left = self.rng.integers(lo, hi - self.size)
        clean = image[top : top + self.size, left : left + self.size].astype(np.float32)
        noise = self.rng.normal(0.0, SIGMA, clean.shape)
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        x = torch.from_numpy(noisy.astype(np.float32) / 255.0)
        y = torch.from_numpy(clean / 255.0)
        if self.flip and self.rng.random() < 0.5:
            x, y = x.flip(1), y.flip(1)
        return x.unsqueeze(0), y.unsqueeze(0)


def conv_block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.enter = conv_block(1, width)
        self.down = conv_block(width, 2 * width)
        self.middle = conv_block(2 * width, 2 * width)
        self.up = conv_block(3 * width, width)
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x):
        skip = self.enter(x)
        h = self.middle(self.down(F.max_pool2d(skip, 2)))
        h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        h = self.up(torch.cat([h, skip], dim=1))
        return x - self.out(h)


def evaluate(model, batches):
    model.eval()
    with torch.no_grad():
        return np.mean([F.mse_loss(model(x), y).item() for x, y in batches])


def main(seed, epochs=5):
    torch.manual_seed(seed)
    np.random.seed(seed)
    images = [image.mean(axis=2) for image in load_sample_images().images]
    train = NoisyPatches(images, (0, 440), 896, seed, flip=True)
    test = NoisyPatches(images, (440, 640), 256, seed + 1000)
    train_loader = DataLoader(train, batch_size=16)
    test_batches = list(DataLoader(test, batch_size=64))

    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train_loader))
    for epoch in range(epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            prediction = model(x)
            loss = F.mse_loss(prediction, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: train {np.mean(losses):.5f}, test {evaluate(model, test_batches):.5f}")
    print(f"test mse: {evaluate(model, test_batches):.6f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
