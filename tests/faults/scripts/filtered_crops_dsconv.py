"""Which filter has been over a crop? Depthwise-separable convolutions with squeeze-and-excitation."""

import argparse
import copy

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch import nn

FILTERS = ["original", "blurred", "noisy", "sharpened", "pixelated"]
SIDE = 12
STRIP = 40


def load_photos():
    """Strips of both photographs, (3, height, 40) from 0 to 1: of five neighbours, three are for training."""
    train, val, test = [], [], []
    for image in load_sample_images().images:
        photo = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
        for number, strip in enumerate(photo.split(STRIP, dim=2)):
            part = val if number % 5 == 1 else test if number % 5 == 3 else train
            part.append(strip)
    return train, val, test


def blur(x, kernel):
    kernel = kernel / kernel.sum()
    rows, columns = kernel.shape
    weight = kernel.expand(3, 1, rows, columns)
    padded = F.pad(x, (columns // 2, columns // 2, rows // 2, rows // 2), mode="reflect")
    return F.conv2d(padded, weight, groups=3)


def apply_filter(x, name, generator):
    if name == "blurred":
        return blur(x, torch.ones(3, 3))
    if name == "noisy":
        return x + 0.08 * torch.randn(x.shape, generator=generator)
    if name == "sharpened":
        return x + 2.0 * (x - blur(x, torch.ones(3, 3)))
    if name == "pixelated":
        return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="nearest")
    return x


def textured_crops(photos, count, generator):
    """`count` crops at random places that are not flat."""
    crops = []
    while len(crops) < count:
        photo = photos[int(torch.randint(len(photos), (1,), generator=generator))]
        top = int(torch.randint(photo.shape[1] - SIDE + 1, (1,), generator=generator))
        left = int(torch.randint(photo.shape[2] - SIDE + 1, (1,), generator=generator))
        crop = photo[:, top : top + SIDE, left : left + SIDE]
        if crop[1].std() > 0.08:
            crops.append(crop)
    return torch.stack(crops)


def make_set(photos, count, generator):
    """`count` crops of each kind, every kind from places of its own; the mean of a crop tells nothing."""
    parts = [apply_filter(textured_crops(photos, count, generator), n, generator) for n in FILTERS]
    crops = torch.cat(parts).clamp(0, 1)
    labels = torch.arange(len(FILTERS)).repeat_interleave(count)
    return crops - crops.mean(dim=(1, 2, 3), keepdim=True), labels


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.down = nn.Linear(channels, channels // reduction)
        self.up = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean(dim=(2, 3))))))
        return x * gate[:, :, None, None]


class SeparableBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(c_in, c_in, 3, stride, 1, groups=c_in, bias=False)
        self.norm1 = nn.BatchNorm2d(c_in)
        self.pointwise = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.excite = SqueezeExcite(c_out)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x):
        y = F.relu(self.norm1(self.depthwise(x)))
        y = self.excite(F.relu(self.norm2(self.pointwise(y))))
        return x + y if self.residual else y


def make_model(n_classes):
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        SeparableBlock(16, 32, stride=2),
        SeparableBlock(32, 32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, n_classes),
    )
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out" if module.groups == 1 else "fan_in")
    return model


def flip(crops):
    if torch.rand(()) < 0.5:
        crops = crops.flip(3)
    if torch.rand(()) < 0.5:
        crops = crops.flip(2)
    return crops


@torch.no_grad()
def predict(model, crops):
    model.eval()
    return torch.cat([model(part) for part in crops.split(100)])


def accuracy(model, crops, labels):
    return (predict(model, crops).argmax(dim=1) == labels).float().mean().item()


def train(model, crops, labels, val_crops, val_labels, epochs, batch_size, lr):
    steps = epochs * (len(crops) // batch_size)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps, pct_start=0.3)
    best, best_loss = None, float("inf")
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(crops))
        running = 0.0
        for start in range(0, len(crops) - batch_size + 1, batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            loss = F.cross_entropy(model(flip(crops[rows])), labels[rows])
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item()
        val_loss = F.cross_entropy(predict(model, val_crops), val_labels).item()
        if val_loss < best_loss:
            best, best_loss = copy.deepcopy(model.state_dict()), val_loss
        print(f"epoch {epoch}: train {running * batch_size / len(crops):.4f} val {val_loss:.4f}")
    model.load_state_dict(best)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--lr", type=float, default=0.2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)

    train_photos, val_photos, test_photos = load_photos()
    crops, labels = make_set(train_photos, 230, generator)
    val_crops, val_labels = make_set(val_photos, 30, generator)
    test_crops, test_labels = make_set(test_photos, 80, generator)
    std = crops.std(dim=(0, 2, 3), keepdim=True)
    crops, val_crops, test_crops = crops / std, val_crops / std, test_crops / std

    model = make_model(len(FILTERS))
    train(model, crops, labels, val_crops, val_labels, args.epochs, 32, args.lr)
    confusion = torch.zeros(len(FILTERS), len(FILTERS), dtype=torch.long)
    for truth, guess in zip(test_labels, predict(model, test_crops).argmax(dim=1), strict=True):
        confusion[truth, guess] += 1
    for name, row in zip(FILTERS, confusion.tolist(), strict=True):
        print(f"{name:>10}", *(f"{n:4d}" for n in row))
    print(f"test accuracy: {accuracy(model, test_crops, test_labels):.4f}")


if __name__ == "__main__":
    main()
