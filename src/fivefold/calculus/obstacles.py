"""What stands in the way of derivatives of a model, found by one forward pass, with a way out for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from fivefold.calculus.memory import PeakMemory
from fivefold.calculus.network import Network
from fivefold.core import ArgumentError

Severity = Literal["stops", "handled", "note"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands in the way.

    Args:
        code: ``"dropout"``, ``"batch-norm"``, ``"random"``, ``"attention"``, ``"recurrent"``,
            ``"unused-parameters"``, ``"in-place"``, ``"non-finite"``, ``"integer-inputs"``,
            ``"complex-outputs"``, ``"fails"``, ``"constant"``.
        where: The layer, parameter or tensor.
        problem: What is wrong with it.
        way_out: What to do, or what is done about it.
        severity: ``"stops"``: no operator can be made. ``"handled"``: another way to the same result is
            taken. ``"note"``: worth knowing.
    """

    code: str
    where: str
    problem: str
    way_out: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.code} ({self.where}): {self.problem}; {self.way_out}"


@dataclass(frozen=True, eq=False, slots=True)
class Preflight:
    """What one forward pass showed.

    Args:
        obstacles: Those that stop first.
        outputs: The shape of the model's outputs, ``None`` where it failed.
        bytes: What the forward pass held at most, with what its derivatives need.
    """

    obstacles: tuple[Obstacle, ...]
    outputs: tuple[int, ...] | None
    bytes: int = 0

    @property
    def clear(self) -> bool:
        """Whether nothing stops."""
        return not any(each.severity == "stops" for each in self.obstacles)

    def require_clear(self) -> None:
        """Refuse to go on where something stops.

        Raises:
            ArgumentError: The first obstacle, with its way out.
        """
        for each in self.obstacles:
            if each.severity == "stops":
                got = f"{each.code}: {each.problem} ({each.where})"
                raise ArgumentError("a model with derivatives at its parameters", got, each.way_out)


def preflight(network: Network, X: Tensor) -> Preflight:
    """Run a model once, forward, and say what stands in the way of its derivatives.

    Looked for: dropout and batch norm in training mode and other randomness, fused attention and recurrent
    layers (which have no forward or no second derivative), parameters that do not take part, modifications
    in place, integer inputs, complex and non-finite outputs. Fused attention is switched to its plain form
    in ``network``.

    Args:
        network: The model.
        X: Inputs ``[n, ...]``; a few rows are enough, but see ``outputs``.

    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
    >>> found = preflight(Network(model), torch.ones(3, 2))
    >>> found.clear, found.obstacles[0].code
    (False, 'dropout')
    """
    found = list(_training_layers(network))
    if any(each.severity == "stops" for each in found):
        # A pass would write running statistics; what is known already stops.
        return Preflight(tuple(found), None)
    if network.recurrent:
        found.append(
            Obstacle(
                "recurrent",
                "RNN, GRU or LSTM",
                "its fused kernels have no second derivative and cannot be mapped",
                "the plain kernels are used, and columns go one after the other where they cannot be mapped",
                "handled",
            )
        )
    watched = {"the inputs": X, **_state(network.module)}
    versions = {name: tensor._version for name, tensor in watched.items()}
    # Leaves of their own, so that the graph tells which take part.
    named = {name: p.clone().requires_grad_() for name, p in network.unravel(network.w).items()}
    with torch.enable_grad(), _Operations() as seen:
        try:
            out: Any = network.at(named, X)
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            found.insert(0, _failure(error, X))
            return Preflight(tuple(found), None)
    if not isinstance(out, Tensor):
        problem = f"the model returns {type(out).__name__}, not a tensor"
        found.insert(
            0, Obstacle("fails", "outputs", problem, "wrap it so that one tensor comes out", "stops")
        )
        return Preflight(tuple(found), None)
    changed = [name for name, tensor in watched.items() if tensor._version != versions[name]]
    found += _from_outputs(out, X)
    found += _from_operations(network, seen, changed)
    if not any(each.severity == "stops" for each in found):
        found += _unused(named, out)
    found.sort(key=lambda each: ("stops", "handled", "note").index(each.severity))
    return Preflight(tuple(found), tuple(out.shape), seen.peak)


class _Operations(PeakMemory):  # type: ignore[no-untyped-call]
    """The random and the fused attention operations that run inside the block, and its memory."""

    def __init__(self) -> None:
        super().__init__()
        self.random: list[str] = []
        self.attention = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if "scaled_dot_product" in name:
            self.attention = True
        elif torch.Tag.nondeterministic_seeded in func.tags:
            self.random.append(name.removeprefix("aten::"))
        return super().__torch_dispatch__(func, types, args, kwargs)


def _state(module: torch.nn.Module | None) -> dict[str, Tensor]:
    if module is None:
        return {}
    return {f"buffer {name}": b for name, b in module.named_buffers()} | {
        f"parameter {name}": p for name, p in module.named_parameters()
    }


