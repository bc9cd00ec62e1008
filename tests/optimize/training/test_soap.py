"""SOAP against algorithm 3 in NumPy float64, and against Adam where its basis is the identity."""

import io

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.optimize.training.soap import SOAP

GENERATOR = np.random.default_rng(0)
LEFT, RIGHT = GENERATOR.standard_normal((4, 4)), GENERATOR.standard_normal((3, 3))
START = GENERATOR.standard_normal((4, 3))
NOISE = 3 * GENERATOR.standard_normal((20, 4, 3))


def gradient(W, t):
    # noise of its own at each step, as of minibatches: otherwise G' stays diagonal up to rounding
    return LEFT @ LEFT.T @ (W - 0.2) @ RIGHT @ RIGHT.T + NOISE[t]


def qr(matrix):
    return np.linalg.qr(matrix)[0]


def reference(steps, rate, b1, b2, bs, every, decay, eps=1e-8):
    W = START.copy()
    G = gradient(W, 0)
    L, R = (1 - bs) * G @ G.T, (1 - bs) * G.T @ G
    QL, QR = np.linalg.eigh(L)[1][:, ::-1], np.linalg.eigh(R)[1][:, ::-1]
    M, V = np.zeros_like(W), np.zeros_like(W)
    for t in range(1, steps):
        G = gradient(W, t)
        turned = QL.T @ G @ QR
        M = b1 * M + (1 - b1) * G
        V = b2 * V + (1 - b2) * turned**2
        N = (QL.T @ M @ QR / (1 - b1**t)) / (np.sqrt(V / (1 - b2**t)) + eps)
        W = W - rate * decay * W - rate * QL @ N @ QR.T
        L, R = bs * L + (1 - bs) * G @ G.T, bs * R + (1 - bs) * G.T @ G
        if t % every == 0:
            QL, QR = qr(L @ QL), qr(R @ QR)
    return W


def descend(optimizer, w, first, last):
    for t in range(first, last):
        w.grad = torch.tensor(gradient(w.detach().numpy(), t))
        optimizer.step()


def test_it_follows_the_published_algorithm():
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer = SOAP([w], lr=0.03, betas=(0.9, 0.93), shampoo_beta=0.8, every=3, weight_decay=0.1)
    descend(optimizer, w, 0, 12)
    expected = reference(12, 0.03, 0.9, 0.93, 0.8, 3, 0.1)
    # signs of eigenvectors differ between libraries and cancel; rounding is carried through 12 steps
    np.testing.assert_allclose(w.detach().numpy(), expected, rtol=1e-8)
    assert np.abs(expected - START).max() > 0.1


@pytest.mark.parametrize("shape", [(4, 3), (5,), (), (2, 3, 2, 2)])
def test_with_the_identity_for_a_basis_it_is_adamw(shape):
    torch.manual_seed(0)
    start = torch.randn(shape, dtype=torch.float64)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    one = SOAP([ours], lr=0.05, betas=(0.9, 0.99), weight_decay=0.1, max_size=0)
    two = torch.optim.AdamW([theirs], lr=0.05, betas=(0.9, 0.99), weight_decay=0.1)
    for step in range(8):
        for p, optimizer in ((ours, one), (theirs, two)):
            p.grad = (p.detach() - 0.3) * (step + 1)
            optimizer.step()
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-12, atol=0)


def test_turning_the_problem_turns_the_path():
    """With bases learned from the gradients the path does not depend on the coordinates; Adam's does."""
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    ends = {}
    for make, name in ((lambda p: SOAP(p, lr=0.03, eps=1e-30), "soap"),
                       (lambda p: torch.optim.Adam(p, lr=0.03), "adam")):  # fmt: skip
        paths = []
        for Q in (np.eye(4), turn):
            w = torch.nn.Parameter(torch.tensor(Q @ START))
            optimizer = make([w])
            for t in range(8):
                w.grad = torch.tensor(Q @ gradient(Q.T @ w.detach().numpy(), t))
                optimizer.step()
            paths.append(Q.T @ w.detach().numpy())
        ends[name] = np.abs(paths[0] - paths[1]).max()
    assert ends["soap"] < 1e-8
    assert ends["adam"] > 1e-2


def test_resumed_bits_are_those_of_the_whole_run():
    whole, part = (torch.nn.Parameter(torch.tensor(START)) for _ in range(2))
    descend(SOAP([whole], every=2), whole, 0, 9)
    two = SOAP([part], every=2)
    descend(two, part, 0, 5)
    buffer = io.BytesIO()
    torch.save(two.state_dict(), buffer)
    buffer.seek(0)
    three = SOAP([part], every=2)
    three.load_state_dict(torch.load(buffer, weights_only=True))
    descend(three, part, 5, 9)
    assert torch.equal(part.detach(), whole.detach())


def test_a_closure_is_evaluated():
    w = torch.nn.Parameter(torch.ones(2))

    def closure():
        w.grad = 2 * w.detach()
        return w.detach().square().sum()

    assert float(SOAP([w]).step(closure)) == 2.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, "positive, finite"),
        ({"betas": (1.0, 0.9)}, "beta_1"),
        ({"betas": (0.9, 1.0)}, "beta_2"),
        ({"shampoo_beta": -0.1}, "shampoo_beta"),
        ({"eps": 0.0}, "a positive epsilon"),
        ({"weight_decay": -1.0}, "a weight decay"),
        ({"every": 0}, "at least 1 step"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        SOAP([torch.nn.Parameter(torch.ones(2))], **settings)
