"""What a loss was given, and what it is made of."""

import pytest
import torch
from torch.nn import functional

from fivefold.diagnosis.checks.played import given_at, losses_on, numbers_on, terms_of


def test_what_a_loss_was_given(watched, digits, network) -> None:
    model = network(64, 8, 10)
    record = watched(model, *digits, steps=2)
    tape = record.tapes[-1]
    (place,) = losses_on(tape)
    given = given_at(tape, place)
    x = tape.entries[0].args[0]
    assert torch.equal(given["input"], model(x).detach())
    assert given["target"].shape == (32,)
    other = torch.ones(32, 10)
    assert torch.equal(given_at(tape, place, instead={0: other})["input"], other)


def test_terms_and_their_factors(watched, digits, network) -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out, y) / 2 + 3 * (0.1 * out.pow(2).mean() + out.abs().mean())

    tape = watched(network(64, 8, 10), *digits, loss=loss, steps=2).tapes[-1]
    terms = terms_of(tape)
    assert sorted(factor for _, factor in terms) == pytest.approx([0.3, 0.5, 3.0])
    assert sum(factor * float(term.play().detach()) for term, factor in terms) == pytest.approx(
        float(tape.play().detach())
    )
    assert sorted(numbers_on(tape)) == [0.1, 2.0, 3.0]
