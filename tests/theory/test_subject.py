"""Modules and objectives are read in one way."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.objective import DataObjective, Objective
from fivefold.probability import Categorical
from fivefold.theory.subject import examine


@pytest.mark.parametrize("kind", ["dense", "cnn", "attention"])
def test_value_gradient_and_matrix_are_the_modules(kind: str, case: Callable[[str], Any]) -> None:
    one = case(kind)
    data = [(one.X[:15], one.y[:15]), (one.X[15:], one.y[15:])]
    found = examine(one.module, one.loss, data)
    value = one.loss(one.module(one.X), one.y)
    exact = torch.cat([g.reshape(-1) for g in torch.autograd.grad(value, list(one.module.parameters()))])
    assert found.value(found.w) == pytest.approx(float(value.detach()), rel=1e-12)
    assert torch.allclose(found.gradient(), exact, atol=1e-13)
    assert torch.allclose(found.operator.to_dense(), one.H, atol=1e-11)
    assert sum(found.sizes.values()) == len(found.w)
    assert [part.stop - part.start for _, part in found.blocks()] == list(found.sizes.values())


def test_an_objective_is_itself(case: Callable[[str], Any]) -> None:
    one = case("dense")
    F = DataObjective(one.module, Categorical(3), (one.X, one.y))
    found = examine(F, None, None)
    assert torch.allclose(found.operator.to_dense(), one.H, atol=1e-10)
    assert list(found.sizes) == [name for name, _ in one.module.named_parameters()]
    assert found.value(found.w) == float(F.value(F.initial))
    assert torch.equal(found.gradient(), F.gradient(F.initial))


def test_bad_arguments(case: Callable[[str], Any]) -> None:
    one = case("dense")
    F = Objective.from_function(lambda w: w @ w, torch.zeros(3))
    with pytest.raises(ArgumentError, match="matrix as one of"):
        examine(F, None, None, matrix="fisher")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="an objective alone"):
        examine(F, one.loss, None)
    with pytest.raises(ArgumentError, match="one point of shape"):
        examine(F, None, None, w=torch.zeros(2))
    with pytest.raises(ArgumentError, match="DataObjective for the Gauss-Newton"):
        examine(F, None, None, matrix="gauss-newton")
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module"):
        examine(3, one.loss, one.X)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="loss= and data="):
        examine(one.module, one.loss, None)
    with pytest.raises(ArgumentError, match="own parameters"):
        examine(one.module, one.loss, (one.X, one.y), w=torch.zeros(2))
