"""Models and optimizers found through global hooks, without a line in the script."""

import importlib.util
import math
import threading
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters
from torch.nn.modules import module as torch_modules
from torch.optim import optimizer as torch_optimizer

from fivefold.diagnosis.script.discovery import MOST_TRAININGS, Discovery, optimizers_alive


@pytest.fixture
def found():
    """A discovery that has begun, and that leaves no hook behind."""
    discovery = Discovery(lambda: None)
    discovery.begin()
    yield discovery
    discovery.end()
    assert not torch_modules._global_forward_pre_hooks
    assert not torch_modules._global_forward_hooks
    assert not torch_optimizer._global_optimizer_pre_hooks
    assert not torch_optimizer._global_optimizer_post_hooks


def update(optimizer, loss) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def plain(steps: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    loss = nn.MSELoss()
    for _ in range(steps):
        x = torch.randn(8, 3)
        update(optimizer, loss(net(x), x[:, :1]))
    return net


@pytest.mark.parametrize("deep", [False, True])
def test_looks_in_depth_where_they_are_asked_for(deep: bool) -> None:
    discovery = Discovery(lambda: None, deep=deep)
    discovery.begin()
    plain(4)
    discovery.end()
    assert bool(discovery.trainings[0].record.deep) is deep


def test_a_plain_loop_is_seen_from_its_first_call_on(found: Discovery) -> None:
    plain(6)
    (training,) = found.trainings
    assert training.title == "net"
    assert list(training.record.model) == [""]
    assert training.record.optimizers == ["Adam"]
    assert training.record.count == found.updates == 6
    first = training.record.steps[0]
    assert first.index == 0
    assert first.inputs[0].shape == (8, 3), "the batch of the very first call"
    assert first.losses[0].function == "mse_loss"
    assert first.line is not None, "the first call is on the tape"
    assert training.record.outside == []


def test_the_trained_bits_are_those_without_it(found: Discovery) -> None:
    watched = plain(12).state_dict()
    found.end()
    for name, value in plain(12).state_dict().items():
        assert torch.equal(value, watched[name])


def test_hooks_on_all_modules_go_and_come_back(found: Discovery) -> None:
    assert torch_modules._global_forward_pre_hooks
    plain(6)
    assert not torch_modules._global_forward_pre_hooks, "nothing new between two updates"
    found._next_look = 0.0
    net = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        update(optimizer, net(torch.ones(2, 3)).mean())
    assert len(found.trainings) == 2, "a look is taken again"
    assert found.trainings[1].record.count == 2, "its first update came before that look"
    assert found.unplaced() == []


def test_two_nets_that_play_against_each_other_are_one_training(found: Discovery) -> None:
    generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    one = torch.optim.Adam(critic.parameters())
    for _ in range(3):
        fake = generator(torch.randn(5, 2))
        update(one, critic(fake.detach()).mean())
        # an optimizer that is made only now joins at its first step
        other = locals().get("other") or torch.optim.SGD(generator.parameters(), lr=0.1)
        update(other, -critic(fake).mean())
    (training,) = found.trainings
    assert set(training.record.model.values()) == {generator, critic}
    assert training.record.optimizers == ["Adam", "SGD"]
    assert training.record.count == 6
    assert training.record.outside == []


def test_parts_that_are_called_one_by_one(found: Discovery) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.Linear(2, 3), nn.Linear(3, 2)

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        update(optimizer, net.decoder(net.encoder(torch.ones(4, 2))).pow(2).mean())
    (training,) = found.trainings
    assert set(training.record.model.values()) == {net.encoder, net.decoder}
    assert training.title == "encoder"
    assert training.record.outside == []


def test_keyword_arguments_of_the_first_call_are_seen(found: Discovery) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 1)

        def forward(self, *, rows):
            return self.inner(rows)

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        update(optimizer, net(rows=torch.ones(7, 2)).pow(2).mean())
    step = found.trainings[0].record.steps[0]
    assert step.inputs[0].shape == (7, 2)
    assert step.line is not None, "it could be played again"


def test_what_is_not_trained_is_left_alone(found: Discovery) -> None:
    frozen = nn.Linear(2, 1).requires_grad_(False)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.ones(1))
    loss(frozen(torch.ones(3, 2)), torch.ones(3, 1))
    assert found.trainings == []


