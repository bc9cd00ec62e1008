r"""What activations and first weights do to signal and gradient, predicted and measured.

In a wide layer with weights of variance :math:`\sigma_w^2 / n` and biases of variance :math:`\sigma_b^2`,
the mean square q of the sums, and the mean square of the gradients g that come back through them, go from
layer to layer as

.. math:: q' = \sigma_w^2 \, E[a(\sqrt{q} z)^2] + \sigma_b^2, \qquad g = g' \, \sigma_w^2 \, E[a'(\sqrt{q}
z)^2], \qquad z \sim N(0, 1)

Where the factor of g is above 1 gradients explode, below 1 they vanish, by that factor at each layer. A
convolution with padding sees fewer inputs at the edge and deviates there.

Source: Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, "Exponential expressivity in deep neural networks
    through transient
chaos", 2016; Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, "Deep information propagation", 2017.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from fivefold.core import ArgumentError, require
from fivefold.networks.first_weights import WEIGHTED
from fivefold.networks.style import ACTIVATION_LAYERS

_NODES = 4_001
_REACH = 10.0  # N(0, 1) beyond it: 1.5e-23


@dataclass(frozen=True)
class SignalStep:
    """The signal at one layer: mean square of its sums, and the factor of gradients through it."""

    mean_square: float
    gradient_factor: float


def predict_signal(
    activation: str, depth: int, *, weight_variance: float, bias_variance: float = 0.0, start: float = 1.0
) -> list[SignalStep]:
    """Return what happens to signal and gradient in a wide network of that activation, layer by layer.

    Expectations are integrals by the trapezoidal rule over ten standard deviations on each side, with a node
    at the kink.

    Args:
        activation: One of :data:`~fivefold.networks.style.ACTIVATION_LAYERS`.
        depth: Layers, at least 1.
        weight_variance: Variance of the weights times the number of inputs, positive.
        bias_variance: Of the biases, at least 0.
        start: Mean square of the first layer's sums, positive.

    Raises:
        ArgumentError: An unknown activation or a number out of its range.

    He's variance keeps relu's signal and gradient; tanh's signal shrinks under Glorot's:

    >>> [round(step.mean_square, 9) for step in predict_signal("relu", 3, weight_variance=2.0)]
    [1.0, 1.0, 1.0]
    >>> round(predict_signal("tanh", 50, weight_variance=1.0)[-1].mean_square, 3)
    0.01
    """
    names = ", ".join(ACTIVATION_LAYERS)
    require(activation in ACTIVATION_LAYERS, f"an activation among {names}", repr(activation))
    require(depth >= 1, "at least 1 layer", depth)
    require(weight_variance > 0, "a positive variance of the weights", weight_variance)
    require(bias_variance >= 0, "a variance of the biases of at least 0", bias_variance)
    require(start > 0, "a positive mean square at the start", start)
    q, steps = start, []
    for _ in range(depth):
        square, slope = _moments(ACTIVATION_LAYERS[activation], q)
        steps.append(SignalStep(q, weight_variance * slope))
        q = weight_variance * square + bias_variance
    return steps


def _moments(make: Callable[[], nn.Module], q: float) -> tuple[float, float]:
    """E[a(√q z)²] and E[a'(√q z)²]."""
    z = torch.linspace(-_REACH, _REACH, _NODES, dtype=torch.float64)
    density = torch.exp(-0.5 * z * z)
    density /= density.sum()
    sums = (np.sqrt(q) * z).requires_grad_()
    values = make()(sums * 1.0)  # some activations work in place, which a leaf forbids
    (slopes,) = torch.autograd.grad(values.sum(), sums)
    return float((density * values.detach() ** 2).sum()), float((density * slopes**2).sum())


@dataclass(frozen=True)
class LayerSignal:
    """What was measured at a layer with weights.

    Attributes:
        name: The module's name.
        mean_square: Of its sums over the batch.
        gradient_mean_square: Of the loss's gradient by its sums.
    """

    name: str
    mean_square: float
    gradient_mean_square: float


def measure_signal(network: nn.Module, x: Tensor, seed: int = 0) -> list[LayerSignal]:
    """Measure signal and gradient at every dense and convolutional layer, in the order in which they run.

    The gradient is that of the outputs' product with standard normal numbers, so that no loss is needed.

    Args:
        network: Any module of one tensor; modes, statistics and gradients are left as they were.
        x: A batch.
        seed: Of the normal numbers.

    Raises:
        ArgumentError: A network without such a layer.

    >>> network = nn.Sequential(nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 1))
    >>> [layer.name for layer in measure_signal(network, torch.ones(8, 50))]
    ['0', '2']
    """
    sums: dict[str, Tensor] = {}
    with _restoring(network), _sums_of(network, sums), torch.enable_grad():
        outputs = network(x)
        first = next(leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor))
        require(len(sums) > 0, "a dense or a convolutional layer", type(network).__name__)
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(first.shape, generator=generator).to(first)
        gradients = torch.autograd.grad((first * weights).sum(), list(sums.values()), allow_unused=True)
    return [
        LayerSignal(name, float(y.detach().square().mean()), 0.0 if g is None else float(g.square().mean()))
        for (name, y), g in zip(sums.items(), gradients, strict=True)
    ]


