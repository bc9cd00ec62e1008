"""A network in training or evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def in_mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Put a network into a mode, and afterwards each of its modules back into its own.

    Args:
        network: Any; what it does in ``train`` of its own is respected.
        training: Training mode, or evaluation.

    >>> network = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with in_mode(network, training=False):
    ...     network[0].training
    False
    >>> [part.training for part in network]
    [True, False]
    """
    before = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
