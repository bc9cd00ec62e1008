"""Vanishing gradients: torch's slopes and clipping, and the growth of Gaussian products in closed form."""

import numpy as np
import pytest
import torch
from scipy.special import digamma

from fivefold.concepts.vanishing_gradients import clip, exponent, sizes_on_the_way_back, typical_exponent


def test_fast_path() -> None:
    generator = torch.Generator().manual_seed(0)
    recurrent = torch.nn.RNN(3, 5, dtype=torch.float64)  # hₜ = tanh(W x + b + U h + c)
    with torch.no_grad():
        for weight in recurrent.parameters():
            weight.normal_(generator=generator).mul_(0.6)
    x = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    slope = torch.randn(5, generator=generator, dtype=torch.float64)
    states = [torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)]
    for row in x:
        states.append(recurrent(row[None], states[-1])[0])
    found = torch.autograd.grad((states[-1] * slope).sum(), states)
    U = recurrent.weight_hh_l0.detach().numpy()
    jacobians = [(1.0 - state.detach().numpy()[0] ** 2)[:, None] * U for state in states[1:]]
    sizes = sizes_on_the_way_back(jacobians, slope.numpy())
    np.testing.assert_allclose(sizes, [float(each.norm()) for each in found], rtol=1e-11)
    assert exponent(sizes) == pytest.approx(np.mean(np.diff(np.log(sizes[::-1]))), rel=1e-12)


@pytest.mark.parametrize("longest", [0.5, 40.0])
def test_clipping_is_torch_s(longest: float) -> None:
    w = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    w.grad = torch.tensor([3.0, -1.0, 2.0, 7.0], dtype=torch.float64)
    before = w.grad.numpy().copy()
    torch.nn.utils.clip_grad_norm_([w], longest)
    np.testing.assert_allclose(
        clip(before, longest), w.grad.numpy(), rtol=1e-6
    )  # torch adds 1e-6 to the norm
    np.testing.assert_array_equal(clip(np.zeros(2), longest), np.zeros(2))


@pytest.mark.parametrize("width", [1, 2, 3, 8, 25])
def test_the_typical_factor_of_gaussian_layers(width: int) -> None:
    closed = np.log(1.3) + 0.5 * (digamma(width / 2) - np.log(width / 2))
    assert typical_exponent(1.3, width) == pytest.approx(closed, abs=1e-12)
    generator = np.random.default_rng(width)
    W = 1.3 * generator.normal(size=(4000, width, width)) / np.sqrt(width)
    sizes = sizes_on_the_way_back(W[:300], np.eye(width)[0])
    logs = np.log(np.linalg.norm(W[:, 0], axis=1))  # one step from a unit vector: all steps are alike
    assert logs.mean() == pytest.approx(closed, abs=4 * logs.std() / np.sqrt(len(logs)))
    assert np.mean(np.sum(W[:, 0] ** 2, axis=1)) == pytest.approx(1.3**2, rel=4 * np.sqrt(2 / width / 4000))
    assert exponent(sizes) == pytest.approx(closed, abs=4 * logs.std() / np.sqrt(300))  # layers in a row


def test_the_mean_square_stays_where_the_typical_one_vanishes() -> None:
    generator = np.random.default_rng(1)
    runs = generator.normal(size=(3000, 10, 6, 6)) / np.sqrt(6.0)
    ends = np.array([sizes_on_the_way_back(run, np.eye(6)[0])[0] for run in runs])
    # E |δ|⁴ = (1 + 2/n)ᵀ gives the standard error of the mean square
    error = np.sqrt(((1 + 2 / 6) ** 10 - 1) / 3000)
    assert np.mean(ends**2) == pytest.approx(1.0, abs=5 * error)
    assert np.median(ends) < 0.6
    assert typical_exponent(1.0, 6) < 0.0
