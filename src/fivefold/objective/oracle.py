"""An objective behind a black box that speaks NumPy."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg import Array, LinearOperator
from fivefold.linalg.arrays import to_tensor
from fivefold.objective.base import Objective

Vector: TypeAlias = npt.NDArray[np.float64]
ValueAndGradient: TypeAlias = Callable[[Vector], tuple[float, Any]]
Product: TypeAlias = Callable[[Vector, Vector], Any]


class OracleObjective(Objective):
    """A black box as an objective; ``Objective.from_oracle`` makes it. Computes in float64.

    Args:
        value_and_gradient: Maps a float64 array ``[P]`` to a number and an array ``[P]``.
        initial: Where to start, ``[P]``.
        hessian_product: Maps ``w`` and ``v`` (both ``[P]``) to :math:`H(w) v`; by default central
            differences of the gradient.

    Raises:
        ArgumentError: The box does not return a number and an array ``[P]``.

    >>> F = OracleObjective(lambda w: (0.5 * w @ w, w), np.array([3.0, 4.0]))
    >>> F.value(F.initial), F.hessian(F.initial).mode
    (tensor(12.5000, dtype=torch.float64), 'central differences')
    """

    def __init__(
        self,
        value_and_gradient: ValueAndGradient,
        initial: Array,
        hessian_product: Product | None = None,
    ) -> None:
        super().__init__(to_tensor(initial, "the initial point", dims=(1,)).to("cpu", torch.float64))
        self._oracle = value_and_gradient
        self._product = hessian_product
        self._ask(self._initial)

    def _ask(self, w: Tensor) -> tuple[float, Tensor]:
        # The box gets a copy: it may write into its argument or keep it.
        answer = self._oracle(w.numpy().copy())
        pair = isinstance(answer, tuple) and len(answer) == 2
        require(pair, "a pair (value, gradient) from the oracle", type(answer).__name__)
        value, gradient = np.asarray(answer[0], dtype=np.float64), np.asarray(answer[1], dtype=np.float64)
        require(value.size == 1, "one number as the oracle's value", f"shape {value.shape}")
        require(
            gradient.shape == (self.size,),
            f"a gradient of shape ({self.size},) from the oracle",
            f"shape {gradient.shape}",
        )
        return float(value.reshape(())), torch.from_numpy(gradient.copy())

    def _value(self, w: Tensor) -> Tensor:
        return self._value_and_gradient(w)[0]

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        pairs = [self._ask(row) for row in w.detach().reshape(-1, self.size)]
        value = torch.tensor([value for value, _ in pairs], dtype=torch.float64)
        gradient = torch.stack([gradient for _, gradient in pairs])
        return value.reshape(w.shape[:-1]), gradient.reshape(w.shape)

    def _hessian(self, w: Tensor) -> "OracleHessian":
        require(w.ndim == 1, "one point [P] for the Hessian of a black box", f"shape {tuple(w.shape)}")
        return OracleHessian(w.detach(), lambda x: self._ask(x)[1], self._product)


class OracleHessian(LinearOperator):
    r"""The Hessian of a black box, by its own product or by central differences of its gradient.

    .. math:: H v \approx \frac{g(w + h v) - g(w - h v)}{2 h}, \quad
              h = \varepsilon^{1/3} \frac{\max(1, \lVert w \rVert)}{\lVert v \rVert}

    Source: Nocedal & Wright 2006, "Numerical Optimization", section 8.1.

    Args:
        w: The point, ``[P]``, float64.
        gradient: Maps ``[P]`` to ``[P]``.
        product: The box's own product, in NumPy, or ``None``.

    Raises:
        ArgumentError: The product has another shape.
    """

    def __init__(self, w: Tensor, gradient: Callable[[Tensor], Tensor], product: Product | None) -> None:
        super().__init__((w.shape[0], w.shape[0]), symmetric=True)
        self._w = w
        self._gradient = gradient
        self._product = product

    @property
    def mode(self) -> str:
        """``"hessian product"`` or ``"central differences"``."""
        return "central differences" if self._product is None else "hessian product"

    def _column(self, v: Tensor) -> Tensor:
        if self._product is not None:
            out = np.asarray(self._product(self._w.numpy().copy(), v.numpy().copy()), dtype=np.float64)
            size = self.shape[0]
            require(out.shape == (size,), f"a Hessian product of shape ({size},)", f"shape {out.shape}")
            return torch.from_numpy(out.copy())
        length = float(v.norm())
        if length == 0:
            return torch.zeros_like(v)
        h: float = torch.finfo(torch.float64).eps ** (1 / 3) * max(1.0, float(self._w.norm())) / length
        return (self._gradient(self._w + h * v) - self._gradient(self._w - h * v)) / (2 * h)

    def _matmat(self, X: Tensor) -> Tensor:
        columns = X.detach().movedim(-2, -1).reshape(-1, X.shape[-2])
        out = torch.stack([self._column(column) for column in columns])
        return out.reshape(*X.shape[:-2], X.shape[-1], X.shape[-2]).movedim(-1, -2)

    def _adjoint(self) -> "OracleHessian":
        return self
