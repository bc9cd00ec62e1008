"""What all operators of models share: retained graphs, planning over batches of several sizes."""

import pytest
import torch

from fivefold.calculus import ModelFisher, ModelHessian, ModelJacobian, PeakMemory
from fivefold.core import ArgumentError
from fivefold.probability import Gaussian

LOSS = torch.nn.MSELoss()


def make(rows, **options):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 20), torch.nn.Tanh(), torch.nn.Linear(20, 1)).double()
    X = torch.randn(rows, 20, dtype=torch.float64)
    return ModelHessian(model, LOSS, (X, X[:, :1]), **options), model, X


def test_a_graph_is_kept_only_where_it_fits():
    v = torch.ones(441, dtype=torch.float64)
    roomy, _, _ = make(200)
    with PeakMemory() as kept:
        first = roomy @ v
        held = kept.live
        second = roomy @ v
    assert roomy.ways == ("retained reverse, loop",)
    assert held > 200 * 20 * 8, "the graph is held between products"
    tight, _, _ = make(200, memory=300_000)
    with PeakMemory() as tried:
        tight @ v
    with PeakMemory() as spent:
        third = tight @ v
    assert tried.peak <= 2 * 300_000, "the ways are tried on one column, before one is taken"
    assert tight.ways[0] in ("forward-over-reverse, loop", "reverse-over-reverse, loop")
    assert spent.live <= 2 * v.nbytes, "nothing but the result is held"
    assert spent.peak <= 300_000 + 4 * v.nbytes
    torch.testing.assert_close(first, second, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(first, third, rtol=1e-11, atol=1e-13)


def test_a_larger_batch_is_planned_again():
    _, model, X = make(300)
    bound = 600_000
    data = [(X[:20], X[:20, :1]), (X[20:], X[20:, :1])]
    H = ModelHessian(model, LOSS, data, memory=bound, batching="auto")
    V = torch.randn(441, 30, dtype=torch.float64)
    with PeakMemory() as seen:
        out = H @ V
    assert seen.peak <= bound + 6 * V.nbytes
    torch.testing.assert_close(out, make(300)[0] @ V, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", [{"retian": True}, {"positive": True}])
def test_unknown_options_are_refused(options):
    X = torch.ones(3, 2)
    model = torch.nn.Linear(2, 1)
    for make in (
        lambda: ModelHessian(model, LOSS, (X, X[:, :1]), **options),
        lambda: ModelJacobian(model, X, **options),
    ):
        with pytest.raises(ArgumentError, match=r"options among .*'retain'"):
            make()
    with pytest.raises(ArgumentError, match="options among"):
        ModelFisher(model, Gaussian(sd=1.0), X, **options)


def test_retained_products_are_those_of_a_fresh_graph():
    kept, model, X = make(50, retain=True, batching="loop")
    fresh = ModelHessian(model, LOSS, (X, X[:, :1]), retain=False, batching="loop")
    V = torch.randn(441, 3, dtype=torch.float64)
    torch.testing.assert_close(kept @ V, fresh @ V, rtol=1e-11, atol=1e-13)
    assert kept.ways == ("retained reverse, loop",)
    assert fresh.ways[0] in ("forward-over-reverse, loop", "reverse-over-reverse, loop")
