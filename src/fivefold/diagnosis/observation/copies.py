"""Copies of a watched model that a script evaluates in its stead: averages of its weights, kept states."""

import gc
import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

MOST_COPIES = 8


@dataclass(slots=True)
class CopySeen:
    """A copy of a watched model.

    Attributes:
        module: The copy, as long as it lives.
        called: Updates of the model before its last call.
        evaluated: Updates before each of its evaluations.
        first: Sums of its weights and of its buffers when it was found.
        moved: Whether its weights were others at its last evaluation.
        buffers_moved: Whether its buffers were.
        apart: Distance of its weights from the model's at its last evaluation, in norms of its own.
        buffers_apart: The same of buffers; 0 where it has none.
        left: Share of the model's way since then that its weights had not gone by its last evaluation.
    """

    module: "weakref.ref[nn.Module]"
    called: int
    first: tuple[tuple[float, ...], tuple[float, ...]]
    evaluated: list[int] = field(default_factory=list)
    moved: bool = False
    buffers_moved: bool = False
    apart: float = 0.0
    buffers_apart: float = 0.0
    left: float = 0.0

    def evaluate(self, model: nn.Module, after: int) -> None:
        """Take note of an evaluation.

        Args:
            model: What it is a copy of.
            after: Updates before it.
        """
        copy = self.module()
        if copy is None:
            return
        weights, buffers = sums(copy)
        self.evaluated.append(after)
        self.moved, self.buffers_moved = weights != self.first[0], buffers != self.first[1]
        self.apart = _distance(list(copy.parameters()), list(model.parameters()))
        self.left = _left(self.first[0], weights, _sums(list(model.parameters())))
        self.buffers_apart = _distance(_floating(copy), _floating(model))


def copies_of(model: nn.Module, known: Sequence[nn.Module]) -> list[nn.Module]:
    """Return the modules that are there of a model's class, with weights of the same names and shapes.

    Those that share a weight with the model are none; at most :data:`MOST_COPIES` are returned.

    Args:
        model: A watched model.
        known: Modules that are left out.

    >>> model, other = nn.Linear(2, 3), nn.Linear(2, 3)
    >>> any(each is other for each in copies_of(model, [])), copies_of(model, [other]) == []
    (True, True)
    """
    shapes, kind = _shapes(model), type(model)
    own, out = {id(p) for p in model.parameters()}, {id(model), *map(id, known)}
    if not shapes:
        return []
    # By the type, since asking an object for its class may run code of its own.
    alike = [each for each in gc.get_objects() if type(each) is kind and id(each) not in out]
    found = [c for c in alike if _shapes(c) == shapes and not any(id(p) in own for p in c.parameters())]
    return found[:MOST_COPIES]


def sums(module: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return sums of a module's weights and of its floating buffers, tensor by tensor."""
    return _sums(list(module.parameters())), _sums(_floating(module))


def _left(first: Sequence[float], copy: Sequence[float], model: Sequence[float]) -> float:
    r"""Share :math:`\langle c - m, f - m\rangle / \|f - m\|^2` of the way from f to m that c has not gone."""
    way = [f - m for f, m in zip(first, model, strict=True)]
    length = math.fsum(w * w for w in way)
    still = math.fsum((c - m) * w for c, m, w in zip(copy, model, way, strict=True))
    return still / length if length > 0.0 else 0.0


def _sums(tensors: Sequence[Tensor]) -> tuple[float, ...]:
    return tuple(float(t.detach().sum(dtype=torch.float64)) for t in tensors)


def _floating(module: nn.Module) -> list[Tensor]:
    return [b for b in module.buffers() if b.is_floating_point()]


def _shapes(module: nn.Module) -> tuple[tuple[str, torch.Size], ...]:
    if "_parameters" not in vars(module):  # one that was never made ready
        return ()
    return tuple((name, p.shape) for name, p in module.named_parameters() if hasattr(p, "shape"))


def _distance(copy: Sequence[Tensor], model: Sequence[Tensor]) -> float:
    if not copy or [t.shape for t in copy] != [t.shape for t in model]:
        return 0.0
    far = sum(
        float((m.detach() - c.detach()).double().square().sum()) for c, m in zip(copy, model, strict=True)
    )
    size = sum(float(c.detach().double().square().sum()) for c in copy)
    return math.sqrt(far / max(size, 1e-30))
