"""What a step does to every parameter: norms of weights, gradients and changes, in a few calls."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fivefold.diagnosis.observation.record import FirstWeights, Group, Line, ParameterStep
from fivefold.diagnosis.observation.step import MULTIPLES
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


SOME = 8


def some_norms(named: Sequence[tuple[str, Tensor]]) -> tuple[float, ...]:
    """Return the Euclidean norms of at most eight parameters, evenly spaced, that tell a state from another.

    Args:
        named: Parameters with their names.

    >>> some_norms([("a", torch.tensor([3.0, 4.0])), ("b", torch.zeros(2))])
    (5.0, 0.0)
    """
    known = [p.detach() for _, p in named if not is_lazy(p) and not p.is_meta and not p.is_complex()]
    return tuple(norms(known[:: math.ceil(len(known) / SOME)])) if known else ()


LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.Bilinear, nn.MultiheadAttention)
WEIGHTS = ("weight", "in_proj_weight")


@torch.no_grad()
def first_weights(modules: Iterable[tuple[str, nn.Module]]) -> list[FirstWeights]:
    """Describe the weights of all linear, convolutional and recurrent layers, and tables of embeddings.

    Of a table, a unit is one number of an embedding, which reads one example: its gain is its deviation.

    Args:
        modules: Modules with their names.
    """
    found = []
    for name, module in modules:
        for attribute, parameter in module._parameters.items():
            if parameter is None or not attribute.startswith(WEIGHTS) or is_lazy(parameter):
                continue
            if parameter.ndim < 2 or parameter.is_meta:  # there are no numbers yet
                continue
            if isinstance(module, nn.Embedding | nn.EmbeddingBag):
                width, std = parameter.shape[1], float(parameter.detach().float().std(correction=0))
                found.append(FirstWeights(name, type(module).__name__, 1, width, std, std, False))
                continue
            if not isinstance(module, LAYERS):
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
        late: Whether gradients are taken inside the update, by a closure, so that they are known after it.
        factor: What the gradients were multiplied by, which the optimizer undoes itself.
    """

    @torch.no_grad()
    def __init__(
        self, parameters: Sequence[tuple[str, Tensor]], *, late: bool = False, factor: float = 1.0
    ) -> None:
        self._parameters = [(name, p) for name, p in parameters if not is_lazy(p) and not p.is_meta]
        held = [p.detach() for _, p in self._parameters]
        self._before = [p.clone() for p in held]
        self._weights = norms(held)
        self._gradients: dict[int, float] = {}
        self._raw: dict[int, Tensor] = {}
        self._changes: list[Tensor] = []
        self._late, self._factor = late, factor
        if not late:
            self._read()

    def _read(self) -> None:
        raw = {i: g.detach() for i, (_, p) in enumerate(self._parameters) if (g := p.grad) is not None}
        found = [norm / self._factor for norm in norms(list(raw.values()))]
        self._gradients = dict(zip(raw, found, strict=True))
        # The optimizer may clear or change gradients; the slope is asked for after the update.
        self._raw = {i: (g.to_dense() if g.is_sparse else g).clone() for i, g in raw.items()}

    @torch.no_grad()
    def finish(self) -> list[ParameterStep]:
        """Return what the update did."""
        if self._late:
            self._read()
        self._changes = [p.detach() - b for (_, p), b in zip(self._parameters, self._before, strict=True)]
        changes = norms(self._changes)
        return [
            ParameterStep(name, self._weights[i], self._gradients.get(i), changes[i], p.numel())
            for i, (name, p) in enumerate(self._parameters)
        ]

    @contextmanager
    def at_start(self) -> Iterator[None]:
        """Be at the weights before the update; they end as they were found, to the bit."""
        after = [p.detach().clone() for _, p in self._parameters]
        try:
            for (_, p), b in zip(self._parameters, self._before, strict=True):
                p.data.copy_(b)
            yield
        finally:
            for (_, p), a in zip(self._parameters, after, strict=True):
                p.data.copy_(a)

    def moved(self, held: set[int]) -> tuple[list[tuple[str, Tensor]], list[Tensor]]:
        """Return the parameters that had a gradient at the update, and what it changed them by.

        Args:
            held: Identities of the parameters that are meant.
        """
        at = [i for i, (_, p) in enumerate(self._parameters) if i in self._gradients and id(p) in held]
        return [self._parameters[i] for i in at], [self._changes[i] for i in at]

    @torch.no_grad()
    def line(self, tape: Tape, seconds: float = math.inf) -> Line:
        """Return the loss along the update; the weights end as they were found, to the bit.

        Larger multiples are tried as long as the loss keeps falling, and as the time lasts.

        Args:
            tape: The update's own forward pass.
            seconds: That larger multiples than that of the update itself may lead to.

        Raises:
            ValueError: Played again, the pass gives another loss than it gave, without the script's hooks.
        """
        parameters = [p for _, p in self._parameters]
        slope = sum(float((g.double() * self._changes[i].double()).sum()) for i, g in self._raw.items())
        multiples: list[float] = []
        own: list[float] = []
        began = perf_counter()
        with self.at_start():
            still = tape.detached_held()
            for multiple in MULTIPLES:
                for p, b, d in zip(parameters, self._before, self._changes, strict=True):
                    p.data.copy_(b + multiple * d)
                multiples.append(multiple)
                own.append(float(still.play()))
                if multiple == 0.0 and still.unhooked and abs(own[0] - tape.value) > 1e-3 * abs(tape.value):
                    raise ValueError("hooks of the script's change what its modules give")
                if len(own) > 1 and not own[-1] < own[-2]:
                    break
                if len(own) > 1 and (perf_counter() - began) * (1 + 1 / len(own)) > seconds:
                    break
        return Line(slope / self._factor, tuple(multiples), tuple(own))


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
