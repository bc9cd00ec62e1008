r"""What activations and first weights do to signal and gradient, predicted and measured.

In wide layers of equal width n, weights of variance :math:`\sigma_w^2 / n` and biases of variance
:math:`\sigma_b^2`, the mean square q of the sums, and the mean square g of the gradients that come back to
them, go from layer to layer as

.. math:: q' = \sigma_w^2 \, E[a(\sqrt{q} z)^2] + \sigma_b^2, \qquad g = g' \, \sigma_w^2 \, E[a'(\sqrt{q}
z)^2], \qquad z \sim N(0, 1)

Where the factor of g is above 1 gradients explode, below 1 they vanish, by that factor at each layer. A
convolution with padding sees fewer inputs at the edge and deviates there.

Source: Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, "Exponential expressivity in deep neural networks
    through
transient chaos", 2016; Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, "Deep information propagation", 2017.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from fivefold.core import require
from fivefold.networks.activation_moments import moments
from fivefold.networks.blocks.stochastic_depth import StochasticDepth
from fivefold.networks.first_weights import WEIGHTED
from fivefold.networks.style import ACTIVATIONS

_ROUNDS = 10


@dataclass(frozen=True)
class SignalStep:
    """The signal at one layer: mean square of its sums, and the factor of gradients through it."""

    mean_square: float
    gradient_factor: float


def predict_signal(
    activation: str, depth: int, *, weight_variance: float, bias_variance: float = 0.0, start: float = 1.0
) -> list[SignalStep]:
    """Return what happens to signal and gradient in a wide network of that activation, layer by layer.

    Args:
        activation: One of :data:`~fivefold.networks.style.ACTIVATIONS`.
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
    require(activation in ACTIVATIONS, f"an activation among {', '.join(ACTIVATIONS)}", repr(activation))
    require(depth >= 1, "at least 1 layer", depth)
    require(0 < weight_variance < inf, "a positive, finite variance of the weights", weight_variance)
    require(0 <= bias_variance < inf, "a finite variance of the biases of at least 0", bias_variance)
    require(0 < start < inf, "a positive, finite mean square at the start", start)
    q, steps = start, []
    for layer in range(1, depth + 1):
        square, slope = moments(activation, q)
        steps.append(SignalStep(q, weight_variance * slope))
        q = weight_variance * square + bias_variance
        within = 1e-300 < q < 1e300 or layer == depth
        require(within, f"a depth of at most {layer}, where the signal leaves the range of numbers", depth)
    return steps


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
    """Measure signal and gradient at every call of a dense or convolutional layer, in the order of the calls.

    The gradient is that of the outputs' product with standard normal numbers, so that no loss is needed.
    Dropout and stochastic depth are off, batch statistics as the network's mode has them.

    Args:
        network: Any module of one tensor; modes, statistics and gradients are left as they were.
        x: A batch.
        seed: Of the normal numbers.

    Raises:
        ArgumentError: A network without such a layer, or whose answer is no tensor.

    >>> network = nn.Sequential(nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 1))
    >>> [layer.name for layer in measure_signal(network, torch.ones(8, 50))]
    ['0', '2']
    """
    calls: list[tuple[str, Tensor]] = []

    def note(name: str, sums: Tensor) -> Tensor:
        if not sums.requires_grad:
            sums.requires_grad_()  # behind frozen layers
        calls.append((name, sums))
        return sums.clone()  # an activation that works in place must not overwrite what was noted

    with _steady(network), _hooked(network, note), torch.enable_grad():
        outputs = network(x)
        require(isinstance(outputs, Tensor), "a network that answers with one tensor", type(outputs).__name__)
        require(len(calls) > 0, "a dense or a convolutional layer", type(network).__name__)
        weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(seed)).to(outputs)
        sums = [y for _, y in calls]
        gradients = torch.autograd.grad((outputs * weights).sum(), sums, allow_unused=True)
    return [
        LayerSignal(name, _mean_square(y), 0.0 if g is None else _mean_square(g))
        for (name, y), g in zip(calls, gradients, strict=True)
    ]


def _mean_square(x: Tensor) -> float:
    return float(x.detach().double().square().mean())


