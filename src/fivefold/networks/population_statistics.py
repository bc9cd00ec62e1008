r"""Statistics of batch normalisation over many pictures instead of the last few batches.

In training each layer keeps a moving average of the means and variances of its batches, by which it
normalises in evaluation. With batches of 16 and a momentum of 0.4 that is an average over some sixty
pictures, and of weights that have moved since. Over n batches of the trained network

.. math:: \mu = \frac{1}{n} \sum_i \mu_i, \qquad \sigma^2 = \frac{1}{n} \sum_i \sigma_i^2

has neither fault (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", arXiv 2105.07576, 2021, section 3).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fivefold.networks.mode import in_mode


@torch.no_grad()
def measure_statistics_(network: nn.Module, batches: Sequence[Tensor]) -> int:
    """Replace the running statistics of every batch normalisation by their mean over batches.

    Layers that a network keeps in evaluation mode while it is trained keep theirs. Layers above normalise in
    the meantime by the batch, as in training.

    Args:
        network: Any; modes, weights and other buffers stay as they are.
        batches: Inputs of about one size, since they count alike, each of two rows at least. Without one
            nothing is changed.

    Returns:
        How many layers were measured.

    >>> norm = nn.BatchNorm1d(1)
    >>> measure_statistics_(norm, [torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])])
    1
    >>> norm.running_mean.item(), norm.running_var.item(), norm.momentum
    (4.0, 2.0, 0.1)
    """
    with in_mode(network, training=True):
        kept = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        norms = [norm for norm in kept if norm.training]
        if not norms or not batches:
            return 0
        before = [norm.momentum for norm in norms]
        try:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # torch then takes the mean over all batches
            for X in batches:
                network(X)
        finally:
            for norm, momentum in zip(norms, before, strict=True):
                norm.momentum = momentum
    return len(norms)
