"""The curvature of each layer by itself: the diagonal blocks of the matrix."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from fivefold.calculus.model_operator import Options
from fivefold.core import Budget, Clock, require
from fivefold.linalg import LinearOperator
from fivefold.objective import Objective
from fivefold.theory.curvature_result import Curvature
from fivefold.theory.curvature_verb import summarise
from fivefold.theory.subject import Loss, Matrix, Subject, Target, examine


@dataclass(frozen=True, eq=False, slots=True)
class LayerCurvature:
    """The curvature of the diagonal block of each layer, or of each named parameter.

    Args:
        blocks: By name, in the order of the parameters; a block's other parameters are held fixed.
        left_out: Names for which no budget was left.
    """

    blocks: dict[str, Curvature]
    left_out: tuple[str, ...]

    @property
    def sharpest(self) -> str:
        """The name of the block with the largest eigenvalue."""
        return max(self.blocks, key=lambda name: self.blocks[name].sharpness)

    @property
    def eigenvalues(self) -> Tensor:
        """The largest of each block, ``[L]``."""
        return torch.stack([each.eigenvalues[0] for each in self.blocks.values()])

    @property
    def traces(self) -> Tensor:
        """Of each block, ``[L]``; they add up to that of the whole matrix."""
        found = [0.0 if each.trace is None else float(each.trace.value) for each in self.blocks.values()]
        return torch.tensor(found, dtype=torch.float64)


def layer_curvature(
    target: Target,
    loss: Loss | None = None,
    data: Any = None,
    *,
    w: Tensor | None = None,
    by: Literal["layer", "parameter"] = "layer",
    k: int = 1,
    matrix: Matrix = "hessian",
    tolerance: float = 1e-2,
    trace_tolerance: float = 0.05,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    **options: Unpack[Options],
) -> LayerCurvature:
    r"""Return the largest eigenvalues and the trace of each diagonal block of a loss's curvature.

    .. math:: H_{\ell\ell} = \nabla^2_{w_\ell} L(w), \qquad \sum_\ell \operatorname{tr} H_{\ell\ell} =
              \operatorname{tr} H, \qquad \max_\ell \lambda_1(H_{\ell\ell}) \le \lambda_1(H)

    Source: Zhang, Chen, Ding, Li, Sun and Luo, "Why transformers need Adam: a Hessian perspective", 2024,
    for what differing blocks mean; the inequality is Cauchy's interlacing.

    Args:
        target: As for :func:`~fivefold.theory.curvature`.
        loss: Likewise.
        data: Likewise.
        w: Likewise.
        by: ``"layer"``: parameters whose names differ in the last part alone (a weight and its bias) go
            together. ``"parameter"``: each by itself.
        k: Eigenvalues of each block, fewer where it is smaller.
        matrix: ``"hessian"`` or ``"gauss-newton"``.
        tolerance: Residual norm of the eigenpairs relative to the largest value.
        trace_tolerance: Standard error relative to the trace.
        seed: Of the probes.
        budget: Seconds or products altogether, shared out evenly among the blocks.
        options: As for :func:`~fivefold.theory.curvature`.

    Returns:
        A :class:`~fivefold.theory.LayerCurvature`.

    Raises:
        ArgumentError: Arguments out of range; what stands in the way of derivatives.

    >>> X = torch.tensor([[1.0], [2.0]])
    >>> found = layer_curvature(torch.nn.Linear(1, 1), torch.nn.MSELoss(), (X, X), by="parameter")
    >>> list(found.blocks), [round(x, 4) for x in found.traces.tolist()], found.sharpest
    (['weight', 'bias'], [5.0, 2.0], 'weight')
    """
    require(by in ("layer", "parameter"), "by = 'layer' or 'parameter'", repr(by))
    require(k >= 1, "k of at least 1", k)
    most = Budget.parse(budget)
    clock = Clock(most)
    whole = examine(target, loss, data, w=w, matrix=matrix, **options)
    groups: dict[str, list[str]] = {}
    for name in whole.sizes:
        groups.setdefault(_layer(name) if by == "layer" else name, []).append(name)
    require(
        most.steps is None or most.steps >= k * len(groups),
        f"at least k = {k} products for each of the {len(groups)} blocks",
        most.steps,
    )
    done: dict[str, Curvature] = {}
    spent = 0
    for number, (name, members) in enumerate(groups.items()):
        left = most.minus(clock.elapsed, spent)
        if left is None:
            break
        blocks = len(groups) - number
        size = sum(whole.sizes[member] for member in members)
        share = Budget(
            None if left.seconds is None else left.seconds / blocks,
            None if left.steps is None else left.steps // blocks,
        )
        found = summarise(
            _part(whole, members, loss, data, matrix, options),
            k=min(k, size),
            density=False,
            tolerance=tolerance,
            trace_tolerance=trace_tolerance,
            seed=seed,
            budget=share,
        )
        done[name] = found
        spent += found.products
    return LayerCurvature(done, tuple(name for name in groups if name not in done))


def _layer(name: str) -> str:
    before, _, last = name.rpartition(".")
    return before or last


def _part(
    whole: Subject, members: list[str], loss: Loss | None, data: Any, matrix: Matrix, options: Options
) -> Subject:
    """The subject in some of its blocks alone."""
    sizes = {name: whole.sizes[name] for name in members}
    rows = torch.cat([torch.arange(at.start, at.stop) for name, at in whole.blocks() if name in sizes])
    if isinstance(whole.model, Objective) or whole.model.network.module is None:
        return replace(whole, operator=Block(whole.operator, rows), w=whole.w[rows], sizes=sizes)
    # Differentiating in these parameters alone is cheaper than products with the whole.
    module = whole.model.network.module
    own = dict(module.named_parameters())
    narrowed: Options = {**options, "parameters": {name: own[name] for name in members}}
    return examine(module, loss, data, matrix=matrix, **narrowed)


class Block(LinearOperator):
    r"""A principal submatrix :math:`E^\top A E` of a symmetric operator.

    Args:
        A: Symmetric ``[n, n]``.
        rows: Which rows and columns, ``[m]``.

    >>> from fivefold.linalg import Dense
    >>> A = Dense([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]], symmetric=True)
    >>> Block(A, torch.tensor([0, 2])).to_dense().tolist()
    [[1.0, 3.0], [3.0, 6.0]]
    """

    def __init__(self, A: LinearOperator, rows: Tensor) -> None:
        m = len(rows)
        super().__init__((m, m), dtype=A.dtype, device=A.device, symmetric=True, positive=A.positive)
        self._A, self._rows = A, rows.to(A.device)

    def _matmat(self, X: Tensor) -> Tensor:
        padded = X.new_zeros(self._A.shape[0], X.shape[1])
        padded[self._rows] = X
        product: Tensor = self._A.apply(padded)[self._rows]
        return product

    def _adjoint(self) -> "Block":
        return self
