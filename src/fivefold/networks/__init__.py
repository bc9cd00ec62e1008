"""Floor 1: network blocks and architectures as plain ``torch.nn.Module``s, and their NumPy forward passes.

Importing this room loads no torch, so that an artifact predicts with NumPy alone; the modules are loaded when
they are first named.
"""

from typing import TYPE_CHECKING, Any

from fivefold.networks.dense_forward import ACTIVATIONS, activate, evaluate_dense

if TYPE_CHECKING:
    from fivefold.networks.dense import DenseNetwork
    from fivefold.networks.ensemble import EnsembleDense

__all__ = ["ACTIVATIONS", "DenseNetwork", "EnsembleDense", "activate", "evaluate_dense"]


def __getattr__(name: str) -> Any:
    """Load the torch modules when they are first asked for."""
    if name == "DenseNetwork":
        from fivefold.networks.dense import DenseNetwork

        return DenseNetwork
    if name == "EnsembleDense":
        from fivefold.networks.ensemble import EnsembleDense

        return EnsembleDense
    raise AttributeError(f"module 'fivefold.networks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
