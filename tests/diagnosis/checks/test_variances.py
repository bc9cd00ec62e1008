"""Gaussian likelihoods that are given variances, or deviations in their place."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.variances import check_variances

FORMS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "half": (lambda a: torch.exp(0.5 * a), True),
    "halved": (lambda a: (a / 2).exp().clamp(min=1e-3), True),
    "root": (lambda a: torch.sqrt(functional.softplus(a)) + 1e-4, True),
    "variance": (torch.exp, False),
    "of a deviation": (lambda a: torch.exp(2 * a), False),
    "squared": (lambda a: torch.exp(0.5 * a) ** 2, False),
    "softplus": (lambda a: functional.softplus(a) + 1e-4, False),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(watched, name: str) -> None:
    form, deviation = FORMS[name]
    g = torch.Generator().manual_seed(0)
    x = torch.randn(256, 3, generator=g)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(out[:, 0], y, form(out[:, 1]))

    record = watched(nn.Linear(3, 2), x, x.sum(1), loss=loss, steps=4)
    found = check_variances(record)
    assert [(f.code, f.confidence) for f in found] == ([("loss.deviation", "high")] if deviation else [])
    for f in found:
        assert f.place is not None


def test_other_losses_are_left_alone(watched, digits, network) -> None:
    assert check_variances(watched(network(64, 32, 10), *digits, steps=4)) == []