def test_a_call_without_gradients_is_no_training(found: Discovery) -> None:
    with torch.no_grad():
        nn.Linear(2, 1)(torch.ones(3, 2))
    assert found.trainings == []


def test_a_module_that_fails_does_not_confuse_the_next(found: Discovery) -> None:
    net = nn.Linear(2, 1)
    with pytest.raises(RuntimeError):
        net(torch.ones(3, 5))
    other = nn.Linear(5, 1)
    other(torch.ones(3, 5))
    assert set(found.trainings[0].record.model.values()) == {net, other}


def test_tensors_of_no_module_are_said(found: Discovery) -> None:
    weight = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    update(optimizer, (weight - 1).pow(2).sum())
    assert found.unplaced()[0].startswith("SGD updates 1 tensors of no module")


def test_no_more_trainings_than_a_few(found: Discovery) -> None:
    for _ in range(MOST_TRAININGS + 1):
        found._look(True)
        net = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        update(optimizer, net(torch.ones(1, 1)).mean())
    assert len(found.trainings) == MOST_TRAININGS
    assert "more than 8 trainings" in found.notes[0]


def test_a_failure_of_ours_ends_watching_and_not_the_script() -> None:
    def fail() -> None:
        raise ValueError("planted")

    discovery = Discovery(fail)
    discovery.begin()
    plain(3)
    assert discovery.notes == ["watching ended early: ValueError: planted"]
    assert not torch_optimizer._global_optimizer_post_hooks


def test_compiled_modules_are_compiled_once(found: Discovery) -> None:
    counters.clear()
    net = nn.Linear(3, 1)
    compiled = torch.compile(net, backend="eager")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="global hooks on modules"):
        compiled(torch.ones(2, 3))
    for _ in range(8):
        update(optimizer, compiled(torch.ones(2, 3)).mean())
    assert counters["stats"]["unique_graphs"] == 1
    assert found.trainings[0].record.count == 8


