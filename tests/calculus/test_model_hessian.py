"""The Hessian of modules' losses against dense automatic differentiation in float64."""

import pytest
import torch

from fivefold.calculus import ModelHessian, PeakMemory
from fivefold.core import ArgumentError, DataError
from fivefold.probability import Categorical, Gaussian

LOSS = torch.nn.CrossEntropyLoss()


def dense_hessian(case, model, X, y, loss=LOSS):
    outputs, w = case.flat_function(model, X)
    return torch.autograd.functional.hessian(lambda v: loss(outputs(v), y), w)


def test_every_module(case, network_name):
    model, X, y = case.module_case(network_name)
    H = ModelHessian(model, LOSS, (X, y))
    dense = dense_hessian(case, model, X, y)
    case.contract(H, dense)
    assert H.symmetric
    torch.testing.assert_close(dense, dense.mT, rtol=1e-9, atol=1e-9)
    assert H.ways[0].startswith("retained reverse")


def test_every_module_without_retained_graph(case, network_name):
    model, X, y = case.module_case(network_name)
    H = ModelHessian(model, LOSS, (X, y), retain=False)
    case.contract(H, dense_hessian(case, model, X, y))


@pytest.mark.parametrize("batching", ["auto", "loop", "measured"])
@pytest.mark.parametrize("sizes", [[5], [2, 3], [1, 1, 3]])
def test_batches_and_batching_do_not_change_the_result(case, batching, sizes):
    model, X, y = case.module_case("convolutional")
    data = list(zip(X.split(sizes), y.split(sizes), strict=True))
    dense = dense_hessian(case, model, X, y)
    H = ModelHessian(model, LOSS, data, batching=batching)
    torch.testing.assert_close(H.to_dense(), dense, rtol=1e-11, atol=1e-11)


def test_likelihood_and_loss_agree(case):
    model, X, y = case.module_case("dense")
    mean = ModelHessian(model, Categorical(3), (X, y)).to_dense()
    torch.testing.assert_close(mean, dense_hessian(case, model, X, y), rtol=1e-11, atol=1e-11)
    total = ModelHessian(model, Categorical(3), (X, y), reduction="sum").to_dense()
    torch.testing.assert_close(total, 5 * mean, rtol=1e-11, atol=1e-11)
    summed = torch.nn.CrossEntropyLoss(reduction="sum")
    data = [(X[:2], y[:2]), (X[2:], y[2:])]
    torch.testing.assert_close(ModelHessian(model, summed, data, reduction="sum").to_dense(), total)


def test_loader_and_function_are_read_again(case):
    model, X, y = case.module_case("dense")
    dense = dense_hessian(case, model, X, y)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=2)
    torch.testing.assert_close(ModelHessian(model, LOSS, loader).to_dense(), dense, rtol=1e-11, atol=1e-11)
    made = ModelHessian(model, LOSS, lambda: iter([(X[:4], y[:4]), (X[4:], y[4:])]))
    torch.testing.assert_close(made.to_dense(), dense, rtol=1e-11, atol=1e-11)


def test_a_subset_of_parameters_is_a_block(case):
    model, X, y = case.module_case("dense")
    dense = dense_hessian(case, model, X, y)
    last = {name: p for name, p in model.named_parameters() if name.startswith("2")}
    block = ModelHessian(model, LOSS, (X, y), parameters=last).to_dense()
    torch.testing.assert_close(block, dense[-15:, -15:], rtol=1e-11, atol=1e-11)


def test_a_function_of_named_tensors():
    w = {"a": torch.tensor([2.0], dtype=torch.float64), "b": torch.tensor([[3.0]], dtype=torch.float64)}
    X = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    H = ModelHessian(lambda p, x: p["a"] ** 2 * x * p["b"], lambda z, y: z.sum(), (X, X), parameters=w,
                     reduction="sum")  # fmt: skip
    torch.testing.assert_close(H.to_dense(), torch.tensor([[18.0, 12.0], [12.0, 0.0]], dtype=torch.float64))


