"""How many pictures are answered at once, so that what a network makes of them fits in the free memory."""

from torch import nn

from fivefold.core.free_memory import free_main_memory
from fivefold.networks import layer_costs
from fivefold.tasks.images.raw_pictures import RawPictures

MOST = 500
_FEW = 8
"""So many pictures are not worth the question."""
_HELD = 2
"""What is there at once, in the largest of what a layer reads and writes: shortcuts and copies beside it."""
_SHARE = 0.5
"""Of the free memory."""
_NUMBER = 4


def pictures_at_once(
    module: nn.Module, shape: tuple[int, int, int], most: int = MOST, *, every_stage: bool = False
) -> int:
    r"""Return how many pictures may pass a network at once: ``most``, halved until they fit.

    A picture takes at most :math:`2 \max_l a_l`, with the bytes :math:`a_l` that layer l reads and writes
    beside its weights; where the answers of all stages are kept, :math:`\sum_l a_l` more. Half of the free
    memory may be taken. Numbers are only halved, so that they are the same on most machines: the last bits of
    an answer may depend on them.

    Args:
        module: A network, or one within :class:`~fivefold.tasks.images.raw_pictures.RawPictures`.
        shape: Channels, height and width.
        most: To begin with, at least 1.
        every_stage: Whether the answers of all stages are kept.

    >>> from fivefold.networks import create
    >>> pictures_at_once(create("resnet20", classes=10, channels=1), (1, 16, 16), most=100) <= 100
    True
    """
    free = free_main_memory()
    if free is None or most <= _FEW:
        return most
    network = module.network if isinstance(module, RawPictures) else module
    moved = [c.bytes - _NUMBER * c.parameters for c in layer_costs(network, (1, *shape))]
    each = _HELD * max(moved) + (sum(moved) if every_stage else 0)
    while most > 1 and most * each > _SHARE * free:
        most //= 2
    return most
