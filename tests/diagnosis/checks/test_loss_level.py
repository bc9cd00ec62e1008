"""Losses whose level says how far a training has come, and others."""

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical, Normal
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.fit_quality import check_unfinished
from fivefold.diagnosis.checks.loss_level import draws_its_data, level_tells, steps_of_one, takes_turns
from fivefold.diagnosis.checks.rates import check_rate_too_high
from fivefold.diagnosis.observation.record import Record, Step


class Actor(nn.Module):
    """A policy, given as the distribution itself or as numbers, and a value."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.body, self.head, self.value = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor):
        h = self.body(x).tanh()
        if self.kind == "distribution":
            return Categorical(logits=self.head(h)), self.value(h)
        return self.head(h), self.value(h)


def policy_of(kind: str, out: torch.Tensor):
    if kind == "distribution":
        return out
    if kind == "normal":
        return Normal(out, torch.ones_like(out))
    return Bernoulli(logits=out) if kind == "bernoulli" else Categorical(logits=out)


@pytest.mark.parametrize("kind", ["distribution", "logits", "normal", "bernoulli"])
def test_a_policy_gradient(kind: str) -> None:
    """A reward for the first action, by the gradient of log-probabilities times advantages."""
    torch.manual_seed(0)
    model = Actor(kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(40):
            terms = []
            for _ in range(4):
                out, value = model(torch.randn(16, 4))
                policy = policy_of(kind, out)
                action = policy.sample()
                log_prob = policy.log_prob(action)
                log_prob = log_prob.sum(1) if log_prob.ndim > 1 else log_prob
                first = action if action.ndim == 1 else action[:, 0]
                reward = -(first.float() - 1.0).abs()
                advantage = reward - value.squeeze(1)
                terms.append(-log_prob * advantage.detach() + advantage.square())
            optimizer.zero_grad()
            torch.cat(terms).mean().backward()
            optimizer.step()
    record = seen.record
    assert draws_its_data(record)
    assert not level_tells(record)
    assert check_rate_too_high(record) == []
    assert check_unfinished(record) == []
    # The tape holds the policy's part too: the loss played again is that seen, and follows the weights.
    tape = record.tapes[-1]
    assert not tape.partial
    assert float(tape.play().detach()) != pytest.approx(tape.value, rel=1e-7)
    assert all(s.line is not None and s.line.own[0] == pytest.approx(s.loss, rel=1e-5) for s in record.steps)


def test_texts_that_the_model_goes_on_with_itself_have_given_labels() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(6):
            x, y = torch.randn(16, 4), torch.randint(3, (16,))
            first = model(x)
            drawn = torch.multinomial(first.softmax(1), 1)
            second = model(x + drawn.float())
            optimizer.zero_grad()
            (functional.cross_entropy(first, y) + functional.cross_entropy(second, y)).backward()
            optimizer.step()
    assert any(o.function == "draw" for o in seen.record.steps[-1].operations)
    assert not draws_its_data(seen.record)
    assert level_tells(seen.record)


def test_noise_that_is_not_the_models_is_no_draw(watched, digits, network) -> None:
    def noisy(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        kept = torch.bernoulli(torch.full_like(out, 0.5))
        return functional.cross_entropy(out * kept + torch.normal(0.0, 1.0, out.shape), y)

    record = watched(network(64, 16, 10), *digits, loss=noisy, steps=3)
    assert not any(o.function == "draw" for s in record.steps for o in s.operations)
    assert level_tells(record)


def test_a_loss_below_zero() -> None:
    assert level_tells(Record(steps=[Step(0, loss=1.0), Step(1, loss=0.5)]))
    assert not level_tells(Record(steps=[Step(0, loss=1.0), Step(1, loss=-0.5)]))


@pytest.mark.parametrize("turns", [True, False])
def test_two_optimizers(turns: bool) -> None:
    torch.manual_seed(0)
    generator, critic = nn.Linear(2, 4), nn.Linear(4, 1)
    one = torch.optim.SGD(generator.parameters(), lr=0.01)
    other = torch.optim.SGD(critic.parameters(), lr=0.01)
    with ff.watch({"g": generator, "d": critic}, [one, other], every=1) as seen:
        for _ in range(4):
            z, x = torch.randn(8, 2), torch.randn(8, 4)
            one.zero_grad()
            other.zero_grad()
            if turns:
                loss = functional.softplus(critic(generator(z).detach())) + functional.softplus(-critic(x))
                loss.mean().backward()
                other.step()
                functional.softplus(-critic(generator(z))).mean().backward()
                one.step()
            else:
                (critic(generator(z)) - 1.0).square().mean().backward()
                one.step()
                other.step()
    assert takes_turns(seen.record) is turns
    assert len(steps_of_one(seen.record)) == len(seen.record.steps) / (2 if turns else 1)
    assert level_tells(seen.record) is not turns
