"""Weights of parents for the units that a child has from them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from fivefold.tasks.images.design.variation import Origin

_UNIT, _STEM = "units.", "stem."


def inherit_(
    network: nn.Module, origins: Sequence[Origin | None], parents: Sequence[Mapping[str, Tensor] | None]
) -> int:
    """Copy into a child's network every tensor of its parents that has its place, name and shape there.

    A unit takes from the unit of its parent that it comes from; the stem from the parent whose first unit is
    the child's, and the dense layer from the one whose last unit with weights is: features of one parent mean
    nothing to layers of the other. What does not fit keeps its first weights, so that of a unit whose input
    has another width only the layer that meets it begins anew. Batch norm's statistics come along.

    Args:
        network: Of :class:`~fivefold.tasks.images.design.phenotype.GenomeNetwork`; written in place.
        origins: Where each unit comes from, see :class:`~fivefold.tasks.images.design.variation.Child`.
        parents: Their states by name; ``None`` for one whose weights are not kept.

    Returns:
        How many of the network's parameters, as numbers, were taken.

    >>> from fivefold.tasks.images.design.genome import Genome
    >>> from fivefold.tasks.images.design.phenotype import build
    >>> from fivefold.tasks.images.design.presets import scaled
    >>> space = scaled(8, 8, pictures=1000, seconds=0.2)
    >>> parent = build(Genome.from_key("D:4:1"), space, classes=2, channels=1)
    >>> child = build(Genome.from_key("D:4:1|P:max"), space, classes=2, channels=1)
    >>> taken = inherit_(child, ((0, 0), None), [parent.state_dict()])
    >>> taken == sum(p.numel() for p in child.parameters())
    True
    """
    own = network.state_dict()
    learned = {name for name, _ in network.named_parameters()}
    weighted = [int(name.split(".")[1]) for name in own if name.startswith(_UNIT)]
    first, last = min(weighted, default=0), max(weighted, default=0)
    taken = 0
    with torch.no_grad():
        for name, value in own.items():
            place = int(name.split(".")[1]) if name.startswith(_UNIT) else None
            meets = first if name.startswith(_STEM) else last
            origin = origins[meets if place is None else place]
            state = None if origin is None else parents[origin[0]]
            if origin is None or state is None:
                continue
            there = name if place is None else f"{_UNIT}{origin[1]}.{name.split('.', 2)[2]}"
            given = state.get(there)
            if given is not None and given.shape == value.shape and given.dtype == value.dtype:
                value.copy_(given)
                taken += value.numel() if name in learned else 0
    return taken
