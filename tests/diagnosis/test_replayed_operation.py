"""Operations made again."""

import math

import pytest
import torch

from fivefold.core import ArtifactError
from fivefold.diagnosis.replayed_operation import Replay


def test_a_result() -> None:
    x = torch.tensor([[4.0, 1.0], [-1.0, 0.0]])
    found = Replay("log.default", (x,)).run()
    assert found.again
    assert found.where == (1, 0)
    assert math.isnan(found.value)
    assert found.share == 0.5
    assert not Replay("log1p.default", (x + 1.0,)).run().again


def test_a_derivative_is_that_of_autograd() -> None:
    x = torch.tensor([4.0, 9.0])
    g = torch.tensor([1.0, 3.0])
    found = Replay("sqrt.default", (x,), gradient=(g,)).run()
    assert torch.allclose(found.results[0], g / (2 * x.sqrt()))
    assert not found.again
    assert Replay("sqrt.default", (x * 0,), gradient=(g,)).run().again


def test_what_it_was_given_is_left_as_it_was() -> None:
    mean, x = torch.zeros(3), torch.randn(4, 3)
    replay = Replay("native_batch_norm.default", (x, None, None, mean, torch.ones(3), True, 0.1, 1e-5))
    replay.run()
    assert mean.equal(torch.zeros(3))
    Replay("sqrt.default", (x,), gradient=(x,)).run()
    assert not x.requires_grad


def test_a_gradient_that_does_not_fit_does_nothing() -> None:
    assert not Replay("sqrt.default", (torch.zeros(2),), gradient=(torch.ones(3),)).run().again
    assert not Replay("sqrt.default", (torch.zeros(2),), gradient=(None,)).run().again


def test_another_operation_is_refused() -> None:
    with pytest.raises(ArtifactError, match="may name"):
        Replay("from_file.default", ()).run()


def test_arguments_that_the_operation_refuses_when_it_runs() -> None:
    q = torch.ones(1, 1, 4, 8)
    for replay in (
        Replay("_scaled_dot_product_flash_attention_for_cpu.default", (q, q, q, 0.5)),
        Replay("embedding.default", (torch.ones(3, 2), torch.tensor([7]))),
        Replay("index_select.default", (torch.ones(3, 2), 0, torch.tensor([7]))),
        Replay("nll_loss_forward.default", (torch.ones(2, 3), torch.tensor([7, 1]), None, 1, -100)),
        Replay("gather.default", (torch.ones(3, 2), 0, torch.tensor([[7]]))),
    ):
        with pytest.raises(ArtifactError, match="takes"):
            replay.run()


def test_the_table() -> None:
    replay = Replay(
        "div.Tensor",
        (torch.tensor([1.0, 2.0, math.inf]), torch.tensor([1.0, 0.0, 1.0])),
        function="div",
        module="layers.1",
        path="train.py",
        line=7,
        batch=3,
        row=5,
        note="not in the file: the weights",
    )
    assert str(replay).splitlines() == [
        "div.Tensor (called as div) in layers.1, update 3",
        "at train.py, line 7",
        "given  shape  type     lowest  highest  not finite",
        "self   [3]    float32  1       2        1",
        "other  [3]    float32  0       1",
        "made again, it gives inf at [1]: 66.67% of [3] is not finite",
        "  self there: 2",
        "  other there: 0",
        "kept: row 5 alone, since all of it is too large",
        "not in the file: the weights",
    ]
    said = str(Replay("exp.default", (torch.ones(2),), gradient=(torch.ones(2),)))
    assert said.startswith("the derivative of exp.default, update 0")
    assert said.endswith("made again with this version of torch, it gives finite numbers")
    assert [name for name, _ in Replay("cat.default", ([torch.ones(1), torch.ones(1)],)).named()] == [
        "tensors[0]",
        "tensors[1]",
    ]
