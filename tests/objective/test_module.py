"""Modules as models: frozen buffers, restored modes, and the general path's derivatives."""

import pytest
import torch

from fivefold.calculus import gradient_check
from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, ModuleModel
from fivefold.probability import Bernoulli

N = 12


def inputs(*shape):
    return torch.randn(N, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def labels(K):
    return torch.arange(N) % K


def net(*, outputs=1, norm=False, dropout=False):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 5), torch.nn.Tanh()]
    layers += [torch.nn.BatchNorm1d(5)] if norm else []
    layers += [torch.nn.Dropout(0.5)] if dropout else []
    return torch.nn.Sequential(*layers, torch.nn.Linear(5, outputs)).double()


def test_starts_at_the_modules_parameters_and_never_writes_them():
    module = net()
    before = {name: t.clone() for name, t in module.state_dict().items()}
    F = DataObjective(module, Bernoulli(), (inputs(3), labels(2)))
    F.value_and_gradient(F.initial + 1)
    F.hessian(F.initial).to_dense()
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())
    named = F.unravel(F.initial)
    assert all(torch.equal(p, named[name]) for name, p in module.named_parameters())
    with torch.no_grad():
        eta = module(inputs(3))[:, 0]
    torch.testing.assert_close(F.predictor(F.initial), eta, rtol=1e-14, atol=1e-14)


def test_evaluation_mode_inside_and_every_mode_restored():
    module = net(norm=True, dropout=True)
    module.train()
    module[2].eval()
    modes = [part.training for part in module.modules()]
    F = DataObjective(module, Bernoulli(), (inputs(3), labels(2)))
    first, second = F.value(F.initial), F.value(F.initial)
    assert torch.equal(first, second)  # no dropout
    F.value_and_gradient(torch.stack([F.initial, F.initial + 1]))
    F.hessian(F.initial).to_dense()
    assert [part.training for part in module.modules()] == modes
    assert int(module[2].num_batches_tracked) == 0


def test_modes_are_restored_after_an_error():
    class Failing(torch.nn.Linear):
        def forward(self, x):
            if len(x) != N:
                raise RuntimeError("not these rows")
            return super().forward(x)

    module = Failing(3, 1).double()
    F = DataObjective(module, Bernoulli(), (inputs(3), labels(2)))
    with pytest.raises(RuntimeError, match="not these rows"):
        F.on([0, 1]).value(F.initial)
    assert module.training


def test_buffers_are_frozen_at_construction():
    module = net(norm=True)
    module[2].running_mean.fill_(0.3)
    F = DataObjective(module, Bernoulli(), (inputs(3), labels(2)))
    before = F.value(F.initial)
    module[2].running_mean.fill_(9.0)
    assert torch.equal(F.value(F.initial), before)
    with torch.no_grad():
        module[0].weight.fill_(9.0)
    assert torch.equal(F.value(F.initial), before)


def test_frozen_parameters_stay_out_of_w():
    module = net()
    module[0].requires_grad_(False)
    F = DataObjective(module, Bernoulli(), (inputs(3), labels(2)))
    assert F.size == 6
    before = F.value(F.initial)
    with torch.no_grad():
        module[0].weight.fill_(9.0)
    assert torch.equal(F.value(F.initial), before)


def test_tied_parameters_count_once():
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 3, bias=False, dtype=torch.float64)
            self.second = torch.nn.Linear(3, 3, bias=False, dtype=torch.float64)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x)).sum(1)

    F = DataObjective(Tied(), Bernoulli(), (inputs(3), labels(2)))
    assert F.size == 9
    assert gradient_check(F.value, F.initial, gradient=F.gradient).holds is True


def test_integer_inputs_stay_integers():
    table = torch.nn.Embedding(4, 1).double()
    F = DataObjective(torch.nn.Sequential(table, torch.nn.Flatten(0)), Bernoulli(), (labels(4), labels(2)))
    torch.testing.assert_close(F.predictor(F.initial), F.initial[labels(4)], rtol=0, atol=0)


def test_inputs_take_the_modules_dtype():
    F = DataObjective(torch.nn.Linear(3, 1), Bernoulli(), (inputs(3).numpy(), labels(2)))
    assert F.dtype == torch.float32
    assert F.value(F.initial).dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModuleModel(torch.nn.Tanh()), "trainable parameters"),
        (
            lambda: ModuleModel(torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1).double())),
            "all float32 or all float64",
        ),
        (lambda: ModuleModel(torch.nn.Linear(1, 1).half()), "all float32 or all float64"),
        (
            lambda: ModuleModel(torch.nn.Linear(1, 1)).inputs(torch.ones(0, 1, dtype=torch.int64)),
            "nonempty X",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
