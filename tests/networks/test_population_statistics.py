"""Statistics of batch normalisation are means over batches of the network as it is."""

import pytest
import torch
from torch import nn

from fivefold.networks.population_statistics import measure_statistics_


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.4), nn.ReLU(), nn.Linear(4, 2),
                         nn.BatchNorm1d(2)).double()  # fmt: skip


def test_they_are_the_means_over_batches_layer_by_layer():
    network = _network()
    batches = list(torch.randn(5, 7, 3, dtype=torch.float64))
    weights = [p.clone() for p in network.parameters()]
    network[2].eval()
    assert measure_statistics_(network, batches) == 2
    inner = torch.stack([network[0](X) for X in batches])  # [batch, row, unit]
    torch.testing.assert_close(network[1].running_mean, inner.mean((0, 1)))
    torch.testing.assert_close(network[1].running_var, inner.var(1).mean(0))
    own = (inner - inner.mean(1, keepdim=True)) / (inner.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    outer = network[3](own.clamp_min(0))  # normalised by its own batch, as in training
    torch.testing.assert_close(network[4].running_mean, outer.mean((0, 1)))
    assert [p.training for p in network] == [True, True, False, True, True]
    assert (network[1].momentum, network[4].momentum) == (0.4, 0.1)
    assert all(torch.equal(p, before) for p, before in zip(network.parameters(), weights, strict=True))


class _Frozen(nn.Sequential):
    def train(self, mode: bool = True) -> "_Frozen":
        super().train(mode)
        self[1].eval()
        return self


def test_what_a_network_keeps_still_keeps_its_own():
    network = _Frozen(*_network())
    before = network[1].running_mean.clone()
    assert measure_statistics_(network, [torch.randn(7, 3, dtype=torch.float64)]) == 1
    assert torch.equal(network[1].running_mean, before)
    assert network[4].num_batches_tracked == 1


def test_without_a_batch_and_after_an_error_nothing_is_lost():
    network = _network()
    network[1].running_mean.fill_(3.0)
    assert measure_statistics_(network, []) == 0
    assert network[1].running_mean.eq(3.0).all()
    with pytest.raises(RuntimeError):
        measure_statistics_(network, [torch.randn(7, 5, dtype=torch.float64)])
    assert (network[1].momentum, network[4].momentum) == (0.4, 0.1)
    assert measure_statistics_(nn.Linear(3, 2), [torch.randn(7, 3)]) == 0
