"""The plan's bytes by hand, against a real step's saved tensors, and against real optimizers' states."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.parameter import UninitializedParameter

from fivefold.core import ArgumentError
from fivefold.networks import training_memory
from fivefold.networks.registry import create
from fivefold.networks.training_memory import (
    STATES,
    bytes_text,
    largest_batch,
    memory_plan,
    saved_bytes,
    taking,
)
from fivefold.optimize.training.optimizers import make_optimizer, parameter_groups


def test_a_chain_by_hand():
    network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    plan = memory_plan(network, (6,), 5)
    assert plan.parameters == plan.gradients == 4 * (6 * 8 + 8 + 8 * 3 + 3)
    assert plan.optimizer_state == 2 * plan.parameters
    # relu's answer is saved by relu and by the second layer, and is one storage; the input is counted apart
    assert (plan.activations, plan.inputs, plan.buffers) == (4 * 5 * 8, 4 * 5 * 6, 0)
    assert plan.workspace == (32 << 20) + 5 * 4 * 5 * 8
    assert plan.total == 4 * plan.parameters + plan.activations + plan.inputs + plan.workspace


def real_saved(network, x):
    """Bytes that a real training pass saves, each storage once."""
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers(), x)}
    saved = {}

    def note(value):
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return value

    with saved_tensors_hooks(note, lambda value: value):
        answer = network.train()(x)
    assert answer.requires_grad
    return sum(saved.values())


@pytest.mark.parametrize(("name", "side"), [("resnet20", 16), ("mobilenet_v2", 32), ("squeezenet1_1", 32)])
def test_what_waits_for_the_backward_pass_is_what_a_real_pass_saves(name, side):
    network = create(name, classes=3, generator=torch.Generator().manual_seed(0))
    for batch in (2, 3):
        found, _, inputs = saved_bytes(network, (batch, 3, side, side))
        assert found == real_saved(network, torch.zeros(batch, 3, side, side))
        assert inputs == 4 * batch * 3 * side * side


def test_frozen_layers_save_nothing_and_have_no_gradients():
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    network[0].requires_grad_(False)
    plan = memory_plan(network, (6,), 4, "adam")
    assert plan.gradients == 4 * (8 * 3 + 3)
    assert plan.parameters == 4 * (6 * 8 + 8) + plan.gradients
    assert plan.activations == 4 * 4 * 8  # what the last layer reads


@pytest.mark.parametrize("name", sorted(STATES))
def test_an_optimizer_keeps_what_the_plan_says(name):
    layer = nn.Linear(40, 30)
    made = make_optimizer(name, parameter_groups(layer.named_parameters(), 0.0), 0.01, torch.device("cpu"))
    if name.startswith("schedule-free"):
        made.train()
    layer(torch.ones(2, 40)).sum().backward()
    made.step()
    kept = sum(
        value.nbytes
        for state in made.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.numel() > 1
    )
    assert kept == memory_plan(layer, (40,), 2, name).optimizer_state


def test_activations_and_inputs_are_linear_in_the_batch():
    network = create("squeezenet1_1", classes=3, device="meta")
    first, second, third = (saved_bytes(network, (batch, 3, 32, 32))[0] for batch in (2, 4, 8))
    assert third - second == 2 * (second - first)


@pytest.mark.parametrize("free", [64 << 20, 200 << 20, 1 << 30])
def test_the_largest_batch_fits_and_the_next_does_not(free):
    network = create("resnet20", classes=10, device="meta")
    batch = largest_batch(network, (3, 16, 16), free, "sgd")
    assert batch > 0
    assert memory_plan(network, (3, 16, 16), batch, "sgd").total <= free
    assert memory_plan(network, (3, 16, 16), batch + 1, "sgd").total > free


def test_no_batch_fits_into_nothing():
    assert largest_batch(nn.Linear(4, 4), (4,), 1 << 20) == 0


def test_batch_norm_that_takes_no_single_place_takes_two():
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    with pytest.raises(ArgumentError, match="more than 1 value per channel"):
        memory_plan(network, (4,), 1)
    least = memory_plan(network, (4,), 2).total
    assert largest_batch(network, (4,), least) >= 2
    assert largest_batch(network, (4,), least - 200) == 0


def test_a_step_of_the_optimizer_can_need_more_than_the_activations():
    plan = memory_plan(nn.Linear(4096, 4096, device="meta"), (4096,), 1)
    assert plan.workspace + plan.activations == 2 * 4 * 4096**2


def test_planning_leaves_everything_as_it_was():
    network = create("convnext_tiny", classes=3, generator=torch.Generator().manual_seed(0))
    next(network.children()).eval()
    modes = [m.training for m in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    memory_plan(network, (3, 32, 32), 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_the_text_and_the_record(monkeypatch):
    monkeypatch.setattr(training_memory, "free_main_memory", lambda: 1 << 30)
    plan = memory_plan(nn.Linear(6, 8), (6,), 5)
    assert plan.fits
    assert str(plan).splitlines()[0] == "Memory of a training step of 5 x [6] with adamw"
    total = " ".join(str(plan).splitlines()[-1].split())
    assert total == "total 32.0 MiB of 1.0 GiB that are free: fits"
    record = plan.to_record()
    assert (record["total"], record["fits"], record["shape"]) == (plan.total, True, [6])
    monkeypatch.setattr(training_memory, "free_main_memory", lambda: 1000)
    assert str(memory_plan(nn.Linear(6, 8), (6,), 5)).endswith("does not fit")
    monkeypatch.setattr(training_memory, "free_main_memory", lambda: None)
    assert memory_plan(nn.Linear(6, 8), (6,), 5).fits is None
    with pytest.raises(ArgumentError, match="give a number"):
        largest_batch(nn.Linear(6, 8), (6,))


def test_bad_arguments_are_refused():
    layer = nn.Linear(6, 8)
    for batch in (0, 1.5, "16", True):
        with pytest.raises(ArgumentError, match="a batch of at least 1"):
            memory_plan(layer, (6,), batch)
    with pytest.raises(ArgumentError, match="an optimizer among"):
        memory_plan(layer, (6,), 1, "newton")
    with pytest.raises(ArgumentError, match="a network with parameters"):
        memory_plan(nn.ReLU(), (6,), 1)
    with pytest.raises(ArgumentError, match=r"a shape that the network takes; got \[2, 7\]"):
        memory_plan(layer, (7,), 2)
    with pytest.raises(ArgumentError, match="whole numbers of at least 1"):
        memory_plan(layer, (0,), 2)
    for shape in (6, "6", (6.0,), None):
        with pytest.raises(ArgumentError, match="whole numbers of at least 1"):
            memory_plan(layer, shape, 2)
    with pytest.raises(ArgumentError, match=r"a network \(nn.Module\); got str"):
        memory_plan("resnet18", (6,), 2)
    with pytest.raises(ArgumentError, match="positive bytes"):
        largest_batch(layer, (6,), 0)
    lazy = nn.LazyLinear(3)
    assert isinstance(lazy.weight, UninitializedParameter)
    with pytest.raises(ArgumentError, match="weights with a shape"):
        memory_plan(lazy, (6,), 2)


def test_what_torch_says_is_said_with_the_shape_and_our_own_errors_stay():
    with pytest.raises(ArgumentError, match=r"got \[3\]: too bad"), taking((3,)):
        raise RuntimeError("too bad\nand more")
    with pytest.raises(ArgumentError, match=r"got \[3\]: IndexError"), taking((3,)):
        raise IndexError
    own = ArgumentError("something else", "this")
    with pytest.raises(ArgumentError, match="something else") as caught, taking((3,)):
        raise own
    assert caught.value is own


def test_bytes_in_words():
    assert [bytes_text(n) for n in (0, 1023, 1024, 1 << 40)] == ["0 B", "1023 B", "1.0 KiB", "1024.0 GiB"]
