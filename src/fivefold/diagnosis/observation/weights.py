"""What a step does to every parameter: norms of weights, gradients and changes, in a few calls."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from fivefold.diagnosis.observation.record import FirstWeights, Group, Line, ParameterStep
from fivefold.diagnosis.observation.tape import Tape


@torch.no_grad()
def norms(tensors: Sequence[Tensor]) -> list[float]:
    """Return Euclidean norms.

    Args:
        tensors: Any shapes, on any devices.

    >>> norms([torch.tensor([3.0, 4.0]), torch.zeros(2)])
    [5.0, 0.0]
    """
    if not tensors:
        return []
    dense = [t.coalesce().values() if t.is_sparse else t for t in tensors]
    found = torch._foreach_norm([t if t.is_floating_point() else t.float() for t in dense])
    return [float(x) for x in torch.stack([n.double().cpu() for n in found]).tolist()]


LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.Bilinear, nn.MultiheadAttention)
WEIGHTS = ("weight", "in_proj_weight")
MULTIPLES = (0.0, 1.0, 4.0, 16.0, 64.0)


@torch.no_grad()
def first_weights(modules: Iterable[tuple[str, nn.Module]]) -> list[FirstWeights]:
    """Describe the weights of all linear, convolutional and recurrent layers.

    Args:
        modules: Modules with their names.
    """
    found = []
    for name, module in modules:
        for attribute, parameter in module._parameters.items():
            if parameter is None or parameter.ndim < 2 or not attribute.startswith(WEIGHTS):
                continue
            if isinstance(module, nn.Embedding | nn.EmbeddingBag) or not isinstance(module, LAYERS):
                continue
            w = parameter.detach().float()
            rows = w.reshape(len(w), -1)
            alike = len(rows) > 1 and bool(torch.equal(rows, rows[:1].expand_as(rows)))
            std = float(rows.std(correction=0))
            shown = name if attribute == "weight" else f"{name}.{attribute}" if name else attribute
            gain = std * math.sqrt(rows.shape[1])
            found.append(
                FirstWeights(shown, type(module).__name__, rows.shape[1], len(rows), std, gain, alike)
            )
    return found


class StepMeasure:
    """Measures one update: made right before it, asked right after.

    Args:
        parameters: Named parameters.
    """

    @torch.no_grad()
    def __init__(self, parameters: Sequence[tuple[str, Tensor]]) -> None:
        self._parameters = list(parameters)
        held = [p.detach() for _, p in self._parameters]
        self._before = [p.clone() for p in held]
        self._weights = norms(held)
        with_gradient = [i for i, (_, p) in enumerate(self._parameters) if p.grad is not None]
        self._raw = {i: g for i in with_gradient if (g := self._parameters[i][1].grad) is not None}
        self._gradients = dict(zip(with_gradient, norms(list(self._raw.values())), strict=True))
        # The optimizer may clear or change gradients; the slope is asked for after the update.
        self._raw = {i: g.detach().clone() for i, g in self._raw.items() if not g.is_sparse}

    @torch.no_grad()
    def finish(self) -> list[ParameterStep]:
        """Return what the update did."""
        changes = norms([p.detach() - b for (_, p), b in zip(self._parameters, self._before, strict=True)])
        return [
            ParameterStep(name, self._weights[i], self._gradients.get(i), changes[i], p.numel())
            for i, (name, p) in enumerate(self._parameters)
        ]

    @torch.no_grad()
    def line(self, tape: Tape, other: Tape | None) -> Line:
        """Return the loss along the update; the weights end as they were found, to the bit.

        Larger multiples are tried as long as the loss keeps falling.

        Args:
            tape: The update's own forward pass.
            other: An earlier one.
        """
        parameters = [p for _, p in self._parameters]
        after = [p.detach().clone() for p in parameters]
        changes = [a - b for a, b in zip(after, self._before, strict=True)]
        slope = sum(float((self._raw[i].double() * changes[i].double()).sum()) for i in self._raw)
        multiples: list[float] = []
        own: list[float] = []
        others: list[float] = []
        try:
            for multiple in MULTIPLES:
                for p, b, d in zip(parameters, self._before, changes, strict=True):
                    p.data.copy_(b + multiple * d)
                multiples.append(multiple)
                own.append(float(tape.play()))
                if other is not None:
                    others.append(float(other.play()))
                if len(own) > 1 and not own[-1] < own[-2]:
                    break
        finally:
            for p, a in zip(parameters, after, strict=True):
                p.data.copy_(a)
        return Line(slope, tuple(multiples), tuple(own), tuple(others))


def groups_of(optimizer: torch.optim.Optimizer, names: dict[int, str]) -> list[Group]:
    """Return the settings of an optimizer's groups.

    Args:
        optimizer: Any optimizer of torch's kind.
        names: Names of parameters by their identity.
    """
    found = []
    for group in optimizer.param_groups:
        settings: dict[str, float] = {}
        for key, value in group.items():
            if isinstance(value, bool | int | float) or (isinstance(value, Tensor) and value.numel() == 1):
                settings[key] = float(value)
            elif key == "betas":
                settings |= {f"beta{i + 1}": float(b) for i, b in enumerate(value)}
        held = tuple(names.get(id(p), "") for p in group["params"])
        found.append(Group(type(optimizer).__name__, settings, held))
    return found
