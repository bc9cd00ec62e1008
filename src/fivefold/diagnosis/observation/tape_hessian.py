"""The second derivative of a loss that was seen, as an operator: products by playing its tape."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.diagnosis.observation.graph import graph_nodes
from fivefold.diagnosis.observation.tape import Tape
from fivefold.linalg import LinearOperator


@contextmanager
def plain_kernels(wanted: bool = True) -> Iterator[None]:
    """Compute fused attention and recurrent layers by plain operations, which can be differentiated twice.

    Args:
        wanted: Whether to; otherwise nothing is changed.
    """
    if not wanted:
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    # Switched one by one: torch's own contexts for them set other things too, and warn of those.
    kernels = torch._C._get_mkldnn_enabled(), torch._C._get_cudnn_enabled()
    try:
        torch._C._set_mkldnn_enabled(False)
        torch._C._set_cudnn_enabled(False)
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch._C._set_mkldnn_enabled(kernels[0])
        torch._C._set_cudnn_enabled(kernels[1])


class TapeHessian(LinearOperator):
    r"""The Hessian of a played loss in some tensors at their present values, reverse mode over reverse mode.

    .. math:: H v = \nabla_w \bigl( \nabla_w L(w)^\top v \bigr)

    The graph of the gradient is built once and kept: a product is one reverse pass through it. Gradients that
    the training holds are not touched. Where an operation has no second derivative, plain kernels are tried.

    Args:
        tape: That plays the loss.
        parameters: Leaves of the graph, on one device; those that the loss does not depend on count as such.

    Attributes:
        gradient: The gradient, ``[P]``.
        plain: Whether plain kernels were needed.

    Raises:
        ArgumentError: No parameters, or several devices.
        RuntimeError: An operation has no second derivative.

    >>> tape, w = Tape(), torch.tensor([1.0, 2.0], requires_grad=True)
    >>> tape.open(); tape.parameters[id(w)] = w
    >>> cube = w**3; tape.record(torch.pow, (w, 3), {}, cube)
    >>> loss = cube.sum(); tape.record(torch.sum, (cube,), {}, loss); tape.finish(loss)
    >>> (TapeHessian(tape, [w]) @ torch.ones(2)).tolist()
    [6.0, 12.0]
    """

    def __init__(self, tape: Tape, parameters: Sequence[Tensor]) -> None:
        devices = {p.device for p in parameters}
        require(len(devices) == 1, "parameters on one device", ", ".join(map(str, sorted(map(str, devices)))))
        dtype = torch.float64 if any(p.dtype == torch.float64 for p in parameters) else torch.float32
        size = sum(p.numel() for p in parameters)
        super().__init__((size, size), dtype=dtype, device=parameters[0].device, symmetric=True)
        self._parameters = list(parameters)
        self.plain = False
        try:
            self._build(tape)
            self._matmat(torch.ones(size, 1, dtype=dtype, device=self.device))
        except RuntimeError:
            # Fused kernels have no second derivative; theirs is the same function.
            self.plain = True
            self._build(tape)

    def _build(self, tape: Tape) -> None:
        with torch.enable_grad(), plain_kernels(self.plain):
            slopes = torch.autograd.grad(
                tape.play(), self._parameters, create_graph=True, allow_unused=True, materialize_grads=True
            )
        if any(node.name().endswith("Error") for node in graph_nodes(slopes)):
            # Torch leaves its second derivative out without a word.
            raise RuntimeError("a function that is differentiable once only")
        self._slopes = [s.to_dense() if s.is_sparse else s for s in slopes]
        self.gradient = _flat([s.detach() for s in self._slopes], self.dtype)

    def _matmat(self, X: Tensor) -> Tensor:
        sizes = [p.numel() for p in self._parameters]
        columns = []
        for column in X.unbind(1):
            given = [
                (slope, part.reshape(slope.shape).to(slope.dtype))
                for slope, part in zip(self._slopes, torch.split(column, sizes), strict=True)
                if slope.requires_grad
            ]
            if not given:  # a gradient that is constant
                columns.append(torch.zeros_like(column))
                continue
            with plain_kernels(self.plain):
                found = torch.autograd.grad(
                    [slope for slope, _ in given],
                    self._parameters,
                    [part for _, part in given],
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=True,
                )
            columns.append(_flat(found, self.dtype))
        return torch.stack(columns, dim=1)

    def _adjoint(self) -> "TapeHessian":
        return self


def _flat(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    return torch.cat([(t.to_dense() if t.is_sparse else t).reshape(-1).to(dtype) for t in tensors])
