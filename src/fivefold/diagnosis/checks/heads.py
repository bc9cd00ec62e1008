"""Which layers give an output of their model: no other layer reads what they give."""

import math
from typing import Any

import torch
from torch import nn

from fivefold.diagnosis.checks.seen import WEIGHTED
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import LayerStep, Record

HOLDING = (*WEIGHTED, nn.RNNBase, nn.Embedding, nn.EmbeddingBag)
MOST_NODES = 20_000


def holds_weights(module: nn.Module | None) -> bool:
    """Whether a layer maps what it is given by weights: one of torch's, or one of the user's with a matrix.

    >>> holds_weights(nn.Linear(2, 3)), holds_weights(nn.LayerNorm(3))
    (True, False)
    """
    if isinstance(module, HOLDING):
        return True
    if module is None or type(module).__module__.startswith("torch."):
        return False
    own = list(module.parameters(recurse=False))
    return any(p.ndim == 2 or sum(n > 1 for n in p.shape) >= 2 for p in own)


def weighted_layers(record: Record) -> list[LayerStep]:
    """The layers with weights as they ran in the last update in which layers were seen, in order."""
    ran = next((s.layers for s in reversed(record.steps) if s.layers), [])
    kinds = dict(record.modules())
    return [layer for layer in ran if holds_weights(kinds.get(layer.name))]


def heads(record: Record) -> frozenset[str]:
    """Names of the layers with weights that no other such layer of their model reads.

    The last watched passes are played again, and the graph of their derivatives is followed from what each
    layer is given back to the layers that made it. Where nothing can be played, it is the last layer of each
    model alone.

    Args:
        record: What was seen.
    """
    kinds = dict(record.modules())
    last: dict[int, str] = {}
    for layer in weighted_layers(record):
        for root in record.model.values():
            if any(kinds[layer.name] is m for m in root.modules()):
                last[id(root)] = layer.name
    names = {id(m): name for name, m in record.modules() if holds_weights(m)}
    ran: set[str] = set()
    read: set[str] = set()
    known: set[int] = set()
    for tape in reversed(record.tapes):
        models = {id(m) for m in tape.modules}
        if not tape.playable or models <= known:
            continue
        known |= models

        def followed(module: nn.Module) -> Any:
            return lambda *args, **kwargs: _followed(module, args, kwargs, names, ran, read)

        try:
            with torch.enable_grad():
                tape.with_calls(lambda e: followed(e.call) if isinstance(e.call, nn.Module) else None).play()
        except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError):
            ran.clear()  # the user's module may refuse to run again
            break
    return frozenset({*last.values(), *(ran - read)})


def _followed(
    module: nn.Module, args: Any, kwargs: Any, names: dict[int, str], ran: set[str], read: set[str]
) -> Any:
    """Call a model, and note which of its layers ran and which were read by others."""
    makers: dict[Any, str] = {}
    given: dict[str, list[Any]] = {}

    def hook(layer: nn.Module, args: Any, output: Any) -> None:
        name = names[id(layer)]
        given.setdefault(name, []).extend(t.grad_fn for t in held_tensors(args) if t.grad_fn is not None)
        for tensor in held_tensors(output):
            if tensor.grad_fn is not None:
                makers.setdefault(tensor.grad_fn, name)

    handles = [m.register_forward_hook(hook) for m in module.modules() if id(m) in names]
    try:
        out = module(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    ran.update(set(makers.values()))
    for name, nodes in given.items():
        read.update(_makers_behind(nodes, makers) - {name})
    return out


def _makers_behind(nodes: list[Any], makers: dict[Any, str]) -> set[str]:
    """The nearest layers on every way back from these nodes."""
    found: set[str] = set()
    seen, waiting = set(nodes), list(nodes)
    while waiting and len(seen) < MOST_NODES:
        node = waiting.pop()
        if node in makers:
            found.add(makers[node])
            continue
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)
    return found


def width_of(layer: LayerStep, module: nn.Module) -> int:
    """Numbers that stand for one example, token or pixel in what a layer gives.

    Convolutions count their channels and the positions of each.

    Args:
        layer: What the layer gave.
        module: The layer.
    """
    shape = layer.output.shape
    if isinstance(module, nn.RNNBase):
        return module.hidden_size * (2 if module.bidirectional else 1)
    if isinstance(module, nn.modules.conv._ConvNd) or (len(shape) == 4 and not isinstance(module, nn.Linear)):
        return math.prod(shape[1:])
    if isinstance(module, nn.Embedding):
        return module.embedding_dim * (shape[1] if len(shape) == 3 else 1)
    return shape[-1]
