"""K-FAC: natural gradient with the Fisher matrix of each layer as a Kronecker product."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivefold.core import ArgumentError, require
from fivefold.optimize.training.layer_factors import Layer, LayerFactors, kfac_layers


class KFAC(Optimizer):
    r"""Natural gradient for linear and convolution layers, through Kronecker factors of their Fisher blocks.

    .. math::
        F_\ell \approx A \otimes \Gamma, \quad A = E[\bar a \bar a^\top], \; \Gamma = E[g g^\top], \qquad
        \Delta = (\Gamma + \tfrac{\sqrt\lambda}{\pi} I)^{-1} \nabla_{\bar W} (A + \pi \sqrt\lambda I)^{-1},
        \quad \pi^2 = \frac{\operatorname{tr} A / \dim A}{\operatorname{tr} \Gamma / \dim \Gamma}, \\
        \nu = \min\Bigl(1, \sqrt{\kappa / (\eta^2 \textstyle\sum_\ell \langle \Delta, \nabla \rangle)}\Bigr),
        \qquad m \leftarrow \mu m + \nu \Delta, \quad \bar W \leftarrow \bar W - \eta (m + \lambda_w \bar W)

    :math:`\bar a` are the layer's inputs with a 1 for the bias, :math:`g` the derivatives of a row's loss by
    the layer's outputs, in running means. For a convolution the patches take the place of the inputs, their
    products summed over places, and those of g averaged (Grosse and Martens 2016).
    :math:`\kappa` bounds the step's length in the Fisher metric.

    Where ``loss`` is named, g comes from targets drawn from the model's own distribution: the Fisher matrix.
    Otherwise from the given targets: the empirical Fisher matrix, which needs no extra pass and does not
    estimate the curvature away from a good fit (Kunstner, Balles and Hennig 2019). Layers learn through
    hooks; ``remove()`` takes them away.

    Source: Martens and Grosse 2015, "Optimizing neural networks with Kronecker-factored approximate
    curvature", ICML, sections 3 and 6.3; Ba, Grosse and Martens 2017 for :math:`\kappa`.

    Args:
        module: The module whose layers are preconditioned; its loss must be a mean over the batch's rows.
        params: Groups of the weights and biases of the linear and convolution layers in it; by default all.
        lr: eta, positive.
        loss: ``"squared"``, ``"cross-entropy"``, ``"logistic"``, or ``None`` for the empirical Fisher matrix.
        momentum: mu in [0, 1).
        damping: lambda, positive.
        decay: Weight of the past in the running factors, in [0, 1).
        weight_decay: lambda_w >= 0, decoupled.
        clip: kappa, positive.
        every: Steps between two inversions, at least 1.
        seed: Of the drawn targets.

    Raises:
        ArgumentError: A number out of its range, an unknown loss, or parameters of other layers.

    >>> net = nn.Linear(2, 1)
    >>> optimizer = KFAC(net, lr=1.0, loss="squared", momentum=0.0, clip=1.0)
    >>> X = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    >>> for _ in range(30):
    ...     optimizer.zero_grad()
    ...     (net(X) - X @ torch.tensor([[2.0], [1.0]])).square().mean().backward()
    ...     _ = optimizer.step()
    >>> bool((net.weight - torch.tensor([[2.0, 1.0]])).abs().max() < 0.2)
    True
    >>> optimizer.remove()
    """

    def __init__(
        self,
        module: nn.Module,
        params: Any = None,
        lr: float = 0.03,
        *,
        loss: str | None = None,
        momentum: float = 0.9,
        damping: float = 1e-3,
        decay: float = 0.95,
        weight_decay: float = 0.0,
        clip: float = 1e-2,
        every: int = 10,
        seed: int = 0,
    ) -> None:
        require(0 < lr < math.inf, "a positive, finite learning rate", lr)
        require(0 <= momentum < 1, "a momentum in [0, 1)", momentum)
        require(0 < damping < math.inf, "a positive damping", damping)
        require(0 <= decay < 1, "a decay of the factors in [0, 1)", decay)
        require(0 <= weight_decay < math.inf, "a weight decay of at least 0", weight_decay)
        require(clip > 0, "a positive bound on the step's length", clip)
        require(every >= 1, "at least 1 step between inversions", every)
        layers = kfac_layers(module)
        require(bool(layers), "a module with linear or convolution layers", type(module).__name__)
        if params is None:
            params = [p for layer in layers for p in layer.parameters(recurse=False)]
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._settings = (damping, decay, clip, every)
        self._group = {id(p): group for group in self.param_groups for p in group["params"]}
        self._layers = [layer for layer in layers if id(layer.weight) in self._group]
        known = {id(p) for layer in self._layers for p in layer.parameters(recurse=False)}
        require(known >= self._group.keys(), "weights and biases of linear or convolution layers", "others")
        self.factors = LayerFactors(module, self._layers, loss=loss, seed=seed)

    def remove(self) -> None:
        """Take the hooks away from the module."""
        self.factors.remove()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the factors, their inverses and the momenta up again."""
        super().load_state_dict(state_dict)
        self._group = {id(p): group for group in self.param_groups for p in group["params"]}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every layer that has a gradient.

        Raises:
            ArgumentError: A layer has a gradient, but its inputs were not seen: the hooks were removed, or
                the module ran in evaluation mode.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        _, decay, clip, _ = self._settings
        updates, product = [], 0.0
        for layer in self._layers:
            if layer.weight.grad is None:
                continue
            seen = self.factors.collect(layer)
            state = self.state[layer.weight]
            if seen is None and "A" not in state:
                raise ArgumentError(
                    "a layer whose inputs were seen in training mode",
                    "none, for a layer with a gradient",
                    "call module.train() before the forward pass, and step before remove()",
                )
            if seen is not None:
                for name, factor in zip("AG", seen, strict=True):
                    if name in state:
                        state[name].lerp_(factor, 1 - decay)
                    else:
                        state[name] = factor
            gradient = _joined(layer, gradient=True)
            delta = self._precondition(gradient, state)
            rate = float(self._group[id(layer.weight)]["lr"])
            product += rate**2 * float((delta * gradient).sum())
            updates.append((layer, delta))
        scale = min(1.0, math.sqrt(clip / product)) if product > 0 else 1.0
        for layer, delta in updates:
            self._move(layer, delta, scale)
        return loss

    def _precondition(self, gradient: Tensor, state: dict[str, Tensor]) -> Tensor:
        damping, _, _, every = self._settings
        count = state.setdefault("step", torch.zeros(()))
        if int(count.item()) % every == 0:
            A, G = state["A"], state["G"]
            sizes = A.trace() / len(A), G.trace() / len(G)
            # where one factor is zero (no input, or no error) the damping is shared evenly
            ratio = float((sizes[0] / sizes[1]).sqrt()) if min(sizes) > 0 else 1.0
            root = math.sqrt(damping)
            state["A_inverse"] = _inverse(A, ratio * root)
            state["G_inverse"] = _inverse(G, root / ratio)
        count += 1
        return state["G_inverse"] @ gradient @ state["A_inverse"]

    def _move(self, layer: Layer, delta: Tensor, scale: float) -> None:
        weight, bias = layer.weight, layer.bias
        columns = delta.shape[1] - (1 if bias is not None else 0)
        parts = [(weight, delta[:, :columns].reshape(weight.shape))]
        if isinstance(bias, nn.Parameter) and id(bias) in self._group:
            parts.append((bias, delta[:, columns]))
        for p, update in parts:
            group = self._group[id(p)]
            memory = self.state[p].setdefault("m", torch.zeros_like(p))
            memory.mul_(group["momentum"]).add_(update, alpha=scale)
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(memory, alpha=-group["lr"])


def _joined(layer: Layer, *, gradient: bool) -> Tensor:
    """Weight and bias as one matrix [outputs, inputs + 1], or their gradients."""
    parts = []
    for p in (layer.weight, layer.bias):
        if isinstance(p, nn.Parameter):
            value = p.grad if gradient else p.detach()
            value = torch.zeros_like(p) if value is None else value
            parts.append(value.reshape(len(p), -1))
    return torch.cat(parts, 1)


def _inverse(factor: Tensor, damping: float) -> Tensor:
    values, vectors = torch.linalg.eigh(factor)
    # rounding leaves eigenvalues of a Gram matrix slightly below zero
    inverse: Tensor = (vectors / (values.clamp_min(0) + damping)) @ vectors.mT
    return inverse
