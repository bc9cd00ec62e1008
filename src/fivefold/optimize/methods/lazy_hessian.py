"""A Hessian of which only the columns that are asked for are made."""

import torch
from torch import Tensor

from fivefold.linalg import LinearOperator

SMALL = 300
"""Largest P at which the whole matrix is made at once."""
SHARE = 0.25
"""Share of the columns beyond which the whole matrix costs less than products with unit vectors."""


class LazyHessian:
    """Blocks of a Hessian at one point, from columns that are kept.

    Args:
        operator: The Hessian [P, P].

    >>> from fivefold.linalg import as_operator
    >>> H = LazyHessian(as_operator(torch.tensor([[2.0, 1.0], [1.0, 3.0]])))
    >>> H.block(torch.tensor([1])).tolist()
    [[3.0]]
    """

    def __init__(self, operator: LinearOperator) -> None:
        self._operator = operator
        self._dense: Tensor | None = None
        self._place: dict[int, int] = {}
        self._columns: Tensor | None = None

    def block(self, index: Tensor) -> Tensor:
        """The rows and columns ``index`` [k], as a positive semidefinite matrix [k, k]."""
        size = self._operator.shape[-1]
        missing = [j for j in index.tolist() if j not in self._place]
        if self._dense is None and (size <= SMALL or len(self._place) + len(missing) > SHARE * size):
            self._dense, self._columns, self._place = self._operator.to_dense(), None, {}
        if self._dense is not None:
            whole = index.shape[0] == size
            return _positive(self._dense if whole else self._dense[index[:, None], index])
        if missing:
            units = torch.zeros(size, len(missing), dtype=self._operator.dtype, device=self._operator.device)
            units[missing, range(len(missing))] = 1
            made = self._operator @ units
            self._place |= {j: len(self._place) + place for place, j in enumerate(missing)}
            self._columns = made if self._columns is None else torch.cat([self._columns, made], dim=1)
        places = torch.tensor([self._place[j] for j in index.tolist()], device=index.device)
        assert self._columns is not None
        return _positive(self._columns[index][:, places])


def _positive(H: Tensor) -> Tensor:
    """H, or |H| where it has a negative eigenvalue; the identity where it is not finite."""
    H = 0.5 * (H + H.mT)
    unit = torch.eye(H.shape[0], dtype=H.dtype, device=H.device)
    if not bool(torch.isfinite(H).all()):
        return unit
    lift = 1e3 * torch.finfo(H.dtype).eps * float(H.diagonal().abs().max())
    if int(torch.linalg.cholesky_ex(H + max(lift, 1e-30) * unit)[1]) == 0:
        return H
    values, vectors = torch.linalg.eigh(H)
    floor = float(values.abs().max()) * 1e-8
    made: Tensor = (vectors * values.abs().clamp_min(max(floor, 1e-30))) @ vectors.mT
    return made
