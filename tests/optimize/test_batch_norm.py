"""Statistics of batch norm taken anew are those of the rows."""

import torch
from torch import nn

from fivefold.optimize.batch_norm import batch_norms, recalibrate_batch_norm


def test_statistics_are_the_averages_over_batches_and_modes_come_back():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
    net.train()
    net[0].eval()
    X = torch.randn(40, 3) * 3 + 1
    net(X)
    batches = X.split(10)
    recalibrate_batch_norm(net, iter(batches))
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

    recalibrate_batch_norm(nn.Linear(1, 1), never())
    assert batch_norms(nn.Linear(1, 1)) == []
