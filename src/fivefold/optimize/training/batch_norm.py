"""Statistics of batch norm, taken anew for weights that training never ran with."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fivefold.core import require


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """The layers of batch norm that keep running statistics.

    >>> len(batch_norms(nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False))))
    1
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    return [layer for layer in layers if layer.running_mean is not None]


def recalibrate(module: nn.Module, inputs: Tensor | Iterable[Tensor], *, batch_size: int = 256) -> None:
    r"""Set running means and variances to the averages over batches, for the weights as they stand.

    .. math:: \bar m = \frac{1}{k} \sum_{j=1}^{k} \operatorname{mean}(B_j), \qquad
              \bar v = \frac{1}{k} \sum_{j=1}^{k} \operatorname{var}(B_j)

    Averaged weights (schedule-free, moving averages) are no point that training went through: the running
    statistics belong to others. All other layers are in evaluation mode meanwhile, dropout included (in
    ``torch.optim.swa_utils.update_bn`` it is active), so that the statistics are those of the module in use.

    Source: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, "Averaging weights leads to wider optima and
    better generalization", 2018, section 3.2.

    Args:
        module: Changed in these buffers alone; modes and momenta are as before afterwards. Without such
            layers nothing is read.
        inputs: Rows ``[n, ...]``, n >= 1, or batches of them.
        batch_size: Rows in a batch where ``inputs`` is one tensor, at least 1.

    Raises:
        ArgumentError: No rows, or no batch size.

    >>> net = nn.BatchNorm1d(1)
    >>> recalibrate(net, torch.tensor([[1.0], [3.0]]))
    >>> net.running_mean.item()
    2.0
    """
    if isinstance(inputs, Tensor):
        require(batch_size >= 1, "a batch of at least 1 row", batch_size)
        require(inputs.ndim >= 1 and len(inputs) >= 1, "inputs with rows", tuple(inputs.shape))
        inputs = torch.tensor_split(inputs, -(-len(inputs) // batch_size))
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
