"""What stands in the way of derivatives: each is planted, named, and has a way out that works."""

import pytest
import torch

from fivefold.calculus import ModelHessian, ModelJacobian, Network, preflight
from fivefold.core import ArgumentError

X = 1 + torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
LINEAR = torch.nn.Linear(3, 3)


class Wrapped(torch.nn.Module):
    def __init__(self, body, inner=LINEAR):
        super().__init__()
        self.inner = inner
        self.body = body

    def forward(self, x):
        return self.body(self.inner, x)


def found(model, inputs=X, **options):
    return preflight(Network(model, **options), inputs)


def codes(result):
    return [(each.code, each.severity) for each in result.obstacles]


def test_nothing_in_the_way():
    result = found(LINEAR)
    assert (result.obstacles, result.outputs, result.clear) == ((), (4, 3), True)
    assert result.bytes > 0
    result.require_clear()


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (torch.nn.Dropout(0.5), "dropout"),
        (torch.nn.BatchNorm1d(3), "batch-norm"),
        (torch.nn.Sequential(torch.nn.Unflatten(1, (1, 3)), torch.nn.LSTM(3, 3, 2, dropout=0.3)), "dropout"),
    ],
)
def test_training_mode(layer, code):
    model = torch.nn.Sequential(LINEAR, layer)
    state = {name: t.clone() for name, t in model.state_dict().items()}
    result = found(model)
    assert codes(result) == [(code, "stops")]
    with pytest.raises(ArgumentError, match=r"model.eval\(\), or pass evaluation=True"):
        result.require_clear()
    assert all(torch.equal(t, state[name]) for name, t in model.state_dict().items()), "nothing was written"


def test_the_way_out_of_training_mode_works():
    model = torch.nn.Sequential(LINEAR, torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(3))
    assert found(model, evaluation=True).clear
    with pytest.raises(ArgumentError, match=r"dropout: dropout with p=0.5 is active"):
        ModelHessian(model, torch.nn.MSELoss(), (X, X))
    inside = ModelHessian(model, torch.nn.MSELoss(), (X, X), evaluation=True).to_dense()
    outside = ModelHessian(model.eval(), torch.nn.MSELoss(), (X, X)).to_dense()
    torch.testing.assert_close(inside, outside)


def test_batch_norm_without_running_statistics():
    model = torch.nn.Sequential(LINEAR, torch.nn.BatchNorm1d(3, track_running_stats=False)).eval()
    result = found(model)
    assert codes(result) == [("batch-norm", "stops")]
    assert "track_running_stats=True" in result.obstacles[0].way_out


def test_hidden_randomness():
    result = found(Wrapped(lambda f, x: torch.nn.functional.dropout(f(x), 0.5)).eval())
    assert codes(result) == [("random", "stops")]
    assert found(Wrapped(lambda f, x: torch.nn.functional.dropout(f(x), 0.5, training=False))).clear
    assert codes(found(Wrapped(lambda f, x: f(x) + torch.randn_like(x)))) == [("random", "stops")]


def test_attention_and_recurrence_are_handled(case):
    for name, code in (
        ("attention", "attention"),
        ("multihead", "attention"),
        ("lstm", "recurrent"),
        ("gru", "recurrent"),
    ):
        model, inputs, _ = case.module_case(name)
        result = found(model, inputs)
        assert codes(result) == [(code, "handled")]
        assert result.clear


def test_parameters_that_do_not_take_part():
    model = Wrapped(lambda f, x: f(x))
    model.spare = torch.nn.Parameter(torch.ones(2))
    result = found(model)
    assert codes(result) == [("unused-parameters", "note")]
    assert result.obstacles[0].where == "spare"
    H = ModelHessian(model, torch.nn.MSELoss(), (X, X)).to_dense()
    spare = [name for name, p in model.named_parameters() for _ in range(p.numel())]
    rows = [index for index, name in enumerate(spare) if name == "spare"]
    assert bool((H[rows] == 0).all())
    assert bool((H[:, rows] == 0).all())
    used = {name: p for name, p in model.named_parameters() if name != "spare"}
    assert found(model, parameters=used).obstacles == ()
    J = ModelJacobian(model, X).to_dense()
    assert bool((J[:, rows] == 0).all())


def test_modification_in_place():
    inputs = X.clone()
    result = found(Wrapped(lambda f, x: f(x.mul_(2))), inputs)
    assert codes(result) == [("in-place", "stops")]
    assert result.obstacles[0].where == "the inputs"
    model = Wrapped(lambda f, x: f(x))
    model.register_buffer("calls", torch.zeros(()))
    model.body = lambda f, x: f(x) + model.calls.add_(1)
    assert ("in-place", "stops") in codes(found(model))
    # the weights themselves
    result = found(Wrapped(lambda f, x: x @ f.weight.mul_(2)))
    assert codes(result) == [("in-place", "stops")]
    # on what is computed, it is no obstacle
    model = Wrapped(lambda f, x: f(x).mul_(2))
    assert found(model).clear
    torch.testing.assert_close(ModelJacobian(model, X).to_dense(), 2 * ModelJacobian(LINEAR, X).to_dense())


def test_values_that_are_not_finite():
    assert codes(found(Wrapped(lambda f, x: f(x).abs().neg().log()))) == [("non-finite", "stops")]


def test_integer_inputs():
    table = torch.nn.Sequential(torch.nn.Embedding(5, 2), torch.nn.Flatten(), torch.nn.Linear(6, 2))
    tokens = torch.tensor([[0, 1, 2], [4, 4, 1]])
    assert codes(found(table, tokens)) == [("integer-inputs", "note")]
    J = ModelJacobian(table, tokens).to_dense()
    assert bool((J[:, 6:8] == 0).all()), "the row of a token that does not occur"
    result = found(LINEAR, torch.ones(4, 3, dtype=torch.int64))
    assert codes(result) == [("integer-inputs", "stops")]
    assert "X.float()" in result.obstacles[0].way_out
    assert codes(found(LINEAR, X.double())) == [("fails", "stops")]


def test_outputs_without_derivative():
    assert codes(found(Wrapped(lambda f, x: torch.complex(f(x), f(x))))) == [("complex-outputs", "stops")]
    assert codes(found(Wrapped(lambda f, x: f(x).argmax(1)))) == [("constant", "stops")]
    assert codes(found(Wrapped(lambda f, x: f(x).detach()))) == [("constant", "stops")]
    assert codes(found(Wrapped(lambda f, x: (f(x), x)))) == [("fails", "stops")]
    assert codes(found(Wrapped(lambda f, x: f(x)[:0]))) == [("fails", "stops")]


def test_a_model_that_fails_says_why():
    result = found(LINEAR, torch.ones(4, 5))
    assert codes(result) == [("fails", "stops")]
    with pytest.raises(ArgumentError, match=r"mat1 and mat2 shapes.*\(4, 5\)"):
        ModelJacobian(LINEAR, torch.ones(4, 5))
    assert "fails (inputs of shape (4, 5)" in str(result.obstacles[0])
