"""A tape gives the loss of a step again, to the bit, and leaves what it plays on as it was."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.observation.calls import Calls, push, remove
from fivefold.diagnosis.observation.tape import Tape, changed, inner


def taped(model: nn.Module, x: torch.Tensor, loss_of) -> tuple[Tape, torch.Tensor]:
    tape = Tape({id(p): p for p in model.parameters()})
    tape.open()
    mode = Calls(tape.record, lambda seconds: None)
    out = model(x)
    tape.record_module(model, (x,), {}, out)
    push(mode)
    loss = loss_of(out)
    remove(mode)
    tape.finish(loss)
    return tape, loss


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def test_same_loss_with_dropout_and_a_penalty_on_the_weights() -> None:
    model, x, y = network(), torch.randn(16, 4), torch.randint(3, (16,))

    def loss_of(out: torch.Tensor) -> torch.Tensor:
        penalty = sum(p.pow(2).sum() for p in model.parameters())
        return functional.cross_entropy(out[:, :3].reshape(-1, 3), y) + 1e-3 * penalty

    tape, loss = taped(model, x, loss_of)
    state = torch.get_rng_state()
    statistics = {k: v.clone() for k, v in model.state_dict().items()}
    assert torch.equal(tape.play(), loss)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, statistics[k]) for k, v in model.state_dict().items())
    # The penalty belongs to the loss, so other weights give another loss: exactly the one a fresh pass gives.
    with torch.no_grad():
        model[0].weight.add_(0.1)
    torch.set_rng_state(tape.conditions.generator)
    assert torch.equal(tape.play(), loss_of(model(x)))
    assert not torch.equal(tape.play(), loss)


def test_gradient_of_a_played_loss() -> None:
    model, x = nn.Linear(4, 1), torch.randn(8, 4)
    tape, loss = taped(model, x, lambda out: (out.squeeze(1) - 1.0).square().mean())
    expected = torch.autograd.grad(loss, model.weight)[0]
    assert torch.equal(torch.autograd.grad(tape.play(), model.weight)[0], expected)


def test_results_in_place_and_by_index() -> None:
    model, x = nn.Linear(4, 4), torch.randn(8, 4)

    def loss_of(out: torch.Tensor) -> torch.Tensor:
        kept = torch.zeros(8, 4)
        kept = kept + out
        kept[:, 0] = out[:, 1] * 2
        kept.mul_(3.0)
        return kept.sum()

    tape, loss = taped(model, x, loss_of)
    assert torch.equal(tape.play(), loss)


def test_replaced_arguments_reach_the_module() -> None:
    model, x = nn.Linear(4, 2), torch.randn(8, 4)
    tape, _ = taped(model, x, lambda out: out.sum())
    assert torch.equal(tape.outputs(replace={0: (2 * x,)})[0][0], model(2 * x))


@pytest.mark.parametrize(
    ("loss_of", "why"),
    [
        (lambda out: torch.ones((), requires_grad=True), "not made from what the model returned"),
        (lambda out: out * 1.0, "not a single number"),
    ],
)
def test_says_why_it_cannot_be_played(loss_of, why: str) -> None:
    tape, _ = taped(nn.Linear(4, 2), torch.randn(3, 4), loss_of)
    assert not tape.playable
    assert why in tape.why_not
    with pytest.raises(RuntimeError, match="cannot"):
        tape.play()


def test_wrappers_are_taken_off_and_structures_kept() -> None:
    model = nn.Linear(2, 2)
    assert inner(torch.compile(model, backend="eager")) is model
    assert inner(model) is model
    a = torch.ones(2)
    found = changed(({"x": a}, [3, a]), lambda t: 2 * t)
    assert torch.equal(found[0]["x"], 2 * a)
    assert found[1][0] == 3


class Policy(nn.Module):
    """Gives a distribution, not a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.distributions.Categorical:
        return torch.distributions.Categorical(logits=self.head(x))


def test_what_is_asked_of_a_distribution_follows_the_weights_and_what_was_drawn_stays() -> None:
    torch.manual_seed(0)
    model, x, better = Policy(), torch.randn(64, 4), torch.randn(64)
    drawn: list[torch.Tensor] = []

    def loss_of(policy: torch.distributions.Categorical) -> torch.Tensor:
        if not drawn:
            torch.randn(100)  # drawn between, as an environment does
            drawn.append(policy.sample())
        return -(policy.log_prob(drawn[0]) * better).mean() - 0.01 * policy.entropy().mean()

    tape, loss = taped(model, x, loss_of)
    assert not tape.partial
    assert torch.equal(tape.play(), loss)
    expected = torch.autograd.grad(loss, model.head.weight)[0]
    torch.testing.assert_close(torch.autograd.grad(tape.play(), model.head.weight)[0], expected)
    with torch.no_grad():
        model.head.weight.add_(0.3)
    torch.testing.assert_close(tape.play(), loss_of(model(x)))


def test_a_part_of_the_loss_that_the_tape_does_not_know() -> None:
    """What a model leaves in an attribute has a derivative and is none of its outputs."""

    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.penalty = self.layer.weight.square().sum()
            return self.layer(x)

    model, x = Keeps(), torch.randn(8, 4)
    assert taped(model, x, lambda out: out.square().mean() + model.penalty)[0].partial
    assert not taped(model, x, lambda out: out.square().mean() + model.penalty.detach())[0].partial
    # Beside the loss it does no harm.
    tape, _ = taped(model, x, lambda out: (out + model.penalty, out.square().mean())[1])
    assert not tape.partial


def test_what_was_detached_stands_still_along_an_update() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(4, 2), torch.randn(16, 4)

    def loss_of(out: torch.Tensor, weigh: torch.Tensor | None = None) -> torch.Tensor:
        return (out[:, 0] * (out[:, 1].detach() if weigh is None else weigh)).mean()

    tape, loss = taped(model, x, loss_of)
    weigh = model(x)[:, 1].detach().clone()
    held = tape.detached_held()
    with torch.no_grad():
        model.weight.add_(0.5)
    assert not torch.equal(tape.play(), loss)
    torch.testing.assert_close(held.play(), loss_of(model(x), weigh))
    assert not torch.allclose(held.play(), tape.play())
    plain, _ = taped(model, x, lambda out: out.square().mean())
    assert plain.detached_held() is plain
