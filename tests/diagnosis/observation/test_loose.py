"""Networks that are written out."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fivefold.diagnosis.observation.loose import First, Loose, LooseCalls, calls_of, loose, matrix_of
from fivefold.diagnosis.observation.watcher import Watcher


def made(*shapes: tuple[int, ...]) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape).requires_grad_() for shape in shapes]


def trained(weights: list[Tensor], held: list[Tensor], forward: Callable[[Tensor], Tensor]) -> Watcher:
    optimizer = torch.optim.SGD(held, lr=0.01)
    module = Loose({f"w{i}": w for i, w in enumerate(weights) if any(w is h for h in held)})
    watcher = Watcher({"": module}, [optimizer], every=1)
    watcher.attach()
    for _ in range(5):
        optimizer.zero_grad()
        forward(torch.randn(6, 3)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(held, 1.0)
        optimizer.step()
    watcher.detach()
    return watcher


def test_a_tape_without_a_module_gives_the_same_loss_again() -> None:
    weights = made((3, 4), (4,), (4, 2))
    seen = trained(weights, weights, lambda x: functional.dropout(x @ weights[0] + weights[1]) @ weights[2])
    for step in seen.record.steps:
        assert step.line is not None
        assert abs(step.line.own[0] - step.loss) <= 1e-6 * step.loss
        assert step.inputs[0].shape == (6, 3)
        assert not step.stale
        assert not step.forward_after_backward
    assert seen.record.notes == []


def test_a_weight_that_the_optimizer_was_not_given() -> None:
    weights = made((3, 4), (4,), (4, 2))
    seen = trained(weights, weights[1:], lambda x: torch.tanh(x @ weights[0] + weights[1]) @ weights[2])
    assert seen.record.outside == ["a tensor [3, 4]"]


def test_what_is_differentiated_by_is_no_weight() -> None:
    weights = made((3, 4), (4,), (4, 1))
    points = torch.randn(6, 3, requires_grad=True)

    def slopes(x: Tensor) -> Tensor:
        out = torch.tanh(points @ weights[0] + weights[1]) @ weights[2]
        return torch.autograd.grad(out.sum(), points, create_graph=True)[0]

    assert trained(weights, weights, slopes).record.outside == []


def test_names_are_free_and_attributes_no_calls() -> None:
    one, two = made((2, 2), (2,))
    module = Loose({"w": one})
    module.hold("w", two)
    assert [name for name, _ in module.named_parameters()] == ["w", "w'"]
    calls = LooseCalls(module, lambda: None)
    assert calls.uses(Tensor.grad.__get__, (one,), {}, 0) == (False, [])
    data = torch.ones(3)
    own, given = calls.uses(torch.add, (one, data), {}, 0)
    assert own
    assert given[0] is data
    assert calls_of({"": torch.nn.Linear(1, 1)}, lambda: None) is None
    assert not loose([torch.nn.Parameter(one.detach()), two])


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (torch.matmul, 1, False),
        (Tensor.__matmul__, 1, False),
        (functional.linear, 1, True),
        (torch.addmm, 2, False),
    ],
)
def test_which_argument_is_the_matrix(function, args: int, expected: bool) -> None:
    (matrix,) = made((3, 4))
    given = [torch.ones(2, 3)] * args + [matrix]
    found = matrix_of(function, given)
    assert found is not None
    assert found[0] is matrix
    assert found[1] is expected
    assert matrix_of(torch.add, given) is None
    assert matrix_of(function, given[:1]) is None


def test_alike_by_units_and_by_inputs() -> None:
    first = First.of(torch.tensor([[1.0, 2.0], [1.0, 2.0]]))
    assert (first.alike(units=True, rows=True), first.alike(units=True, rows=False)) == (True, False)
    assert (first.alike(units=False, rows=True), first.alike(units=False, rows=False)) == (False, True)