def test_float32_and_float64_sums(case):
    model, X, y = case.module_case("dense", torch.float32)
    wide, _X64, _ = case.module_case("dense")
    wide.load_state_dict({name: t.double() for name, t in model.state_dict().items()})
    H = ModelHessian(model, LOSS, list(zip(X.split(1), y.split(1), strict=True)))
    out = H.to_dense()
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.double(), dense_hessian(case, wide, X.double(), y), rtol=1e-4, atol=1e-6)


def test_lstm_in_float32_uses_the_plain_kernels(case):
    model, X, y = case.module_case("lstm", torch.float32)
    H = ModelHessian(model, LOSS, (X, y))
    torch.testing.assert_close(H.to_dense(), dense_hessian(case, model, X, y), rtol=1e-3, atol=1e-5)
    assert H.network.replaced == ("fused recurrent layers",)


@pytest.mark.parametrize("retain", [True, False])
def test_memory_bound_is_held(case, retain):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(50, 50), torch.nn.Tanh(), torch.nn.Linear(50, 3)).double()
    X, y = torch.randn(200, 50, dtype=torch.float64), torch.arange(200) % 3
    V = torch.randn(2703, 40, dtype=torch.float64)
    bound = 4_000_000
    peaks, results = [], []
    for memory in (bound, 10 * bound):
        H = ModelHessian(model, LOSS, (X, y), memory=memory, batching="auto", retain=retain)
        with PeakMemory() as seen:
            results.append(H @ V)
        # beside the operands and the result, and a column of each made for the product
        peaks.append(seen.peak)
        assert seen.peak <= memory + 4 * V.nbytes
    torch.testing.assert_close(results[0], results[1], rtol=1e-11, atol=1e-11)
    assert peaks[1] > 1.5 * peaks[0], "the bound changes what is held"


def test_too_little_memory_is_said_with_the_size(case):
    model, X, y = case.module_case("convolutional")
    with pytest.raises(ArgumentError, match=r"pass within 1000 bytes.*needs \d{4,}.*smaller batches"):
        ModelHessian(model, LOSS, (X, y), memory=1000)
    H = ModelHessian(model, LOSS, (X, y), memory=6000)
    with pytest.raises(
        ArgumentError, match=r"product within 6000 bytes.*already needs \d{4,}.*smaller batches"
    ):
        H @ torch.ones(H.shape[1], dtype=torch.float64)


def test_a_planted_error_is_seen(case):
    model, X, y = case.module_case("dense")
    dense = dense_hessian(case, model, X, y)
    dense[0, 1] += 1e-6
    with pytest.raises(AssertionError):
        case.contract(ModelHessian(model, LOSS, (X, y)), dense)


def test_data_written_to_between_products(case):
    model, X, y = case.module_case("dense")
    H = ModelHessian(model, LOSS, (X, y))
    v = torch.ones(H.shape[1], dtype=torch.float64)
    H @ v
    X += 1
    with pytest.raises(DataError, match="the same rows"):
        H @ v


def test_refuses(case):
    model, X, y = case.module_case("dense")
    with pytest.raises(ArgumentError, match="reduction 'mean' or 'sum'"):
        ModelHessian(model, LOSS, (X, y), reduction="none")
    with pytest.raises(ArgumentError, match="a loss with reduction='sum'"):
        ModelHessian(model, LOSS, (X, y), reduction="sum")
    with pytest.raises(ArgumentError, match="a loss\\(outputs, targets\\) or a likelihood"):
        ModelHessian(model, "mse", (X, y))
    with pytest.raises(ArgumentError, match="positive number of bytes"):
        ModelHessian(model, LOSS, (X, y), memory=0)
    with pytest.raises(ArgumentError, match="batching as one of"):
        ModelHessian(model, LOSS, (X, y), batching="fast")
    with pytest.raises(ArgumentError, match=r"theta \[1\]"):
        ModelHessian(model, Gaussian(), (X, y))
    with pytest.raises(ArgumentError, match=r"model outputs \[n, 4\]"):
        ModelHessian(model, Categorical(4), (X, y)) @ torch.ones(35)
    with pytest.raises(ArgumentError, match="a loss with one real value"):
        ModelHessian(model, lambda z, t: z, (X, y)) @ torch.ones(35)
