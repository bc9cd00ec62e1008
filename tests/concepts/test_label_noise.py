"""Label noise: torch's loss of the mixed probabilities and its gradient, and expectations over the flips."""

import numpy as np
import pytest
import torch

from fivefold.concepts.label_noise import backward_loss, boundary, forward_loss, seen_accuracy, softmax

T = np.array([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])
LOGITS = np.random.default_rng(0).normal(size=(20, 3)) * 2.0
LABELS = np.random.default_rng(1).integers(3, size=20)


@pytest.mark.parametrize("noise", [T, np.eye(3)])
def test_fast_path(noise: np.ndarray) -> None:
    z = torch.tensor(LOGITS, requires_grad=True)
    loss = torch.nn.functional.nll_loss((z.softmax(1) @ torch.tensor(noise)).log(), torch.tensor(LABELS))
    (slope,) = torch.autograd.grad(loss, z)
    value, gradient = forward_loss(LOGITS, LABELS, noise)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, slope.numpy(), atol=1e-14)


def test_backward_is_right_on_average() -> None:
    np.testing.assert_allclose(backward_loss(LOGITS, T) @ T.T, -np.log(softmax(LOGITS)), atol=1e-12)


def test_forward_finds_the_true_classes() -> None:
    # One row seen ten thousand times: Tᵀ p goes to the shares seen, and p so to the true ones.
    p = np.array([0.5, 0.3, 0.2])
    shares, z = p @ T, np.zeros((3, 3))
    for _ in range(3000):
        _, gradient = forward_loss(z, np.arange(3), T)
        z = z - 10.0 * (shares @ gradient)
    np.testing.assert_allclose(softmax(z)[0], p, atol=1e-6)
    losses = [forward_loss(np.log(p)[None], np.array([j]), T)[0] for j in range(3)]
    assert shares @ losses == pytest.approx(-float(shares @ np.log(shares)), abs=1e-12)


def test_the_ceiling() -> None:
    generator = np.random.default_rng(0)
    true = generator.integers(4, size=200000)
    flipped = generator.random(200000) < 0.3
    seen = np.where(flipped, (true + generator.integers(1, 4, size=200000)) % 4, true)
    guess = np.where(generator.random(200000) < 0.8, true, (true + generator.integers(1, 4, 200000)) % 4)
    assert np.mean(guess == seen) == pytest.approx(seen_accuracy(np.array(0.8), 0.3, 4), abs=0.005)
    assert np.mean(true == seen) == pytest.approx(seen_accuracy(np.array(1.0), 0.3, 4), abs=0.005)


@pytest.mark.parametrize(("zero", "one"), [(0.2, 0.2), (0.0, 0.3), (0.1, 0.4)])
def test_the_boundary_is_where_the_seen_labels_balance(zero: float, one: float) -> None:
    x = boundary(zero, one, gap=3.0)
    p = 1.0 / (1.0 + np.exp(-3.0 * x))  # of class one, for N(1.5, 1) against N(−1.5, 1)
    assert (1 - one) * p + zero * (1 - p) == pytest.approx(0.5, abs=1e-12)
    assert (x == 0.0) == (zero == one)
