"""Learn digits from two views of each (NT-Xent), then fit a linear classifier to ten labels a class."""

import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class RandomView(nn.Module):
    """A small rotation, zoom, shear and shift of its own for each image, then contrast and noise."""

    def __init__(self, degrees=15, zoom=0.12, shear=0.15, shift=0.18, noise=0.08):
        super().__init__()
        self.degrees, self.zoom, self.shear, self.shift, self.noise = degrees, zoom, shear, shift, noise

    def forward(self, x):
        n = len(x)
        turn = (torch.rand(n) * 2 - 1) * math.radians(self.degrees)
        scale = 1 + (torch.rand(n) * 2 - 1) * self.zoom
        slant = (torch.rand(n) * 2 - 1) * self.shear
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0] = turn.cos() * scale
        theta[:, 0, 1] = -turn.sin() * scale + slant
        theta[:, 1, 0] = turn.sin() * scale
        theta[:, 1, 1] = turn.cos() * scale
        theta[:, :, 2] = (torch.rand(n, 2) * 2 - 1) * self.shift
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, align_corners=False)
        x = x * (0.8 + 0.4 * torch.rand(n, 1, 1, 1))
        return x + self.noise * torch.randn_like(x)


class Encoder(nn.Module):
    def __init__(self, width=16, dim=48):
        super().__init__()
        self.stages = nn.Sequential(
            self.stage(1, width, 1),
            self.stage(width, 2 * width, 2),
            self.stage(2 * width, 2 * width, 2),
        )
        self.out = nn.Linear(2 * width * 4, dim)

    @staticmethod
    def stage(c_in, c_out, stride):
        return nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.out(self.stages(x).flatten(1))


class SimCLR(nn.Module):
    def __init__(self, dim=48, projection=24):
        super().__init__()
        self.encoder = Encoder(dim=dim)
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, projection))

    def forward(self, x):
        return F.normalize(self.projector(self.encoder(x)), dim=1)


def nt_xent(z1, z2, temperature):
    n = len(z1)
    z = torch.cat([z1, z2])
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(-1e9)
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, partner)


def cosine_with_warmup(step, warmup, total):
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def pretrain(model, images, args):
    view = RandomView()
    loader = DataLoader(TensorDataset(images), batch_size=args.batch_size, shuffle=True, drop_last=True)
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=args.lr, momentum=0.9, nesterov=True)
    total = args.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: cosine_with_warmup(s, 20, total))

    model.train()
    for epoch in range(args.epochs):
        running = 0.0
        for (batch,) in loader:
            loss = nt_xent(model(view(batch)), model(view(batch)), args.temperature)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            running += loss.item()
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1:3d}  contrastive loss {running / len(loader):.4f}")


@torch.no_grad()
def encode(encoder, images):
    encoder.eval()
    return encoder(images)


def linear_probe(features, labels, l2=1e-3):
    """Multinomial logistic regression on standardised features, fitted to the end with L-BFGS."""
    mean, std = features.mean(0), features.std(0) + 1e-6
    weight = torch.zeros(features.shape[1], 10, requires_grad=True)
    bias = torch.zeros(10, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")
    x = (features - mean) / std

    def closure():
        solver.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, labels) + l2 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return lambda f: (((f - mean) / std) @ weight + bias).argmax(dim=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=96)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--temperature", type=float, default=0.2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    digits, labels = load_digits(return_X_y=True)
    images = torch.tensor(digits, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    labels = torch.from_numpy(labels)
    train, test = train_test_split(torch.arange(len(labels)), test_size=0.4, stratify=labels, random_state=3)

    model = SimCLR()
    pretrain(model, images[train], args)

    few = torch.cat([train[labels[train] == digit][:10] for digit in range(10)])
    classify = linear_probe(encode(model.encoder, images[few]), labels[few])
    fitted = classify(encode(model.encoder, images[few])) == labels[few]
    print(f"training accuracy: {fitted.float().mean():.4f}")
    hits = classify(encode(model.encoder, images[test])) == labels[test]
    print(f"test accuracy: {hits.float().mean():.4f}")


if __name__ == "__main__":
    main()
