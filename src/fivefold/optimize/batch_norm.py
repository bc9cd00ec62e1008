"""Statistics of batch norm, taken anew for weights that training never ran with."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """The layers of batch norm that keep running statistics.

    >>> len(batch_norms(nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False))))
    1
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    return [layer for layer in layers if layer.running_mean is not None]


def recalibrate_batch_norm(module: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Set running means and variances to the averages over batches, for the weights as they stand.

    Averaged weights (schedule-free, moving averages) are no point that training went through: the running
    statistics belong to others. Izmailov et al., "Averaging weights leads to wider optima", 2018, 3.2. All
    other layers are in evaluation mode meanwhile; the module's mode is as before afterwards.

    Args:
        module: With or without such layers; without, nothing is read.
        inputs: Batches of X.

    >>> net = nn.BatchNorm1d(1)
    >>> recalibrate_batch_norm(net, [torch.tensor([[1.0], [3.0]])])
    >>> net.running_mean.item()
    2.0
    """
    layers = batch_norms(module)
    if not layers:
        return
    modes = [(layer, layer.training) for layer in module.modules()]
    momenta = [layer.momentum for layer in layers]
    module.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain average over batches
        layer.train()
    try:
        with torch.no_grad():
            for X in inputs:
                module(X)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for each, mode in modes:
            each.training = mode
