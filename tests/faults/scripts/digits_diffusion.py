"""A denoising diffusion model of the 8x8 digits; reports how well the noise in held-out digits is told."""

import argparse
import copy
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--iterations", type=int, default=300)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--learning-rate", type=float, default=5e-3)
parser.add_argument("--ema-decay", type=float, default=0.96)
opt = parser.parse_args()
torch.manual_seed(opt.seed)

LEVELS = 50
WARMUP = 25


class NoiseSchedule:
    def __init__(self, levels):
        betas = torch.linspace(2e-3, 0.24, levels)
        self.betas = betas
        self.kept = torch.cumprod(1 - betas, dim=0)

    def add_noise(self, clean, noise, level):
        kept = self.kept[level].unsqueeze(1)
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise


class LevelEmbedding(nn.Module):
    """Sines and cosines of the noise level, then a small network."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, -math.log(1000.0), dim // 2)))
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.SiLU())

    def forward(self, level):
        angles = level.float().unsqueeze(1) * self.frequencies
        return self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))


class Block(nn.Module):
    def __init__(self, width, hidden, dropout):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.modulate = nn.Linear(hidden, 2 * width)
        self.expand = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(dropout)
        self.reduce = nn.Linear(2 * width, width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x, condition):
        scale, shift = self.modulate(condition).chunk(2, dim=1)
        y = self.norm(x) * (1 + scale) + shift
        y = self.reduce(self.dropout(F.silu(self.expand(y))))
        return x + y


class Denoiser(nn.Module):
    def __init__(self, pixels=64, width=96, hidden=64, depth=2, dropout=0.1):
        super().__init__()
        self.level = LevelEmbedding(32, hidden)
        self.enter = nn.Linear(pixels, width)
        self.blocks = nn.ModuleList([Block(width, hidden, dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, pixels)

    def forward(self, noised, level):
        condition = self.level(level)
        x = self.enter(noised)
        for block in self.blocks:
            x = block(x, condition)
        return self.leave(self.norm(x))


def load_images():
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 8 - 1
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(3))
    images = images[order]
    return images[:1400], images[1400:]


@torch.no_grad()
def held_out_error(network, schedule, images):
    network.eval()
    generator = torch.Generator().manual_seed(99)
    errors = []
    for level in range(2, LEVELS, 6):
        noise = torch.randn(images.shape, generator=generator)
        levels = torch.full((len(images),), level)
        guess = network(schedule.add_noise(images, noise, levels), levels)
        errors.append(F.mse_loss(guess, noise).item())
    network.train()
    return sum(errors) / len(errors)


@torch.no_grad()
def sample(network, schedule, count):
    network.eval()
    x = torch.randn(count, 64)
    for level in reversed(range(LEVELS)):
        beta, kept = schedule.betas[level], schedule.kept[level]
        guess = network(x, torch.full((count,), level))
        x = (x - beta / (1 - kept).sqrt() * guess) / (1 - beta).sqrt()
        if level > 0:
            x = x + beta.sqrt() * torch.randn_like(x)
    return x.clamp(-1, 1)


def rate_at(step):
    if step < WARMUP:
        return (step + 1) / WARMUP
    progress = (step - WARMUP) / (opt.iterations - WARMUP)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))


train_images, test_images = load_images()
schedule = NoiseSchedule(LEVELS)
network = Denoiser()
average = copy.deepcopy(network).requires_grad_(False)
optimizer = torch.optim.Adam(network.parameters(), lr=opt.learning_rate, betas=(0.9, 0.99), fused=True)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_at)

recent = []
for iteration in range(1, opt.iterations + 1):
    clean = train_images[torch.randint(len(train_images), (opt.batch_size,))]
    level = torch.randint(LEVELS, (opt.batch_size,))
    noise = torch.randn_like(clean)
    guess = network(schedule.add_noise(clean, noise, level), level)
    loss = F.mse_loss(guess, noise)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    scheduler.step()
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - opt.ema_decay)
    recent.append(loss.item())
    if iteration % 100 == 0:
        error = held_out_error(average, schedule, test_images)
        print(f"iteration {iteration:5d}  loss {sum(recent) / len(recent):.4f}  held out {error:.4f}")
        recent.clear()

drawn = sample(average, schedule, 64)
ink = [(images > 0).float().mean().item() for images in (drawn, test_images)]
print(f"ink on a drawn digit {ink[0]:.3f}, on a true one {ink[1]:.3f}")
print(f"test noise error: {held_out_error(average, schedule, test_images):.4f}")
