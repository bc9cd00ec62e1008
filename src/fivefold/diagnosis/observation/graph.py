"""The graph of derivatives behind tensors."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor


def graph_nodes(tensors: Iterable[Tensor]) -> Iterator[Any]:
    """Yield every node of the graph of derivatives behind some tensors, each once.

    Args:
        tensors: Those without derivatives have no node.

    >>> import torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> [node.name().rstrip("0") for node in graph_nodes([w.exp().sum()])]
    ['SumBackward', 'ExpBackward', 'torch::autograd::AccumulateGrad']
    """
    waiting = [t.grad_fn for t in tensors if t.grad_fn is not None]
    seen: set[Any] = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)
