"""What a forward pass writes is put back, and hooks of the script's are not called again."""

import torch
import torch.nn.utils.prune
from torch import nn

from fivefold.diagnosis.observation.unchanged import every, unchanged_buffers, unhooked
from fivefold.diagnosis.observation.veiled import Veiled


class Keeper(nn.Module):
    """Writes into itself in every way."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("total", torch.zeros(()))
        self.calls, self.cache, self.named, self.shapes = 0, [1], {"a": 1}, {1}

    def forward(self, x):
        self.calls += 1
        self.cache.append(x)
        self.named["b"] = x
        self.shapes.add(len(x))
        self.last = x
        self.total = self.total + 1
        return self.norm(x)


def test_everything_that_a_pass_writes_is_put_back() -> None:
    keeper = Keeper()
    total, statistics = keeper.total, keeper.norm.running_mean.clone()
    cache, version = keeper.cache, keeper.norm.running_mean._version
    with unchanged_buffers([keeper]):
        keeper(torch.randn(5, 3))
        assert keeper.calls == 1
        assert not torch.equal(keeper.norm.running_mean, statistics)
        version = keeper.norm.running_mean._version
    assert (keeper.calls, keeper.named, keeper.shapes) == (0, {"a": 1}, {1})
    assert keeper.cache is cache
    assert cache == [1]
    assert not hasattr(keeper, "last")
    assert keeper.total is total
    assert float(total) == 0.0
    assert torch.equal(keeper.norm.running_mean, statistics)
    # A graph of the script's that holds the statistics does not see them written to.
    assert keeper.norm.running_mean._version == version


def test_lists_of_tensors_and_order_are_put_back() -> None:
    keeper = Keeper()
    tensors = [torch.ones(2), torch.zeros(3)]
    keeper.cache[:] = tensors
    with unchanged_buffers([keeper]):
        keeper.cache.reverse()
        keeper.named.clear()
    assert [id(t) for t in keeper.cache] == [id(t) for t in tensors]
    assert keeper.named == {"a": 1}


def test_hooks_of_the_script_are_left_out_and_those_of_torch_are_not() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    seen: list[int] = []
    net[1].register_forward_hook(lambda *given: seen.append(1))
    torch.nn.utils.prune.identity(net[0], "weight")
    with unhooked([net]) as theirs:
        assert theirs
        net(torch.ones(1, 2))
        assert not seen
        assert net[0]._forward_pre_hooks
    net(torch.ones(1, 2))
    assert seen == [1]


def test_our_own_hooks_count_as_nobodys() -> None:
    net = nn.Linear(2, 2)
    seen: list[int] = []
    net.register_forward_hook(Veiled(lambda *given: seen.append(1)))
    with unhooked([net]) as theirs:
        assert not theirs
        net(torch.ones(1, 2))
    assert not seen


def test_modules_that_are_shared_count_once() -> None:
    shared = nn.Linear(1, 1)
    assert len(every([nn.Sequential(shared, shared), shared])) == 2
