"""Statistics of batch norm taken anew are those of the rows."""

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training.batch_norm import batch_norms, recalibrate


def test_statistics_are_the_averages_over_batches_and_modes_come_back():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
    net.train()
    net[0].eval()
    X = torch.randn(40, 3) * 3 + 1
    net(X)
    batches = X.split(10)
    recalibrate(net, iter(batches))
    hidden = [net[1](piece).detach() for piece in batches]
    mean = torch.stack([h.mean(0) for h in hidden]).mean(0)
    variance = torch.stack([h.var(0) for h in hidden]).mean(0)
    torch.testing.assert_close(net[2].running_mean, mean)
    torch.testing.assert_close(net[2].running_var, variance)
    assert [layer.training for layer in net] == [False, True, True, True]
    assert net[2].momentum == 0.1


def test_without_such_layers_nothing_is_read():
    def never():
        raise AssertionError("read")
        yield

    recalibrate(nn.Linear(1, 1), never())
    assert batch_norms(nn.Linear(1, 1)) == []


def test_one_tensor_is_cut_into_batches_and_draws_nothing():
    X = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    net, same = (nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)).eval() for _ in range(2))
    before = torch.get_rng_state()
    recalibrate(net, X, batch_size=20)
    recalibrate(same, X.tensor_split(3))
    assert torch.equal(net[1].running_mean, same[1].running_mean)
    assert torch.equal(net[1].running_var, same[1].running_var)
    assert torch.equal(torch.get_rng_state(), before)
    assert not net.training


def test_no_rows_and_no_batch_size_are_refused():
    with pytest.raises(ArgumentError, match="inputs with rows"):
        recalibrate(nn.BatchNorm1d(1), torch.zeros(0, 1))
    with pytest.raises(ArgumentError, match="a batch of at least 1 row"):
        recalibrate(nn.BatchNorm1d(1), torch.zeros(1, 1), batch_size=0)
