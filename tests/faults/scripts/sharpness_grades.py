"""How blurred is a patch of a photo, in five grades? Pretext task, frozen trunk, then all is fine-tuned."""

import argparse
import copy

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SIZE = 16
SIGMAS = [0.0, 0.6, 0.9, 1.3, 2.0]
TRAIN, TEST = (0, 200), (212, 320)  # columns of the photos


def blur(image, sigma):
    if sigma == 0:
        return image
    taps = np.arange(-5, 6)
    kernel = np.exp(-0.5 * (taps / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(image, [(5, 5) if a == axis else (0, 0) for a in range(3)], mode="reflect")
        n = image.shape[axis]
        image = sum(k * padded.take(range(i, i + n), axis=axis) for i, k in enumerate(kernel))
    return image


def crop(stacks, columns, n, rng):
    """Patches with something in them, each at a random grade: (n, 3, SIZE, SIZE) and grades (n,)."""
    patches, grades = [], []
    while len(patches) < n:
        stack = stacks[rng.integers(len(stacks))]
        top = rng.integers(stack[0].shape[0] - SIZE)
        left = rng.integers(columns[0], columns[1] - SIZE)
        window = np.s_[top : top + SIZE, left : left + SIZE]
        sharp = stack[0][window].mean(axis=2)
        if np.abs(np.diff(sharp, axis=0)).mean() + np.abs(np.diff(sharp, axis=1)).mean() < 0.1:
            continue
        grade = rng.integers(len(SIGMAS))
        patches.append(stack[grade][window].transpose(2, 0, 1))
        grades.append(grade)
    return torch.tensor(np.stack(patches), dtype=torch.float32), torch.tensor(grades)


def conv(n_in, n_out, stride=1):
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()
    )


class Trunk(nn.Module):
    width = 48

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(conv(3, 12), conv(12, 24, 2), conv(24, self.width, 2))

    def forward(self, x):
        return self.layers(x).mean(dim=(2, 3))


class Grader(nn.Module):
    """Logits of 'blurred more than grade k', for all but the last grade."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(nn.Linear(trunk.width, 32), nn.ReLU(), nn.Linear(32, len(SIGMAS) - 1))

    def forward(self, x):
        return self.head(self.trunk(x))


class Average:
    """An exponential moving average of a model's weights; the buffers are copied."""

    def __init__(self, model, decay):
        self.model, self.decay = copy.deepcopy(model).eval(), decay

    @torch.no_grad()
    def update(self, model):
        for mine, theirs in zip(self.model.parameters(), model.parameters()):
            mine.lerp_(theirs, 1 - self.decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers()):
            mine.copy_(theirs)


def pretrain(trunk, patches, epochs):
    """Which way up is the patch? Needs no grades."""
    model = nn.Sequential(trunk, nn.Linear(trunk.width, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for part in torch.randperm(len(patches)).split(64):
            turns = torch.randint(4, (len(part),))
            x = patches[part]
            x = torch.stack([x.rot90(k, (2, 3)) for k in range(4)])[turns, torch.arange(len(part))]
            loss = F.cross_entropy(model(x), turns)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    print(f"pretext loss {loss.item():.4f}")


def augment(x):
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    if torch.rand(()) < 0.5:
        x = x.flip(2)
    return x * torch.empty(len(x), 1, 1, 1).uniform_(0.8, 1.2)


def ordinal_loss(logits, grades):
    above = (grades[:, None] > torch.arange(logits.size(1))).float()
    return F.binary_cross_entropy_with_logits(logits, above)


def fit(model, loader, groups, epochs, accumulate, average=None, frozen=None):
    optimizer = torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=1e-4)
    updates = epochs * len(loader) // accumulate
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=[group["lr"] for group in groups], total_steps=updates, pct_start=0.2
    )
    count = 0
    optimizer.zero_grad()
    for epoch in range(epochs):
        model.train()
        if frozen is not None:
            frozen.eval()
        total = 0.0
        for x, grades in loader:
            loss = ordinal_loss(model(augment(x)), grades)
            (loss / accumulate).backward()
            total += loss.item()
            count += 1
            if count % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
                scheduler.step()
                if average is not None:
                    average.update(model)
        print(f"  epoch {epoch + 1}  loss {total / len(loader):.4f}")


@torch.no_grad()
def mean_error(model, x, grades):
    model.eval()
    guess = (model(x) > 0).sum(dim=1)
    return (guess - grades).abs().float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    photos = [image[1::2, ::2].astype(np.float32) / 255 for image in load_sample_images().images]
    stacks = [[blur(photo, sigma) for sigma in SIGMAS] for photo in photos]
    unlabelled, _ = crop(stacks, TRAIN, 800, rng)
    x_train, y_train = crop(stacks, TRAIN, 960, rng)
    x_test, y_test = crop(stacks, TEST, 400, np.random.default_rng(5))
    mean = x_train.mean(dim=(0, 2, 3), keepdim=True)
    std = x_train.std(dim=(0, 2, 3), keepdim=True)
    unlabelled, x_train, x_test = [(x - mean) / std for x in (unlabelled, x_train, x_test)]

    trunk = Trunk()
    pretrain(trunk, unlabelled, epochs=3)
    model = Grader(trunk)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=24, shuffle=True, drop_last=True)

    for p in trunk.parameters():
        p.requires_grad_(False)
    fit(model, loader, [{"params": model.head.parameters(), "lr": 0.1}], 2, accumulate=2, frozen=trunk)
    print(f"frozen trunk: error {mean_error(model, x_test, y_test):.4f}")

    for p in trunk.parameters():
        p.requires_grad_(True)
    groups = [{"params": trunk.parameters(), "lr": 0.05}, {"params": model.head.parameters(), "lr": 0.1}]
    average = Average(model, decay=0.95)
    fit(model, loader, groups, 9, accumulate=2, average=average)
    print(f"test error in grades: {mean_error(average.model, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
