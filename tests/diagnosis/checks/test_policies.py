"""Policies: how actions are chosen, and which way the loss pulls."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical

import fivefold as ff
from fivefold.diagnosis.checks.policies import check_choices, check_policy_sign, choices_in, pulls_both_ways


class Actor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.value = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x).tanh()
        return self.head(h), self.value(h).squeeze(1)


def record_of(*, sign: float = 1.0, greedy: bool = False, by_hand: bool = False):
    """The reward is a number of the input and of the action."""
    torch.manual_seed(0)
    model = Actor()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(6):
            picked, values, outcomes = [], [], []
            for _ in range(3):
                x = torch.randn(32, 4)
                logits, value = model(x)
                policy = Categorical(logits=logits)
                action = logits.argmax(1) if greedy else policy.sample()
                if by_hand:
                    picked.append(logits.log_softmax(1).gather(1, action[:, None])[:, 0])
                else:
                    picked.append(policy.log_prob(action))
                values.append(value)
                outcomes.append(x[:, 0] * (action - 1.0))
            log_prob, guess, outcome = (torch.stack(each) for each in (picked, values, outcomes))
            better = outcome - guess
            loss = -sign * (log_prob * better.detach()).mean() + 0.5 * better.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return seen.record


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_policy_gradient(by_hand: bool) -> None:
    record = record_of(by_hand=by_hand)
    assert [c.index.numel() for c in choices_in(record.tapes[-1])] == [32, 32, 32]
    assert check_policy_sign(record) == []
    assert check_choices(record) == []
    assert pulls_both_ways(record)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_missing_minus(by_hand: bool) -> None:
    found = check_policy_sign(record_of(sign=-1.0, by_hand=by_hand))
    assert [(f.code, f.confidence) for f in found] == [("loss.policy-sign", "medium")]
    shown = [y for _, y in found[0].picture.curves["correlation"]]
    assert f"correlation {min(shown):.2f} or more in {len(shown)} of" in found[0].evidence


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_best_action_always(by_hand: bool) -> None:
    found = check_choices(record_of(greedy=True, by_hand=by_hand))
    assert [(f.code, f.confidence) for f in found] == [("loss.no-exploration", "high")]
    at, chance = found[0].picture.curves["chance"][-1]
    assert f"all {at + 1:.0f} actions" in found[0].evidence
    assert f"e^{chance:.0f}" in found[0].evidence
    assert chance < found[0].picture.level[0]


def test_labels_that_are_always_the_most_probable_class(digits, watched, network) -> None:
    """A classifier that is right in every case, with a loss written by hand, chooses nothing."""
    x, y = digits

    def nll(out: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return -out.log_softmax(1).gather(1, labels[:, None]).mean()

    model = network(64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    record = watched(model, x[:64], y[:64], loss=nll, optimizer=optimizer, steps=40)
    picks = [c for tape in record.tapes for c in choices_in(tape)]
    assert picks
    assert not pulls_both_ways(record)
    assert check_choices(record) == []
    assert check_policy_sign(record) == []
