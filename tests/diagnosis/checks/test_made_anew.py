"""Layers that are made within a forward pass."""

import torch
from torch import nn

from fivefold.diagnosis.checks.capacity import check_constant_output
from fivefold.diagnosis.checks.made_anew import check_made_anew


class Maker(nn.Module):
    """Its head is made at each call, or once."""

    def __init__(self, anew: bool) -> None:
        super().__init__()
        self.body = nn.Linear(64, 8)
        self.head = nn.Linear(8, 10)
        self.anew = anew

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = nn.Linear(8, 10) if self.anew else self.head
        return head(self.body(x).relu())


def test_a_layer_that_is_made_in_forward(watched, digits) -> None:
    record = watched(Maker(True), *digits, steps=3)
    (found,) = check_made_anew(record)
    assert (found.code, found.confidence) == ("parameters.unregistered", "high")
    assert "2 trainable parameters" in found.evidence
    assert "[10, 8], [10]" in found.evidence or "[10], [10, 8]" in found.evidence
    assert check_constant_output(record) == []  # no latent that collapsed
    assert check_made_anew(watched(Maker(False), *digits, steps=3)) == []


def test_noise_that_is_drawn_at_each_call_is_no_layer(watched, digits) -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(64, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x) + torch.randn(10, requires_grad=True)

    assert check_made_anew(watched(Noisy(), *digits, steps=3)) == []


def test_the_model_is_left_as_it_was(watched, digits) -> None:
    model = Maker(True).train()
    record = watched(model, *digits, steps=3)
    state = torch.get_rng_state()
    weights = [p.detach().clone() for p in model.parameters()]
    gradients = [p.grad if p.grad is None else p.grad.clone() for p in model.parameters()]
    check_made_anew(record)
    assert torch.equal(state, torch.get_rng_state())
    assert model.training
    assert all(torch.equal(p, w) for p, w in zip(model.parameters(), weights, strict=True))
    assert [g is None for g in gradients] == [p.grad is None for p in model.parameters()]