def test_the_library_whose_loop_it_is(found: Discovery, tmp_path: Path) -> None:
    (tmp_path / "trainer.py").write_text("def fit(step):\n    step()\n")
    spec = importlib.util.spec_from_file_location("lightning.pytorch.trainer", tmp_path / "trainer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.fit(lambda: plain(2))
    assert found.framework is not None
    assert found.framework.name == "Lightning"
    assert found.trainings[0].record.count == 2


def test_an_optimizer_around_another_is_not_counted_beside_it(found: Discovery) -> None:
    class Around(torch.optim.Optimizer):
        """Passes on, without ever having called the constructor of its base, as such classes do."""

        def __init__(self, inner: torch.optim.Optimizer) -> None:
            self.optimizer = inner

        @property
        def param_groups(self):
            return self.optimizer.param_groups

        def step(self, closure=None):
            return self.optimizer.step(closure)

        def zero_grad(self, set_to_none=True):
            self.optimizer.zero_grad(set_to_none)

    net = nn.Linear(3, 1)
    optimizer = Around(torch.optim.SGD(net.parameters(), lr=0.1))
    for _ in range(3):
        update(optimizer, net(torch.ones(2, 3)).mean())
    assert found.notes == []
    assert found.trainings[0].record.optimizers == ["SGD"]
    assert found.trainings[0].record.count == found.updates == 3


def test_optimizers_that_are_there_are_found() -> None:
    made = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    assert any(each is made for each in optimizers_alive())
    del made


def test_a_training_in_another_thread(found: Discovery) -> None:
    begun = threading.Thread(target=plain, args=(6,))
    begun.start()
    begun.join()
    assert found.trainings[0].record.count == 6


def test_only_one_thread_is_watched_and_the_others_are_said(found: Discovery) -> None:
    plain(3)
    begun = threading.Thread(target=plain, args=(6,))
    begun.start()
    begun.join()
    assert len(found.trainings) == 1
    assert found.notes == ["optimizers make steps in several threads: one thread alone was watched"]


def test_a_call_within_a_transform_of_a_function_is_left_alone(found: Discovery) -> None:
    net = nn.Linear(3, 1)
    given = dict(net.named_parameters())

    def loss(parameters, x):
        return torch.func.functional_call(net, parameters, (x,)).pow(2).sum()

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(given, torch.ones(4, 3))
    assert gradient["weight"].shape == (4, 1, 3)
    assert found.trainings == []
    assert found.notes == []


def test_objects_that_refuse_to_be_asked_do_not_end_the_watching(found: Discovery) -> None:
    class Proxy:
        """Asks back, as proxies of web frameworks do outside of a request."""

        @property
        def __class__(self):
            raise RuntimeError("outside of a request")

    held = Proxy()
    net = nn.Linear(3, 1)
    net(torch.ones(2, 3))
    assert found.notes == []
    assert len(found.trainings) == 1
    del held


def test_modules_with_comparisons_of_their_own(found: Discovery) -> None:
    class Odd(nn.Linear):
        def __eq__(self, other):
            raise RuntimeError("not to be compared")

        def __hash__(self):
            return 1

        def __bool__(self):
            raise RuntimeError("neither true nor false")

    one, two = Odd(3, 1), Odd(3, 1)
    optimizer = torch.optim.SGD([*one.parameters(), *two.parameters()], lr=0.1)
    for _ in range(6):
        update(optimizer, (one(torch.ones(2, 3)) - two(torch.ones(2, 3))).pow(2).mean())
    assert found.notes == []
    (training,) = found.trainings
    assert [id(m) for m in training.record.model.values()] == [id(one), id(two)]
    assert training.record.count == 6
    assert training.failure == ""


def test_an_optimizer_belongs_to_the_training_that_holds_most_of_it(found: Discovery) -> None:
    """A trunk learns a first task; a head is trained on it while it is frozen, and then both are."""
    trunk, first, head = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(4, 1)
    pretext, model = nn.Sequential(trunk, first), nn.Sequential(trunk, head)
    before = torch.optim.Adam(pretext.parameters())
    for _ in range(2):
        update(before, pretext(torch.ones(5, 3)).mean())
    trunk.requires_grad_(False)
    alone = torch.optim.SGD(head.parameters(), lr=0.1)
    for _ in range(3):
        update(alone, model(torch.ones(5, 3)).mean())
    trunk.requires_grad_(True)
    both = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        update(both, model(torch.ones(5, 3)).mean())
    one, two = found.trainings
    assert (one.record.optimizers, one.record.count) == (["Adam"], 2)
    assert (two.record.optimizers, two.record.count) == (["SGD", "SGD"], 7)
    assert two.record.frozen == []
    assert (one.record.continued, two.record.continued) == (True, False)
    assert two.record.rates == []


def test_weights_that_an_earlier_training_gave_are_known(found: Discovery) -> None:
    first = plain(3)
    second = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 1))
    second[0].load_state_dict(first[0].state_dict())
    second[0].requires_grad_(False)
    optimizer = torch.optim.Adam(second[3].parameters(), lr=0.01)
    for _ in range(3):
        update(optimizer, second(torch.randn(8, 3)).square().mean())
    one, two = (each.record for each in found.trainings)
    assert (one.taken_over, two.taken_over) == (frozenset(), {"0.weight"})


def test_a_network_of_no_module_is_watched(found: Discovery) -> None:
    torch.manual_seed(0)
    weights = [torch.randn(3, 8), torch.zeros(8), torch.randn(8, 1)]
    for w in weights:
        w.requires_grad_()
    optimizer = torch.optim.Adam(weights, lr=0.01)
    x = torch.randn(16, 3)
    for _ in range(4):
        update(optimizer, (torch.tanh(x @ weights[0] + weights[1]) @ weights[2] - x[:, :1]).square().mean())
    (training,) = found.trainings
    assert training.title == "weights"
    assert found.unplaced() == []
    assert [name for name, _ in training.record.parameters()] == ["weights[0]", "weights[1]", "weights[2]"]
    assert training.record.count == 4
    begun, step = training.record.steps[:2]
    assert math.isnan(begun.loss)
    assert all(p.gradient is not None for p in begun.parameters)
    assert math.isfinite(step.loss)
    assert step.line is not None
    assert step.inputs[0].shape == (16, 3)
    assert training.record.training_rows.targets[0].shape == (16, 1)
