"""Outputs that depend on layers and get no derivative from them."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.cut_paths import check_cut_paths


class Drawn(nn.Module):
    """An autoencoder whose code is drawn; the first output is the picture, the second the code's mean."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.encoder, self.decoder, self.how = nn.Linear(64, 4), nn.Linear(4, 64), how

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = self.encoder(x)
        if self.how == "sample":
            code = torch.distributions.Normal(mean, 1.0).sample()
        elif self.how == "rsample":
            code = torch.distributions.Normal(mean, 1.0).rsample()
        else:
            code = mean.detach()
        return self.decoder(code), mean


def loss(out: tuple[torch.Tensor, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(out[0], x) + out[1].square().mean()


@pytest.mark.parametrize(
    ("how", "confidence"), [("sample", "high"), ("detached", "medium"), ("rsample", None)]
)
def test_where_the_graph_is_cut(watched, digits, how: str, confidence: str | None) -> None:
    x = digits[0]
    model = Drawn(how)
    record = watched(model, x, x, loss=loss, steps=3)
    before = model.encoder.weight.clone()
    found = check_cut_paths(record)
    assert [(f.code, f.confidence) for f in found] == (
        [("gradient.detached", confidence)] if confidence else []
    )
    assert torch.equal(model.encoder.weight, before)


def test_outputs_that_have_layers_of_their_own(watched, digits) -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.one, self.two = nn.Linear(64, 8), nn.Linear(8, 10), nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = self.body(x).relu()
            return self.one(h), self.two(h)

    def both(out: tuple[torch.Tensor, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out[0], y) + functional.cross_entropy(out[1], y % 2)

    assert check_cut_paths(watched(Heads(), *digits, loss=both, steps=3)) == []


def test_a_cut_that_leaves_layers_without_any_gradient(watched, digits) -> None:
    """Nothing else asks for the encoder, which the optimizer holds: no part that only reads on purpose."""
    x = digits[0]
    record = watched(Drawn("detached"), x, x, loss=lambda out, y: functional.mse_loss(out[0], y), steps=3)
    (found,) = check_cut_paths(record)
    assert (found.code, found.confidence) == ("gradient.detached", "high")
    assert "no gradient at any of its updates" in found.evidence
