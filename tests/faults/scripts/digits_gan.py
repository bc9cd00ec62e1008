"""A small GAN on the 8x8 digits, judged by the energy distance between new and held-out images."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LATENT = 24


class Generator(nn.Module):
    def __init__(self, hidden=128):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(LATENT, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * hidden, bias=False),
            nn.BatchNorm1d(2 * hidden),
            nn.ReLU(),
            nn.Linear(2 * hidden, 64),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.net(z)


class Discriminator(nn.Module):
    def __init__(self, hidden=192):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(hidden, hidden // 2),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.3),
            nn.Linear(hidden // 2, 1),
        )

    def forward(self, x):
        return self.net(x).squeeze(1)


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_normal_(m.weight)
        if m.bias is not None:
            nn.init.zeros_(m.bias)


def energy_distance(a, b):
    """Twice the mean distance between the samples less the mean distances within them."""
    within_a = torch.cdist(a, a).sum() / (len(a) * (len(a) - 1))
    within_b = torch.cdist(b, b).sum() / (len(b) * (len(b) - 1))
    return (2 * torch.cdist(a, b).mean() - within_a - within_b).item()


@torch.no_grad()
def sample(generator, n):
    generator.eval()
    fake = generator(torch.randn(n, LATENT))
    generator.train()
    return fake


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--batch-size", type=int, default=64)
    opt = parser.parse_args()
    torch.manual_seed(opt.seed)
    np.random.seed(opt.seed)

    images = torch.tensor(load_digits().data, dtype=torch.float32)
    images = images[torch.from_numpy(np.random.RandomState(0).permutation(len(images)))]
    images = images / 8 - 1
    train, held_out = images[:1300], images[1300:]
    dataloader = DataLoader(TensorDataset(train), batch_size=opt.batch_size, shuffle=True, drop_last=True)

    generator, discriminator = Generator(), Discriminator()
    generator.apply(init_weights)
    discriminator.apply(init_weights)
    criterion = nn.BCEWithLogitsLoss()
    opt_g = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))

    for epoch in range(opt.epochs):
        loss_d_sum, loss_g_sum = 0.0, 0.0
        for (real,) in dataloader:
            valid = torch.full((len(real),), 0.9)
            fake = torch.zeros(len(real))

            # train the discriminator
            z = torch.randn(len(real), LATENT)
            generated = generator(z)
            loss_d = criterion(discriminator(real), valid) + criterion(
                discriminator(generated.detach()), fake
            )
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()

            # train the generator
            loss_g = criterion(discriminator(generated), torch.ones(len(real)))
            opt_g.zero_grad()
            loss_g.backward()
            opt_g.step()

            loss_d_sum += loss_d.item()
            loss_g_sum += loss_g.item()
        if (epoch + 1) % 10 == 0:
            n = len(dataloader)
            now = energy_distance(sample(generator, 1000), train)
            print(f"epoch {epoch + 1}: D {loss_d_sum / n:.3f}, G {loss_g_sum / n:.3f}, distance {now:.4f}")

    print(f"energy distance: {energy_distance(sample(generator, 2000), held_out):.5f}")


if __name__ == "__main__":
    main()
