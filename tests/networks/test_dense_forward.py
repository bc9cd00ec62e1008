"""The NumPy forward pass against torch, and its errors."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fivefold.core import ArgumentError
from fivefold.networks import ACTIVATIONS, DenseNetwork, EnsembleDense, activate, evaluate_dense

TORCH = {
    "relu": F.relu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "tanh": torch.tanh,
    "selu": F.selu,
}


def inputs(n=200, d=6, seed=0):
    return 2 * torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + 0.5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_equals_torch_in_float64_also_far_out(name):
    x = torch.cat([torch.linspace(-8, 8, 401), torch.tensor([-800.0, -60.0, 60.0, 800.0])]).double()
    np.testing.assert_allclose(activate(name, x.numpy()), TORCH[name](x).numpy(), rtol=1e-12, atol=1e-14)


def test_tanh_form_of_gelu_is_within_its_stated_distance_of_the_exact_one():
    x = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    distance = np.abs(activate("gelu", x.numpy()) - F.gelu(x).numpy()).max()
    assert 1e-4 < distance < 5e-4


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scaling", [False, True])
@pytest.mark.parametrize("widths", [(), (7,), (32, 16, 8)])
def test_dense_forward_equals_torch_to_1e_6_in_float32(activation, scaling, widths):
    network = DenseNetwork(
        6, 3, widths, activation, dropout=0.5, scaling=scaling, generator=torch.Generator().manual_seed(1)
    ).eval()
    if network.scale is not None:
        torch.nn.init.uniform_(network.scale, 0.5, 2.0, generator=torch.Generator().manual_seed(2))
    X = inputs()
    with torch.no_grad():
        expected = network(X).numpy()
    got = evaluate_dense(network.arrays(), X.numpy(), activation=activation, rows=77)
    assert got.dtype == np.float32
    # relative to the size of the outputs: float32 sums of 32 terms round at about 1e-7
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("scaling", [False, True])
def test_ensemble_forward_equals_torch_to_1e_6_in_float32(scaling):
    ensemble = EnsembleDense(
        4, 6, 2, (16, 16), "silu", scaling=scaling, generator=torch.Generator().manual_seed(1)
    ).eval()
    X = inputs()
    with torch.no_grad():
        expected = ensemble(X).numpy()
    got = evaluate_dense(ensemble.arrays(), X.numpy(), activation="silu", rows=64)
    assert got.shape == (4, 200, 2)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))


def test_a_wrong_activation_would_be_seen():
    network = DenseNetwork(6, 1, (8,), "silu", generator=torch.Generator().manual_seed(1)).eval()
    X = inputs()
    with torch.no_grad():
        expected = network(X).numpy()
    assert np.abs(evaluate_dense(network.arrays(), X.numpy(), activation="gelu") - expected).max() > 1e-2


def test_no_rows_give_no_rows():
    arrays = DenseNetwork(3, 2, (4,)).arrays()
    assert evaluate_dense(arrays, np.empty((0, 3)), activation="gelu").shape == (0, 2)


def test_importing_and_evaluating_loads_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from fivefold.networks import evaluate_dense\n"
        "arrays = {'weight.0': np.ones((2, 1)), 'bias.0': np.ones(1)}\n"
        "evaluate_dense(arrays, np.ones((3, 2)), activation='relu')\n"
        "assert 'torch' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("bias.1"), "weight.l and bias.l"),
        (lambda a: a.update(other=np.ones(2)), "weight.l and bias.l"),
        (lambda a: a.clear(), "weight.l and bias.l"),
        (lambda a: a.update({"weight.1": np.ones((5, 2))}), "layer 1 to fit"),
        (lambda a: a.update({"bias.0": np.ones(3)}), "layer 0 to fit"),
        (lambda a: a.update({"weight.0": np.ones(3)}), "layer 0 to fit"),
        (lambda a: a.update(scale=np.ones(4)), "a scale of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    arrays = DenseNetwork(3, 2, (4,)).arrays()
    change(arrays)
    with pytest.raises(ArgumentError, match=message):
        evaluate_dense(arrays, np.ones((1, 3)), activation="gelu")


def test_bad_arguments_are_refused():
    arrays = DenseNetwork(3, 2, (4,)).arrays()
    with pytest.raises(ArgumentError, match=r"inputs of shape \[n, 3\]"):
        evaluate_dense(arrays, np.ones((1, 4)), activation="gelu")
    with pytest.raises(ArgumentError, match="an activation among"):
        evaluate_dense(arrays, np.ones((1, 3)), activation="swish")
    with pytest.raises(ArgumentError, match="at least 1 row at once"):
        evaluate_dense(arrays, np.ones((1, 3)), activation="gelu", rows=0)
    with pytest.raises(ArgumentError, match="an activation among"):
        activate("swish", np.ones(1))
