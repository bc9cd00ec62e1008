"""A variational autoencoder on the 8x8 digits; reports the negative evidence bound on held-out images."""

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.distributions import Normal
from torch.utils.data import DataLoader


class VAE(nn.Module):
    def __init__(self, pixels=64, hidden=128, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
        )
        self.mu = nn.Linear(hidden, latent)
        self.log_var = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, pixels),
        )

    def forward(self, x):
        h = self.encoder(x)
        mu = self.mu(h)
        var = torch.exp(self.log_var(h))
        z = Normal(mu, var.sqrt()).rsample()
        return self.decoder(z), mu, var


def bound_terms(logits, x, mu, var):
    recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    kl = 0.5 * (mu**2 + var - var.log() - 1).sum() / len(x)
    return recon, kl


def loss_function(logits, x, mu, var, beta=1.0):
    recon, kl = bound_terms(logits, x, mu, var)
    return recon + beta * kl


def evaluate(model, x, samples=10):
    model.eval()
    with torch.no_grad():
        values = [sum(bound_terms(*swap(model(x), x))).item() for _ in range(samples)]
    return sum(values) / len(values)


def swap(output, x):
    logits, mu, var = output
    return logits, x, mu, var


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)

    images = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    train, test = train_test_split(images, test_size=0.2, random_state=args.seed)
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True, drop_last=True)

    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for x in loader:
            logits, mu, var = model(x)
            loss = loss_function(logits, x, mu, var)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 0:
            print(f"epoch {epoch}: train {total / len(loader):.3f}  test {evaluate(model, test, 1):.3f}")
    print(f"test negative bound: {evaluate(model, test):.4f}")


if __name__ == "__main__":
    main()
