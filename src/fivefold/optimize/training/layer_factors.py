"""Kronecker factors of the Fisher blocks of linear and convolution layers, recorded through hooks."""

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from fivefold.core import require, torch_generator

FISHER_LOSSES = ("squared", "cross-entropy", "logistic")


Layer = nn.Linear | nn.Conv2d


def kfac_layers(module: nn.Module) -> list[Layer]:
    """The layers whose Fisher blocks have Kronecker factors here: linear ones, and plain 2-D convolutions.

    >>> len(kfac_layers(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Conv2d(4, 4, 3, groups=2))))
    1
    """
    # subclasses may use their weights in another way
    return [
        layer
        for layer in module.modules()
        if (type(layer) is nn.Linear or (type(layer) is nn.Conv2d and _plain(layer)))
        and layer.weight.requires_grad
    ]


def _plain(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


class LayerFactors:
    r"""The factors A = E[a a'] and G = E[g g'] of each layer, from the passes since they were last collected.

    With inputs :math:`\bar a_{it}` (row i, place t; a 1 appended where there is a bias) and derivatives
    :math:`g_{it}` of row i's loss by the outputs

    .. math:: A = \tfrac{1}{n} \sum_{it} \bar a_{it} \bar a_{it}^\top, \qquad
              G = \tfrac{1}{n T} \sum_{it} g_{it} g_{it}^\top

    With a named loss, g belongs to targets drawn from the model's distribution, by one more backward pass
    inside the forward hook of the module; otherwise to the targets that the caller's loss has.

    Source: Martens and Grosse 2015; for places Grosse and Martens 2016, "A Kronecker-factored approximate
    Fisher matrix for convolution layers".

    Args:
        module: The module, whose output is the distribution's parameter.
        layers: Its layers to observe.
        loss: One of ``FISHER_LOSSES``, or ``None``.
        seed: Of the drawn targets.

    Raises:
        ArgumentError: No such loss.

    >>> net = nn.Linear(1, 1)
    >>> factors = LayerFactors(net, [net])
    >>> net(torch.tensor([[2.0]])).square().mean().backward()
    >>> factors.collect(net)[0]
    tensor([[4., 2.],
            [2., 1.]])
    >>> factors.remove()
    """

    def __init__(
        self, module: nn.Module, layers: list[Layer], *, loss: str | None = None, seed: int = 0
    ) -> None:
        names = ", ".join(FISHER_LOSSES)
        require(loss is None or loss in FISHER_LOSSES, f"a loss among {names}, or None", repr(loss))
        self._loss = loss
        self._generator = torch_generator(seed, "kfac", "targets")
        self._outputs: list[tuple[Layer, Tensor, Tensor]] = []
        self._sums: dict[Layer, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in layers}
        self._handles = [layer.register_forward_hook(self._observe) for layer in layers]
        if loss is not None:
            self._handles.append(module.register_forward_hook(self._draw))

    def remove(self) -> None:
        """Take the hooks away and forget what was seen."""
        for handle in self._handles:
            handle.remove()
        self._outputs.clear()
        for seen in self._sums.values():
            seen.clear()

    def collect(self, layer: Layer) -> tuple[Tensor, Tensor] | None:
        """The mean factors of a layer since the last call, or ``None`` where it saw nothing."""
        seen = self._sums[layer]
        if not seen:
            return None
        factors = tuple(torch.stack([each[i] for each in seen]).mean(0) for i in (0, 1))
        seen.clear()
        return factors[0], factors[1]

    def _observe(self, layer: Layer, inputs: tuple[Any, ...], output: Tensor) -> None:
        if not (layer.training and output.requires_grad):
            return
        given = inputs[0].detach()
        if self._loss is not None:
            self._outputs.append((layer, given, output))
        else:
            output.register_hook(  # type: ignore[no-untyped-call]
                lambda g: self._add(layer, given, g.detach() * len(g))
            )

    def _draw(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Backpropagate the loss of targets drawn from the output's distribution, in the caller's graph."""
        del module, inputs
        seen, self._outputs = self._outputs, []
        if not seen or not output.requires_grad:
            return
        with torch.no_grad():
            score = self._score(output.detach())
        outputs = [each for _, _, each in seen]
        slopes = torch.autograd.grad(output, outputs, score, retain_graph=True, materialize_grads=True)
        for (layer, given, _), g in zip(seen, slopes, strict=True):
            self._add(layer, given, g)

    def _score(self, output: Tensor) -> Tensor:
        r"""Derivative of each row's loss by the outputs, whose covariance is the loss's Hessian."""
        if self._loss == "squared":  # (1/m) |f - y|^2 has Hessian (2/m) I
            noise = torch.randn(output.shape, generator=self._generator, dtype=output.dtype)
            return noise.to(output.device) * math.sqrt(2.0 / output.shape[-1])
        draws = torch.rand(output.shape[:-1], generator=self._generator, dtype=output.dtype)
        draws = draws.to(output.device)[..., None]
        if self._loss == "logistic":  # mean over the outputs of log(1 + exp f) - y f
            draws = torch.rand(output.shape, generator=self._generator, dtype=output.dtype)
            p = output.sigmoid()
            return (p - (draws.to(output.device) < p).to(p.dtype)) / math.sqrt(output.shape[-1])
        p = output.softmax(-1)
        index = (p.cumsum(-1) < draws).sum(-1).clamp_max(p.shape[-1] - 1)
        return p - F.one_hot(index, p.shape[-1]).to(p.dtype)

    def _add(self, layer: Layer, given: Tensor, slope: Tensor) -> None:
        n = len(given)
        if isinstance(layer, nn.Conv2d):
            padding = tuple(layer.padding)  # a string is refused by kfac_layers
            patches = F.unfold(given, layer.kernel_size, layer.dilation, padding, layer.stride)  # type: ignore[arg-type]
            a = patches.mT.reshape(-1, patches.shape[1])
            g = slope.flatten(2).mT.reshape(-1, slope.shape[1])
        else:
            a, g = given.reshape(-1, given.shape[-1]), slope.reshape(-1, slope.shape[-1])
        if layer.bias is not None:
            a = torch.cat([a, a.new_ones(len(a), 1)], 1)
        self._sums[layer].append((a.mT @ a / n, g.mT @ g / len(g)))
