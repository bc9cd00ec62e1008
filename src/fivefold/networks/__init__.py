"""Floor 1: network blocks and architectures as plain ``torch.nn.Module``s, and their NumPy forward passes.

Importing this room loads no torch, so that an artifact predicts with NumPy alone; the modules are loaded when
they are first named.

>>> from fivefold import networks
>>> network = networks.create("resnet20", classes=10, channels=1)
>>> sum(layer.multiply_adds for layer in networks.layer_costs(network, (1, 1, 28, 28))) // 10**6
30
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fivefold.networks.dense_forward import ACTIVATIONS, activate, evaluate_dense

if TYPE_CHECKING:
    from fivefold.networks.blocks.blur_pool import BlurPool
    from fivefold.networks.checkpoint import LoadedWeights, load_weights
    from fivefold.networks.costs import LayerCost, layer_costs
    from fivefold.networks.dense import DenseNetwork
    from fivefold.networks.ensemble import EnsembleDense
    from fivefold.networks.image_network import ImageNetwork
    from fivefold.networks.linter import Lint, lint
    from fivefold.networks.recurrent import RecurrentEncoder
    from fivefold.networks.recurrent_classifier import RecurrentClassifier
    from fivefold.networks.registry import create, names
    from fivefold.networks.rewrites import rewrite
    from fivefold.networks.signal import fill_from_data_, measure_signal, predict_signal
    from fivefold.networks.sizes import (
        ReceptiveField,
        Window,
        output_size,
        pixels_seen,
        receptive_field,
    )
    from fivefold.networks.text_cnn import TextCnn
    from fivefold.networks.text_network import TextNetwork
    from fivefold.networks.text_registry import create_text, text_names
    from fivefold.networks.training_memory import MemoryPlan, largest_batch, memory_plan
    from fivefold.networks.transformer_encoder import TransformerClassifier

_HOME = {
    "BlurPool": "blocks.blur_pool",
    "DenseNetwork": "dense",
    "EnsembleDense": "ensemble",
    "ImageNetwork": "image_network",
    "LayerCost": "costs",
    "Lint": "linter",
    "LoadedWeights": "checkpoint",
    "MemoryPlan": "training_memory",
    "ReceptiveField": "sizes",
    "RecurrentClassifier": "recurrent_classifier",
    "RecurrentEncoder": "recurrent",
    "TextCnn": "text_cnn",
    "TextNetwork": "text_network",
    "TransformerClassifier": "transformer_encoder",
    "Window": "sizes",
    "create": "registry",
    "create_text": "text_registry",
    "fill_from_data_": "signal",
    "largest_batch": "training_memory",
    "layer_costs": "costs",
    "lint": "linter",
    "load_weights": "checkpoint",
    "measure_signal": "signal",
    "memory_plan": "training_memory",
    "names": "registry",
    "output_size": "sizes",
    "pixels_seen": "sizes",
    "predict_signal": "signal",
    "receptive_field": "sizes",
    "rewrite": "rewrites",
    "text_names": "text_registry",
}
"""Public names and the files that hold them."""

__all__ = [
    "ACTIVATIONS",
    "BlurPool",
    "DenseNetwork",
    "EnsembleDense",
    "ImageNetwork",
    "LayerCost",
    "Lint",
    "LoadedWeights",
    "MemoryPlan",
    "ReceptiveField",
    "RecurrentClassifier",
    "RecurrentEncoder",
    "TextCnn",
    "TextNetwork",
    "TransformerClassifier",
    "Window",
    "activate",
    "create",
    "create_text",
    "evaluate_dense",
    "fill_from_data_",
    "largest_batch",
    "layer_costs",
    "lint",
    "load_weights",
    "measure_signal",
    "memory_plan",
    "names",
    "output_size",
    "pixels_seen",
    "predict_signal",
    "receptive_field",
    "rewrite",
    "text_names",
]


def __getattr__(name: str) -> Any:
    """Load the torch modules when they are first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'fivefold.networks' has no attribute {name!r}")
    value = getattr(import_module(f"fivefold.networks.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
