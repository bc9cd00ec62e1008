"""A module, or a function of named tensors, as a function of one vector of parameters."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod

import torch
from torch import Tensor

from fivefold.core import call_with, require

Outputs = Callable[[dict[str, Tensor], Tensor], Tensor]


class Network:
    """The outputs of a model at inputs, as a function of the vector of its parameters.

    The parameters are copied when the network is made, and the model's own are never written; other
    parameters and buffers are read as they are. Operations that cannot be differentiated twice are replaced
    by those that can, as :attr:`replaced` tells.

    Args:
        model: A module, or a function that maps named tensors and inputs to outputs.
        parameters: The named tensors to differentiate in; a module's trainable ones by default.
        evaluation: Whether a module is switched to evaluation mode during each call: no dropout, batch norm
            with its running statistics. Its own mode comes back afterwards.

    Raises:
        ArgumentError: No parameters, unknown ones, or several dtypes or devices.

    >>> network = Network(torch.nn.Linear(3, 1))
    >>> network.size, list(network.shapes), network(network.w, torch.ones(5, 3)).shape
    (4, ['weight', 'bias'], torch.Size([5, 1]))
    """

    def __init__(
        self,
        model: torch.nn.Module | Outputs,
        parameters: Mapping[str, Tensor] | None = None,
        *,
        evaluation: bool = False,
    ) -> None:
        self.module = model if isinstance(model, torch.nn.Module) else None
        self._fn = None if isinstance(model, torch.nn.Module) else model
        named: Mapping[str, Tensor]
        if self.module is None:
            require(callable(model), "a module, or a function of parameters and inputs", type(model).__name__)
            require(
                parameters is not None,
                "parameters, a dict of tensors, for a model that is a function",
                None,
                "pass parameters={'weight': ..., ...}",
            )
            named = parameters or {}
        else:
            own = dict(self.module.named_parameters())
            trainable = {name: p for name, p in own.items() if p.requires_grad}
            named = trainable if parameters is None else parameters
            unknown = sorted(set(named) - set(own))
            require(not unknown, f"parameters among {list(own)}", unknown)
            wrong = [name for name, p in named.items() if p.shape != own[name].shape]
            require(not wrong, "parameters in the shapes that the module has", wrong)
        require(
            len(named) > 0,
            "at least one parameter",
            "none",
            "set requires_grad on those that are meant, or pass parameters=",
        )
        kinds = {(p.dtype, p.device) for p in named.values()}
        require(
            len(kinds) == 1 and next(iter(kinds))[0] in (torch.float32, torch.float64),
            "parameters that are all float32 or all float64, on one device",
            sorted(str(kind) for kind in kinds),
            "call module.double() or module.float()",
        )
        self.shapes = {name: tuple(p.shape) for name, p in named.items()}
        self._sizes = [prod(shape) for shape in self.shapes.values()]
        self.size = sum(self._sizes)
        self.w = torch.cat([p.detach().reshape(-1) for p in named.values()]).clone()
        bad = [name for name, p in named.items() if not bool(torch.isfinite(p.detach()).all())]
        require(not bad, "finite parameters", f"NaN or infinity in {bad}", "train with a smaller step")
        self.evaluation = evaluation
        self.plain_attention = False

    @property
    def recurrent(self) -> bool:
        """Whether the module has recurrent layers, whose fused kernels have no second derivative."""
        return self.module is not None and any(
            isinstance(part, torch.nn.RNNBase) for part in self.module.modules()
        )

    @property
    def replaced(self) -> tuple[str, ...]:
        """What is computed by plainer operations than the model asks for, with the same result."""
        names = ["fused attention"] if self.plain_attention else []
        return (*names, "fused recurrent layers") if self.recurrent else tuple(names)

    def unravel(self, w: Tensor) -> dict[str, Tensor]:
        """View ``[P]`` as named tensors.

        Raises:
            ArgumentError: Another shape.
        """
        require(w.shape == (self.size,), f"w of shape ({self.size},)", tuple(w.shape))
        # split and not slices: its derivative joins once, where each slice would pad to the full length.
        pieces = torch.split(w, self._sizes)
        return {
            name: piece.reshape(shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def ravel(self, named: Mapping[str, Tensor]) -> Tensor:
        """Join named tensors to ``[P]``.

        Raises:
            ArgumentError: Other names or shapes.
        """
        shapes = {name: tuple(p.shape) for name, p in named.items()}
        require(shapes == self.shapes or dict(sorted(shapes.items())) == dict(sorted(self.shapes.items())),
                f"tensors {self.shapes}", shapes)  # fmt: skip
        return torch.cat([named[name].reshape(-1) for name in self.shapes])

    def __call__(self, w: Tensor, X: Tensor) -> Tensor:
        """Map ``[P]`` and inputs ``[n, ...]`` to the model's outputs."""
        return self.at(self.unravel(w), X)

    def at(self, named: dict[str, Tensor], X: Tensor) -> Tensor:
        """Map named tensors and inputs to the model's outputs."""
        with self._twice_differentiable():
            if self.module is None:
                assert self._fn is not None
                return self._fn(named, X)
            if not self.evaluation or not self.module.training:
                out: Tensor = call_with(self.module, named, X)
                return out
            with evaluation_mode(self.module):
                out = call_with(self.module, named, X)
        return out

    @contextmanager
    def _twice_differentiable(self) -> Iterator[None]:
        with ExitStack() as stack:
            if self.plain_attention:
                from torch.nn.attention import SDPBackend, sdpa_kernel

                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if self.recurrent:
                stack.enter_context(warnings.catch_warnings())
                # copied parameters are not one block of memory; only the speed of cuDNN depends on that
                warnings.filterwarnings("ignore", message="RNN module weights are not part of single")
                warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
                stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            yield


@contextmanager
def evaluation_mode(module: torch.nn.Module) -> Iterator[None]:
    """Switch a module to evaluation mode inside the block; parts that were training train again after it."""
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
