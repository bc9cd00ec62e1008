"""What a damped step knows of F around one point: the protocol, and the points that are remembered."""

import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

DENSE_BYTES = 1 << 27
"""Most bytes of a Jacobian or a curvature that is formed; beyond it, products are used."""
DENSE_COLUMNS = 2000
"""Most parameters with which one is formed: factoring it costs their third power."""
INNER_STEPS = 100
"""Most products of one matrix-free solve; a step cut short still goes downhill."""


class Linearization(Protocol):
    """F around w [P]: value [], gradient [P], and the quadratic model whose minimum is the step."""

    w: Tensor
    value: Tensor
    gradient: Tensor
    scale: Tensor
    """The size of each parameter's effect [P]: column lengths of J, or roots of the curvature's diagonal."""
    refines: bool
    """Whether steps within rounding's square root of the end are worth their cost."""

    def step(self, damping: float, scale: Tensor) -> tuple[Tensor, float]:
        """Minimise the model plus damping |scale * p|^2 / 2: p [P], and the model's decrease along it."""
        ...

    def shortest(self) -> Tensor:
        """Minimise the model alone; where many points do, the nearest in units of the scale, [P]."""
        ...

    def correction(self, p: Tensor, damping: float, scale: Tensor) -> Tensor | None:
        """What the residuals' second derivative along the step p adds to it [P]; ``None`` where unknown."""
        ...

    def decrease(self, w: Tensor) -> tuple[float, float]:
        """By how much F at w is lower, and the size of that number's rounding error."""
        ...

    @property
    def distance(self) -> float:
        """How far w is from stationary; infinite where the model is not finite."""
        ...


Linearize: TypeAlias = Callable[[Tensor], Linearization]
"""A point [P] to F around it."""


class Linearizations:
    """F around the points of a descent, each made once.

    Args:
        linearize: A point [P] to F around it.
    """

    def __init__(self, linearize: Linearize) -> None:
        self._linearize = linearize
        self._seen: dict[bytes, Linearization] = {}

    def around(self, w: Tensor) -> Linearization:
        """F around w [P]."""
        key = _key(w)
        if key not in self._seen:
            self._seen[key] = self._linearize(w)
        return self._seen[key]

    def distance(self, w: Tensor, gradient: Tensor) -> Tensor:
        """How far the points w [B, P] are from stationary, [B]; their gradients are known here."""
        del gradient
        return torch.tensor([self.around(point).distance for point in w], dtype=w.dtype, device=w.device)

    def keep(self, w: Tensor) -> None:
        """Forget all but those points [B, P]."""
        keys = {_key(point) for point in w}
        self._seen = {key: each for key, each in self._seen.items() if key in keys}


def _key(w: Tensor) -> bytes:
    data: bytes = w.detach().cpu().contiguous().numpy().tobytes()
    return data


def fits(rows: int, w: Tensor) -> bool:
    """Whether a matrix of that many rows, and a column for each entry of w [P], is formed.

    >>> fits(10, torch.zeros(3)), fits(1 << 30, torch.zeros(3))
    (True, False)
    """
    P = w.shape[0]
    return P <= DENSE_COLUMNS and rows * P * w.element_size() <= DENSE_BYTES


def random_signs(rows: int, columns: int, like: Tensor) -> Tensor:
    """The same random signs at each call, [rows, columns].

    >>> random_signs(2, 1, torch.zeros(1)).abs().tolist()
    [[1.0], [1.0]]
    """
    drawn = torch.randint(0, 2, (rows, columns), generator=torch.Generator().manual_seed(0))
    return (2 * drawn - 1).to(like)


def within_rounding(size: float, like: Tensor) -> float:
    """The rounding error of a residual whose terms have that size.

    >>> within_rounding(1.0, torch.zeros(1, dtype=torch.float64)) == 2.0**-48
    True
    """
    # a few operations make each term
    return 16 * torch.finfo(like.dtype).eps * size if math.isfinite(size) else math.inf
