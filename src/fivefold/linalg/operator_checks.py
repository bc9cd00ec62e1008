"""Cheap questions to an operator: is it the same twice, is it symmetric, is its adjoint its adjoint?"""

import torch

from fivefold.core import Certificate, Kind, torch_generator
from fivefold.linalg.operator import LinearOperator

_ROUNDINGS = 1e4  # differences up to this many units in the last place count as rounding


def repeatable(A: LinearOperator, *, seed: int = 0) -> Certificate:
    r"""Whether two products with the same vector agree: :math:`\|A x - A x\| / \|A x\|`.

    An operator over data that are shuffled, or over a network with dropout, does not.

    >>> from fivefold.linalg import Identity
    >>> repeatable(Identity(3)).verdict
    'yes'
    """
    x = _random(A, A.shape[-1], seed)
    first, second = A.apply(x), A.apply(x)
    value = float((first - second).norm() / first.norm().clamp(min=torch.finfo(A.dtype).tiny))
    return _certificate("two products of A with one vector agree", value, A, "|Ax - Ax| / |Ax|")


def adjoint_matches(A: LinearOperator, *, seed: int = 0) -> Certificate:
    r"""Whether :math:`\langle A x, y \rangle = \langle x, A^* y \rangle` for two random vectors.

    For an operator that says it is symmetric, this asks whether it is. A false answer proves the defect; a
    true one means its absence with probability one.

    >>> from fivefold.linalg import Dense
    >>> adjoint_matches(Dense([[1.0, 2.0]])).verdict
    'yes'
    """
    x, y = _random(A, A.shape[-1], seed), _random(A, A.shape[-2], seed + 1)
    Ax, Ay = A.apply(x), A.adjoint().apply(y)
    scale = Ax.norm() * y.norm() + x.norm() * Ay.norm()
    gap = ((Ax * y).sum() - (x * Ay).sum()).abs()
    value = float(gap / scale.clamp(min=torch.finfo(A.dtype).tiny))
    claim = "A is symmetric" if A.symmetric else "the adjoint of A is its adjoint"
    return _certificate(claim, value, A, "|<Ax, y> - <x, A*y>| / (|Ax| |y| + |x| |A*y|)")


def complaint(A: LinearOperator) -> str:
    """Return what is wrong with an operator on which an iteration failed, or an empty string.

    >>> from fivefold.linalg import Identity
    >>> complaint(Identity(3))
    ''
    """
    if repeatable(A).holds is False:
        return "A changes between products (shuffled data, dropout?): make it deterministic"
    if adjoint_matches(A).holds is False:
        return "A is claimed symmetric and is not" if A.symmetric else "the adjoint of A is not its adjoint"
    return ""


def _random(A: LinearOperator, size: int, seed: int) -> torch.Tensor:
    x = torch.randn((size, 1), generator=torch_generator(seed, "check"), dtype=torch.float64)
    return x.to(dtype=A.dtype, device=A.device)


def _certificate(claim: str, value: float, A: LinearOperator, method: str) -> Certificate:
    limit = _ROUNDINGS * float(torch.finfo(A.dtype).eps)
    return Certificate(claim, Kind.INDICATOR, value <= limit, bound=limit, value=value, method=method)