@torch.no_grad()
def fill_from_data_(
    network: nn.Module, x: Tensor, generator: torch.Generator | None = None, *, tolerance: float = 0.01
) -> list[str]:
    """Fill weights so that every layer's sums have variance 1 on a batch (layer-sequential unit variance).

    Mishkin and Matas, "All you need is a good init", 2016: orthogonal weights, then layer after layer, in
    the order in which they run, weights over the standard deviation of the layer's sums. The last layer is
    filled likewise; frozen weights stay. Dropout and stochastic depth are off meanwhile.

    Args:
        network: Any module of one tensor, in place.
        x: A batch like those of training.
        generator: Source of the orthogonal weights, on the CPU; torch's global one where ``None``.
        tolerance: By how much a variance may differ from 1; at most ten rounds a layer, a pass up to it each.

    Returns:
        Names of layers that did not come to variance 1; those whose sums are constant keep orthogonal
        weights.

    Raises:
        ArgumentError: A network without such a layer, sums that are not finite, or a tolerance that is not
            positive.

    >>> network = nn.Sequential(nn.Linear(20, 30), nn.Sigmoid(), nn.Linear(30, 30))
    >>> x = torch.randn(500, 20, generator=torch.Generator().manual_seed(0))
    >>> fill_from_data_(network, x)
    []
    >>> round(network(x).var().item(), 2)
    1.0
    """
    require(tolerance > 0, "a positive tolerance", tolerance)
    order: dict[str, None] = {}

    def note(name: str, sums: Tensor) -> Tensor:
        order[name] = None
        return sums

    with _steady(network), _hooked(network, note):
        network(x)
    require(len(order) > 0, "a dense or a convolutional layer", type(network).__name__)
    layers = {name: network.get_submodule(name) for name in order}
    trained = {n: m for n, m in layers.items() if isinstance(m, WEIGHTED) and m.weight.requires_grad}
    for layer in trained.values():
        drawn = torch.empty(layer.weight.shape, dtype=torch.float64)
        layer.weight.copy_(nn.init.orthogonal_(drawn, generator=generator))
        if layer.bias is not None:
            layer.bias.zero_()
    failed = []
    for name, layer in trained.items():
        for _ in range(_ROUNDS):
            variance, square = _sums_at(network, x, name)
            fix = "scale the batch, or look for NaN in it"
            require(variance < inf, f"finite sums at {name}", variance, fix)
            constant = variance <= (64 * torch.finfo(layer.weight.dtype).eps) ** 2 * square
            if constant or abs(variance - 1.0) <= tolerance:
                break
            layer.weight /= variance**0.5
        else:
            variance, _ = _sums_at(network, x, name)
        if not abs(variance - 1.0) <= tolerance:
            failed.append(name)
    return failed


class _ReachedError(Exception):
    """The layer that was asked for has answered."""


def _sums_at(network: nn.Module, x: Tensor, wanted: str) -> tuple[float, float]:
    """Variance and mean square of a layer's sums; nothing after its first call is computed."""
    found: list[Tensor] = []

    def note(name: str, sums: Tensor) -> Tensor:
        if name == wanted:
            found.append(sums.double())
            raise _ReachedError
        return sums

    with _steady(network), _hooked(network, note), suppress(_ReachedError):
        network(x)
    return float(found[0].var()), float(found[0].square().mean())


@contextmanager
def _hooked(network: nn.Module, note: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
    """Call ``note`` with the name and the sums of every weighted layer; what it returns goes on."""
    handles = [
        module.register_forward_hook(lambda _module, _inputs, sums, name=name: note(name, sums))
        for name, module in network.named_modules()
        if isinstance(module, WEIGHTED)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _steady(network: nn.Module) -> Iterator[None]:
    """Dropout and stochastic depth off; afterwards their modes and all buffers are as they were."""
    drawing = [m for m in network.modules() if isinstance(m, (_DropoutNd, StochasticDepth))]
    modes = [m.training for m in drawing]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    for module in drawing:
        module.training = False
    try:
        yield
    finally:
        for module, mode in zip(drawing, modes, strict=True):
            module.training = mode
        with torch.no_grad():
            for owner, name, buffer, value in buffers:
                owner._buffers[name] = buffer.copy_(value)
