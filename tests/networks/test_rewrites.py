"""Rewrites compute the same where they say so, leave the original alone, and a wrong one is seen."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks import rewrites
from fivefold.networks.registry import create
from fivefold.networks.rewrites import (
    REWRITES,
    SAME,
    InType,
    copied,
    difference,
    has_bfloat16,
    perturb_,
    rewrite,
    without_groups,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def network():
    made = create("shufflenet_v2_x0_5", classes=3, generator=seeded())
    made.stage2.eval()
    return made


X = torch.randn(2, 3, 64, 64, generator=seeded(1))
KEEPING = [(name, training) for name, kind in REWRITES.items() if kind.keeps for training in (False, True)]


@pytest.mark.parametrize(("name", "training"), [(n, t) for n, t in KEEPING if not t or REWRITES[n].trains])
def test_what_promises_the_same_function_keeps_it(name, training):
    block = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=2),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 64, 1),
        nn.Conv2d(64, 256, 3),  # 576 KiB of weights
        nn.Flatten(),
        nn.LazyLinear(4),
    )
    block(X[:, :, :12, :12])
    kind = REWRITES[name]
    found = difference(block, kind.make, X[:, :, :12, :12], training=training, dtype=kind.dtype)
    assert found < SAME[kind.dtype]


def test_a_rewrite_that_changes_a_branch_that_begins_at_zero_is_seen():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.scale = nn.Linear(4, 4), nn.Parameter(torch.zeros(4))

        def forward(self, x):
            return x + self.scale * torch.tanh(self.layer(x))

    def wrong(network, _):
        made = deepcopy(network)
        with torch.no_grad():
            made.layer.weight.add_(1e-6)
        return made

    block, x = Branch(), torch.ones(2, 4)
    assert torch.equal(wrong(block, x)(x), block(x))
    assert difference(block, wrong, x) > SAME[torch.float64]
    assert difference(block, lambda m, _: deepcopy(m), x) == 0.0
    with pytest.raises(ArgumentError, match="something to rewrite"):
        difference(block, lambda m, _: None, x)


def test_a_copy_that_cannot_run_or_answers_in_another_shape_differs_without_bound():
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    assert difference(layer, lambda m, _: nn.Linear(3, 4).double(), x) == float("inf")
    assert difference(layer, lambda m, _: nn.Linear(4, 3).double(), x) == float("inf")

    def not_finite(network, _):
        made = deepcopy(network)
        nn.init.constant_(made.bias, float("nan"))
        return made

    assert difference(layer, not_finite, x) == float("inf")


def test_dropout_does_not_count_as_a_difference():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5))
    assert difference(network, REWRITES["channels_last"].make, X, training=True) < SAME[torch.float64]


def test_an_activation_whose_input_is_read_again_does_not_overwrite_it():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.first, self.second = nn.Linear(3, 3), nn.ReLU(), nn.ReLU()

        def forward(self, x):
            sums = self.layer(x)
            return sums + self.second(self.first(sums) + 1)

    made = rewrite(Sum(), ["in_place"], torch.randn(4, 3, generator=seeded()))
    assert (made.first.inplace, made.second.inplace) == (False, True)


def test_an_activation_does_not_overwrite_what_the_caller_or_the_network_keeps():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.act, self.scale = nn.Linear(3, 3), nn.ELU(), nn.Parameter(-torch.ones(3))

        def forward(self, x):
            return self.layer(x * self.act(self.scale))

    x = torch.randn(4, 3, generator=seeded())
    for network in (nn.Sequential(nn.LeakyReLU(0.1), nn.Linear(3, 3)), Scaled()):
        with pytest.raises(ArgumentError, match="in which in_place has something to rewrite"):
            rewrite(network, ["in_place"], x)
    made = rewrite(nn.Sequential(nn.LeakyReLU(0.1), nn.Linear(3, 3), nn.ReLU()), ["in_place"], x)
    assert (made[0].inplace, made[2].inplace) == (False, True)


def test_an_activation_on_what_the_backward_pass_needs_is_seen():
    network = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.ReLU())
    make = REWRITES["in_place"].make
    x = torch.ones(2, 3)
    assert difference(network, make, x) == 0.0
    assert difference(network, make, x, training=True) == float("inf")


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_groups_become_zeros(groups):
    layer = nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=groups, dtype=torch.float64)
    made = without_groups(layer)
    x = torch.randn(2, 6, 9, 9, generator=seeded(), dtype=torch.float64)
    assert made.groups == 1
    assert made.weight.count_nonzero() == layer.weight.numel()
    torch.testing.assert_close(made(x), layer(x), rtol=1e-12, atol=1e-12)


def test_convolutions_whose_weight_is_computed_keep_their_groups():
    class Standardised(nn.Conv2d):
        def forward(self, x):
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            return nn.functional.conv2d(x, weight, self.bias, groups=self.groups)

    for layer in (
        Standardised(6, 6, 3, groups=2),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(6, 6, 3, groups=2)),
    ):
        assert REWRITES["without_groups"].make(nn.Sequential(layer), torch.ones(1, 6, 5, 5)) is None


def test_depthwise_convolutions_stay(network):
    assert REWRITES["without_groups"].make(network, X) is None


def test_the_original_its_modes_and_the_generator_stay(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    state = torch.get_rng_state()
    made = rewrite(network, ["channels_last", "fold_batch_norm"], X)
    difference(network, REWRITES["channels_last"].make, X, training=True)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in made.modules()) == 0
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.conv1[0].weight.is_contiguous()


def test_bfloat16_where_the_processors_flags_say_so(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    assert not has_bfloat16(info)
    info.write_text("model name : x\nflags : fma avx2 bf16x\n")
    assert not has_bfloat16(info)
    info.write_text("model name : x\nflags : fma avx512_bf16\n")
    assert has_bfloat16(info)
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    monkeypatch.setattr(rewrites, "has_bfloat16", lambda: False)
    assert REWRITES["bfloat16"].make(layer, x) is None
    monkeypatch.setattr(rewrites, "has_bfloat16", lambda: True)
    made = REWRITES["bfloat16"].make(layer, x)
    assert isinstance(made, InType)
    assert made(x).dtype == torch.float32
    assert torch.allclose(made(x), layer(x), atol=0.05)
    assert layer.weight.dtype == torch.float32


def test_perturbed_variances_stay_positive_and_the_seed_decides():
    one, two = nn.BatchNorm1d(50), nn.BatchNorm1d(50)
    perturb_(one, seeded())
    perturb_(two, seeded())
    assert one.running_var.min() > 0
    assert (one.weight != 1).all()
    assert torch.equal(one.running_mean, two.running_mean)
    assert one.num_batches_tracked == 0


def test_unknown_and_idle_rewrites_and_networks_without_a_copy_are_refused():
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with pytest.raises(ArgumentError, match="rewrites among channels_last"):
        rewrite(layer, ["faster"], x)
    with pytest.raises(ArgumentError, match="in which in_place has something to rewrite"):
        rewrite(layer, ["in_place"], x)
    layer.derived = layer.weight * 2
    with pytest.raises(ArgumentError, match="a network that can be copied"):
        copied(layer)


def test_weights_that_are_zero_or_inputs_that_are_positive_hide_no_reader():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.first, self.scale = nn.Linear(50, 50), nn.ReLU(), nn.Parameter(torch.zeros(1))

        def forward(self, x):
            sums = self.layer(x)
            return self.first(sums) + self.scale * sums

    network, x = Scaled(), torch.ones(2, 50)
    with pytest.raises(ArgumentError, match="in which in_place has something to rewrite"):
        rewrite(network, ["in_place"], x)
    with torch.no_grad():
        network.scale.fill_(1.0)
        nn.init.eye_(network.layer.weight)
        network.layer.bias.zero_()  # sums of ones are ones: none is overwritten by another number
    with pytest.raises(ArgumentError, match="in which in_place has something to rewrite"):
        rewrite(network, ["in_place"], x)


def test_tokens_stay_whole_numbers_in_every_rewrite():
    network = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.ReLU())
    tokens = torch.tensor([[1, 2], [3, 4]])
    assert difference(network, REWRITES["in_place"].make, tokens) == 0.0
    assert rewrite(network, ["in_place"], tokens)[2].inplace
    made = InType(copied(network), torch.bfloat16)
    assert made(tokens).dtype == torch.float32
    assert torch.allclose(made(tokens), network(tokens), atol=0.05)
