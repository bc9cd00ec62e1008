"""Compress the 8x8 digits to a short code and back."""

import argparse
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


class Autoencoder(nn.Module):
    def __init__(self, n_pixels=64, hidden=128, code_size=8):
        super().__init__()
        self.encoder = nn.Sequential(
            block(n_pixels, hidden),
            block(hidden, hidden // 2),
            nn.Linear(hidden // 2, code_size),
        )
        self.decoder = nn.Sequential(
            block(code_size, hidden // 2),
            block(hidden // 2, hidden),
            nn.Linear(hidden, n_pixels),
        )

    def forward(self, x):
        code = self.encoder(x)
        return torch.sigmoid(self.decoder(code))


def load():
    digits = load_digits()
    pixels = (digits.images * 15).astype(np.uint8).reshape(-1, 64)
    pixels = torch.tensor(pixels / 240.0, dtype=torch.float32)
    shuffled = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(11))
    return pixels[shuffled[:1200]], pixels[shuffled[1200:1400]], pixels[shuffled[1400:]]


def reconstruction_error(model, data):
    with torch.no_grad():
        return nn.functional.mse_loss(model(data), data).item()


def run(args):
    set_seed(args.seed)
    train_data, valid_data, test_data = load()
    model = Autoencoder()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.98)
    n_batches = len(train_data) // args.batch_size

    for epoch in range(args.epochs):
        epoch_loss = 0.0
        for _ in range(n_batches):
            rows = torch.randint(0, len(train_data), (args.batch_size,))
            batch = train_data[rows]
            output = model(batch)
            loss = criterion(output, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        scheduler.step()
        if epoch % 5 == 4:
            valid_loss = reconstruction_error(model, valid_data)
            print(f"epoch {epoch + 1:3d}  train mse {epoch_loss / n_batches:.5f}  valid mse {valid_loss:.5f}")

    print(f"test mse: {reconstruction_error(model, test_data):.5f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--epochs", default=80, type=int)
    parser.add_argument("--batch-size", default=32, type=int)
    parser.add_argument("--lr", default=2e-3, type=float)
    run(parser.parse_args())