@torch.no_grad()
def fill_from_data_(
    network: nn.Module, x: Tensor, generator: torch.Generator | None = None, *, tolerance: float = 0.01
) -> list[str]:
    """Fill weights so that every layer's sums have variance 1 on a batch (layer-sequential unit variance).

    Mishkin and Matas, "All you need is a good init", 2016: orthogonal weights, then layer after layer, in
    the order in which they run, weights over the standard deviation of the layer's sums. The last layer is
    filled likewise.

    Args:
        network: Any module of one tensor, in place.
        x: A batch like those of training.
        generator: Source of the orthogonal weights; torch's global one where ``None``.
        tolerance: By how much a variance may differ from 1; at most ten rounds a layer.

    Returns:
        Names of layers whose sums are constant on the batch, which keep their orthogonal weights.

    Raises:
        ArgumentError: A network without such a layer, or a tolerance that is not positive.

    >>> network = nn.Sequential(nn.Linear(20, 30), nn.Sigmoid(), nn.Linear(30, 30))
    >>> x = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
    >>> fill_from_data_(network, x)
    []
    >>> round(network(x).var().item(), 2)
    1.0
    """
    require(tolerance > 0, "a positive tolerance", tolerance)
    order: dict[str, Tensor] = {}
    with _restoring(network), _sums_of(network, order):
        network(x)
    if not order:
        raise ArgumentError("a dense or a convolutional layer", type(network).__name__)
    layers = {name: network.get_submodule(name) for name in order}
    for layer in layers.values():
        assert isinstance(layer, WEIGHTED)
        nn.init.orthogonal_(layer.weight, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    constant = []
    for name, layer in layers.items():
        assert isinstance(layer, WEIGHTED)
        for _ in range(10):
            sums: dict[str, Tensor] = {}
            with _restoring(network), _sums_of(network, sums):
                network(x)
            variance = float(sums[name].var())
            if not variance > 0.0:
                constant.append(name)
                break
            if abs(variance - 1.0) <= tolerance:
                break
            layer.weight /= variance**0.5
    return constant


@contextmanager
def _sums_of(network: nn.Module, found: dict[str, Tensor]) -> Iterator[None]:
    """Note what every dense and convolutional layer answers, the first time that it runs."""

    def note(name: str) -> Callable[..., Tensor]:
        def hook(_module: nn.Module, _inputs: object, outputs: Tensor) -> Tensor:
            found.setdefault(name, outputs)
            return outputs.clone()  # an activation that works in place must not overwrite what was noted

        return hook

    handles = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if isinstance(module, WEIGHTED)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _restoring(network: nn.Module) -> Iterator[None]:
    """Give buffers back their numbers: running statistics see nothing of what is measured."""
    before = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
