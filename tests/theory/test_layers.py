"""Diagonal blocks against those of the dense Hessian."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fivefold.core import ArgumentError, Budget
from fivefold.objective import DataObjective
from fivefold.probability import Categorical
from fivefold.theory import layer_curvature


def blocks(one: Any) -> dict[str, torch.Tensor]:
    found, start = {}, 0
    for name, p in one.module.named_parameters():
        found[name] = one.H[start : start + p.numel(), start : start + p.numel()]
        start += p.numel()
    return found


@pytest.mark.parametrize("kind", ["dense", "cnn", "attention"])
def test_parameters_equal_the_dense_blocks(kind: str, case: Callable[[str], Any]) -> None:
    one = case(kind)
    found = layer_curvature(one.module, one.loss, (one.X, one.y), by="parameter", tolerance=1e-4)
    exact = blocks(one)
    assert list(found.blocks) == list(exact)
    scale = max(float(torch.linalg.eigvalsh(block)[-1]) for block in exact.values())
    for name, block in exact.items():
        top = float(torch.linalg.eigvalsh(block)[-1])
        # 1e-4 of the residual is 1e-8 of the value where a gap follows; 1e-5 where none does
        assert found.blocks[name].sharpness == pytest.approx(top, abs=1e-5 * scale)
        trace = found.blocks[name].trace
        assert trace is not None
        low, high = trace.interval(0.999)
        assert low - 1e-9 * scale <= float(block.trace()) <= high + 1e-9 * scale
    assert found.left_out == ()
    assert float(found.eigenvalues.max()) == found.blocks[found.sharpest].sharpness
    assert found.traces.shape == (len(exact),)


def test_layers_join_weight_and_bias(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = layer_curvature(one.module, one.loss, (one.X, one.y), k=2, tolerance=1e-5)
    assert list(found.blocks) == ["0", "2", "4"]
    first = one.H[: 6 * 12 + 12, : 6 * 12 + 12]
    exact = torch.linalg.eigvalsh(first).flip(0)
    assert torch.allclose(found.blocks["0"].eigenvalues, exact[:2], rtol=1e-7)


def test_an_objective_has_the_same_blocks(case: Callable[[str], Any]) -> None:
    one = case("dense")
    F = DataObjective(one.module, Categorical(3), (one.X, one.y))
    found = layer_curvature(F, by="parameter", tolerance=1e-4)
    exact = blocks(one)
    for name in ("2.bias", "4.weight"):
        assert found.blocks[name].sharpness == pytest.approx(
            float(torch.linalg.eigvalsh(exact[name])[-1]), rel=1e-6
        )


def test_a_budget_is_shared_out(case: Callable[[str], Any]) -> None:
    one = case("dense")
    found = layer_curvature(one.module, one.loss, (one.X, one.y), budget=Budget(steps=30))
    assert sum(each.products for each in found.blocks.values()) <= 30 + len(found.blocks)
    brief = layer_curvature(one.module, one.loss, (one.X, one.y), budget="1ms")
    assert set(brief.blocks) | set(brief.left_out) == {"0", "2", "4"}


def test_bad_arguments(case: Callable[[str], Any]) -> None:
    one = case("dense")
    with pytest.raises(ArgumentError, match="by = 'layer'"):
        layer_curvature(one.module, one.loss, (one.X, one.y), by="unit")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="k of at least 1"):
        layer_curvature(one.module, one.loss, (one.X, one.y), k=0)
    with pytest.raises(ArgumentError, match="products for each of the 3 blocks"):
        layer_curvature(one.module, one.loss, (one.X, one.y), budget=Budget(steps=2))