def _training_layers(network: Network) -> Iterator[Obstacle]:
    if network.module is None or network.evaluation:
        return
    dropouts = torch.nn.modules.dropout._DropoutNd
    norms = torch.nn.modules.batchnorm._BatchNorm
    for name, part in network.module.named_modules():
        where = name or type(part).__name__
        drops = part.p if isinstance(part, dropouts) else 0.0
        if isinstance(part, torch.nn.RNNBase | torch.nn.MultiheadAttention):
            drops = part.dropout
        if part.training and drops > 0:
            problem = f"dropout with p={drops:g} is active, so each call is another function"
            yield Obstacle("dropout", where, problem, "call model.eval(), or pass evaluation=True", "stops")
        if isinstance(part, norms) and (part.training or part.running_mean is None):
            live = part.running_mean is not None
            yield Obstacle(
                "batch-norm",
                where,
                "batch norm uses the statistics of each batch, so its rows are no separate terms",
                "call model.eval(), or pass evaluation=True"
                if live
                else "set track_running_stats=True and train",
                "stops",
            )


def _failure(error: Exception, X: Tensor) -> Obstacle:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "dtype" in text.lower() or "scalar type" in text.lower() or "same type" in text.lower():
        code = "fails" if X.is_floating_point() else "integer-inputs"
        return Obstacle(
            code,
            f"inputs of {X.dtype}",
            text,
            "convert the inputs to the dtype of the parameters, as by X.float() or X.double()",
            "stops",
        )
    if "in-place" in text or "inplace" in text:
        return Obstacle(
            "in-place", "the forward pass", text, "write x = x + y in place of x += y there", "stops"
        )
    shape = f"inputs of shape {tuple(X.shape)} and {X.dtype}"
    return Obstacle("fails", shape, text, "call the model on the first batch and mend what it says", "stops")


def _from_outputs(out: Tensor, X: Tensor) -> Iterator[Obstacle]:
    if out.is_complex():
        problem = f"the outputs are {out.dtype}"
        yield Obstacle(
            "complex-outputs", "outputs", problem, "return torch.view_as_real(z), or the real part", "stops"
        )
        return
    if not out.is_floating_point():
        problem = f"the outputs are {out.dtype}, which have no derivative"
        yield Obstacle("constant", "outputs", problem, "return scores before argmax or round", "stops")
        return
    if out.numel() == 0:
        yield Obstacle("fails", "outputs", "they are empty", "return at least one value a row", "stops")
    bad = int((~torch.isfinite(out.detach())).sum())
    if bad:
        problem = f"{bad} of {out.numel()} outputs are NaN or infinite"
        yield Obstacle("non-finite", "outputs", problem, "scale the inputs, or use other parameters", "stops")
    if not X.is_floating_point() and not X.is_complex():
        problem = f"they are {X.dtype}, as of classes or tokens"
        yield Obstacle("integer-inputs", "inputs", problem, "they are passed on as they are", "note")


def _from_operations(network: Network, seen: _Operations, changed: list[str]) -> Iterator[Obstacle]:
    if changed:
        problem = "the forward pass writes to it in place"
        way_out = "clone it in the forward pass first, or make a new tensor"
        yield Obstacle("in-place", ", ".join(changed), problem, way_out, "stops")
    if seen.random:
        problem = "the forward pass draws random numbers, so each call is another function"
        way_out = "pass training=self.training to torch.nn.functional.dropout, or draw them outside the model"
        yield Obstacle("random", ", ".join(sorted(set(seen.random))), problem, way_out, "stops")
    if seen.attention:
        network.plain_attention = True
        yield Obstacle(
            "attention",
            "scaled_dot_product_attention",
            "its fused kernels have no forward derivative and no second derivative",
            "its plain form (SDPBackend.MATH) is used",
            "handled",
        )


def _unused(named: dict[str, Tensor], out: Tensor) -> Iterator[Obstacle]:
    reached: set[int] = set()
    stack: list[Any] = [out.grad_fn]
    visited: set[Any] = set()
    while stack:
        node = stack.pop()
        if node is None or node in visited:
            continue
        visited.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            reached.add(id(leaf))
        stack += [each for each, _ in node.next_functions]
    unused = [name for name, p in named.items() if id(p) not in reached]
    if unused and len(unused) == len(named):
        problem = "the outputs depend on no parameter"
        way_out = "do not detach, and do not run the model under torch.no_grad()"
        yield Obstacle("constant", "outputs", problem, way_out, "stops")
    elif unused:
        problem = "they do not take part in the outputs"
        way_out = "their rows and columns are zero; leave them out with parameters="
        yield Obstacle("unused-parameters", ", ".join(unused), problem, way_out, "note")
