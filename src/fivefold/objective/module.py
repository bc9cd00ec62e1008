"""Any ``torch.nn.Module`` as a model of one vector of parameters."""

import torch
from torch import Tensor

from fivefold.calculus.network import evaluation_mode
from fivefold.core import call_with, require
from fivefold.linalg import Array
from fivefold.linalg.arrays import to_tensor
from fivefold.objective.layout import Layout
from fivefold.objective.model import Model, no_parameters_flat


class ModuleModel(Model):
    """A module as a function of its trainable parameters, through :func:`~fivefold.core.call_with`.

    Buffers and parameters that require no gradient are copied when the model is made and stay as they were.
    The module runs in evaluation mode (no dropout, fixed batch statistics); its own mode is restored after
    every call, and its parameters are never written.

    Args:
        module: Maps inputs ``[n, ...]`` to ``[n]``, ``[n, 1]`` or ``[n, K]``.

    Raises:
        ArgumentError: No trainable parameters, or parameters of several dtypes or devices.

    >>> model = ModuleModel(torch.nn.Linear(3, 1))
    >>> model.size, list(model.layout.shapes)
    (4, ['weight', 'bias'])
    """

    def __init__(self, module: torch.nn.Module) -> None:
        trainable = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
        require(len(trainable) > 0, "a module with trainable parameters", "none")
        kinds = {(p.dtype, p.device) for p in trainable.values()}
        one_kind = len(kinds) == 1 and next(iter(kinds))[0] in (torch.float32, torch.float64)
        require(
            one_kind,
            "parameters that are all float32 or all float64, on one device",
            sorted(str(kind) for kind in kinds),
            "call module.double() or module.float()",
        )
        layout = Layout({name: tuple(p.shape) for name, p in trainable.items()})
        super().__init__(layout.ravel(trainable).clone(), layout, no_parameters_flat(layout.size))
        self.module = module
        frozen = {name: p.detach() for name, p in module.named_parameters() if not p.requires_grad}
        self._frozen = {name: t.clone() for name, t in {**dict(module.named_buffers()), **frozen}.items()}

    def inputs(self, X: Array) -> Tensor:
        """Check inputs; floating ones take the parameters' dtype later, integers (class numbers) stay."""
        if isinstance(X, Tensor) and not X.is_floating_point():
            require(X.ndim >= 1 and X.numel() > 0, "nonempty X [n, ...]", tuple(X.shape))
            return X.to(self.initial.device)
        return to_tensor(X, "X").to(self.initial.device)

    def at(self, like: Tensor) -> Tensor:
        """Return the module's parameters, whatever the inputs' dtype."""
        return self.initial

    def predictor(self, w: Tensor, X: Tensor) -> Tensor:
        """Map one point ``[P]`` and inputs ``[n, ...]`` to the module's output."""
        # Where w was asked for in another precision, what had the parameters' dtype follows.
        own = self.initial.dtype
        frozen = {name: t.to(w.dtype) if t.dtype == own else t for name, t in self._frozen.items()}
        with evaluation_mode(self.module):
            out: Tensor = call_with(self.module, {**self.layout.unravel(w), **frozen}, X)
        return out
