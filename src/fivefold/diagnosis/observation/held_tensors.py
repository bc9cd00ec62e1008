"""The tensors inside what a module gives: also those that a distribution or a dataclass holds."""

from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor
from torch.distributions import Distribution
from torch.utils._pytree import tree_leaves

DEEPEST = 4


def held_tensors(output: Any, depth: int = 0) -> list[Tensor]:
    """Return the tensors that an output is made of, in order, each once.

    Lists, tuples, dictionaries and what is registered like them are torch's to take apart. A
    distribution is looked into, since what is asked of it afterwards (``log_prob``, ``entropy``) starts from
    the tensors that it holds; so is a dataclass.

    Args:
        output: What a module gave.
        depth: Distributions and dataclasses that it is inside of.

    >>> import torch
    >>> policy = torch.distributions.Categorical(logits=torch.zeros(2, 3))
    >>> [list(t.shape) for t in held_tensors((policy, torch.zeros(2)))]
    [[2, 3], [2]]
    """
    found: dict[int, Tensor] = {}
    for leaf in tree_leaves(output):
        inside: list[Any] = []
        if isinstance(leaf, Tensor):
            found.setdefault(id(leaf), leaf)
        elif depth < DEEPEST and isinstance(leaf, Distribution):
            inside = list(vars(leaf).values())
        elif depth < DEEPEST and is_dataclass(leaf) and not isinstance(leaf, type):
            inside = [getattr(leaf, f.name, None) for f in fields(leaf)]
        for each in inside:
            for tensor in held_tensors(each, depth + 1):
                found.setdefault(id(tensor), tensor)
    return list(found.values())
