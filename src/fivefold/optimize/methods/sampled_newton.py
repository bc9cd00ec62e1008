"""Newton on some of the rows as the first matrix of L-BFGS on all of them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from fivefold.core import child_seed, torch_generator
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.objective.linear_path import LinearJacobian, PredictorHessian
from fivefold.optimize.methods.directions import QuasiNewton
from fivefold.optimize.methods.lbfgs import Memory
from fivefold.optimize.methods.optimality import Curvatures

ROWS_PER_COLUMN = 40
"""Rows of the sample per column of the design; with 20 and P = 200 it took two more passes over all rows."""
LEAST_SHARE = 5
"""Times the sample that there must be rows for it to pay."""
COLUMNS = 2000
"""Most columns of the design, whose sample's Gram matrix is factorized."""
SPECTRUM_SIZE = 1000
"""Most parameters of which the sample's eigenvalues are computed for a certificate."""
GROWTH = 4
"""Times by which a sample grows that did not do."""
_FAST = 0.5
"""Share of the gradient's norm that a step of plain L-BFGS leaves at most where no sample is drawn."""
_UNSCALED = 2
"""Gradients before the first step that knows the scale of the curvature."""
_SLOW = 0.67
"""Share of the gradient's norm that a step may leave before the sample grows."""
_TRUST = 1.5
"""Ratio of measured to modelled curvature along a step beyond which the model is made again."""
_ALIKE = 10.0
"""Ratio of the prior's precisions up to which one stands for all of them, for several outputs."""


def suits(objective: Objective) -> bool:
    """Whether an objective is convex and linear in its parameters, with rows for a sample to stand for them.

    >>> from fivefold.probability import Bernoulli
    >>> X = torch.eye(2)
    >>> suits(DataObjective(Linear(X), Bernoulli(), (X, [0, 1])))
    False
    """
    if not isinstance(objective, DataObjective) or not isinstance(objective.model, Linear):
        return False
    model, likelihood = objective.model, objective.likelihood
    if not likelihood.convex or likelihood.parameters or model.features > COLUMNS:
        return False
    if objective.rows < LEAST_SHARE * _sample_size(model):
        return False
    if model.outputs == 1 or objective.prior is None:
        return True
    ridge = objective.prior.curvature(objective.initial)[: model.outputs * model.features]
    return bool(ridge.max() <= _ALIKE * ridge.min())


class SampledNewton:
    r"""L-BFGS whose :math:`H_0` is the inverse of the Hessian on a sample of the rows, where it needs one.

    It begins as plain L-BFGS, which nothing beats where the columns are alike and nearly uncorrelated: from
    its second step on, each leaves a third of the gradient's norm or less there. The first step that leaves
    more than half of it ends that, and a sample is drawn.

    .. math:: B = C \otimes A + R, \qquad C = \sum_{i \in S} D_i, \qquad
              A = \sum_{i \in S} t_i\, \bar x_i \bar x_i^\top / \sum_{i \in S} t_i

    with D the likelihood's curvature, t its trace and R the prior's share. For one output that is the
    sample's Hessian; for several, the nearest thing to it that two small eigendecompositions invert. With m
    rows the eigenvalues of :math:`B^{-1} \nabla^2 F` lie near :math:`(1 \pm \sqrt{P/m})^{\pm 2}`, whatever
    the conditioning, and L-BFGS corrects what the sample lacks. A step costs one pass over all rows, and a
    new B where the curvature along the last step was not what B says of it.

    Where, for one output, the gradient's norm does not fall by a third in a step, the sample grows, in the
    end to all rows, which is Newton's method: nearly separable classes leave few rows with any curvature.

    The diagonal of A is raised for columns whose mean square over all rows is more than twice that in the
    sample: a column that the sample hardly contains would be taken for flat.

    Source: Byrd, Chin, Neveitt & Nocedal 2011, "On the use of stochastic Hessian information in optimization
    methods for machine learning"; Erdogdu & Montanari 2015, "Convergence rates of sub-sampled Newton
    methods".

    Args:
        objective: One that :func:`suits`.
        size: Pairs kept.
    """

    curvature = 0.9

    def __init__(self, objective: DataObjective, size: int = 10) -> None:
        assert isinstance(objective.model, Linear)
        self._model = objective.model
        count = min(_sample_size(self._model), objective.rows)
        self._objective = objective
        self._order = torch.randperm(
            objective.rows, generator=torch_generator(child_seed(0, "sampled newton"))
        )
        self._count = count
        self._plain = QuasiNewton(size)
        self._waited: int | None = 0
        self._memory = self._plain.memory
        self._models: dict[int, _Curvature] = {}
        self._norms: dict[int, float] = {}

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """-H g, the whole step first."""
        norms = {row: float(gradient[row].norm()) for row in rows.tolist()}
        share = max((norm / self._norms.get(row, math.inf) for row, norm in norms.items()), default=0.0)
        if self._waited is not None and (self._waited < _UNSCALED or share <= _FAST):
            self._waited += 1
            self._norms |= norms
            return self._plain.find(w, gradient, rows)
        slow = share > _SLOW and self._waited is None
        self._waited = None
        if slow and self._model.outputs == 1:  # more rows do not bring a Kronecker product nearer
            self._grow()
        self._norms |= norms
        for row in norms:
            if row not in self._models:
                self._models[row] = self._make(w[row])
        return self._memory.direction(gradient, self._solve)[rows], torch.ones_like(gradient[rows, 0])

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Push the pairs, and give up the models that were wrong about the curvature along the step.

        With all rows in the sample of one output it is Newton's method, in which old pairs have no say.
        """
        if self._waited is None and self._exact:
            self._models.clear()
            return
        self._memory.push(s, y)
        for row in list(self._models):
            said, measured = float(s[row] @ self._models[row].apply(s[row])), float(s[row] @ y[row])
            if said > 0 and not 1 / _TRUST < measured / said < _TRUST:
                del self._models[row]

    def reset(self, rows: Tensor) -> None:
        """Drop pairs and models of those rows, for which a larger sample is taken."""
        self._waited = None
        self._grow()
        self._memory.forget(rows)

    def lower_bound(self, w: Tensor) -> Curvatures | None:
        r"""Return a lower bound on the eigenvalues of the whole Hessian at w [P], from the sample.

        .. math:: \nabla^2 F = \frac1n \sum_{i=1}^n D_i \otimes \bar x_i \bar x_i^\top + R
                  \succeq \frac{m}{n} (\nabla^2 F_S - R) + R

        as no row of a convex likelihood has negative curvature. ``None`` where it is not finite, or large.
        """
        if w.shape[0] > SPECTRUM_SIZE:
            return None
        operator = self.part.hessian(w)
        assert isinstance(operator, PredictorHessian)
        H, prior, share = (
            operator.to_dense(),
            torch.diag(operator.ridge),
            self.part.rows / self._objective.rows,
        )
        if not bool(torch.isfinite(H).all()):
            return None
        lowest = float(torch.linalg.eigvalsh(share * (H - prior) + prior)[0])
        largest = float(torch.linalg.matrix_norm(H, 1))
        noise = 100 * w.shape[0] * torch.finfo(w.dtype).eps * largest
        part = f"the Hessian of {self.part.rows:,} rows, which the others can only raise"
        return Curvatures(lowest, largest, noise, part)

    def _grow(self) -> None:
        """Take more rows into the sample, in the end all."""
        count = GROWTH * self.part.rows
        self._models.clear()
        vars(self).pop("_own", None)
        if count < self._objective.rows:
            self.part = self._objective.on(self._order[:count].sort().values)
        elif self.part is not self._objective:
            self.part = self._objective
            if self._exact:
                self._memory = Memory(self._memory.size)

    @cached_property
    def part(self) -> DataObjective:
        """The objective on the sample, drawn when it is first asked for."""
        return self._objective.on(self._order[: self._count].sort().values)

    @cached_property
    def _own(self) -> Tensor:
        return self._column_squares(self.part)

    @cached_property
    def _squares(self) -> Tensor:
        return self._column_squares(self._objective)

    @property
    def _exact(self) -> bool:
        """Whether B is the Hessian of all rows: a Kronecker product never is, and lives by the pairs."""
        return self.part is self._objective and self._model.outputs == 1

    @staticmethod
    def _column_squares(objective: DataObjective) -> Tensor:
        J = objective.jacobian(objective.initial)
        assert isinstance(J, LinearJacobian)
        return J.column_squares()

    def _missing(self, diagonal: Tensor) -> Tensor:
        """What the diagonal of A lacks for columns of which the sample holds less than half its share."""
        own, whole = self._own, self._squares
        scaled = torch.where(own > 0, diagonal * whole / own.clamp_min(_tiny(own)), whole)
        return (0.5 * scaled - diagonal).clamp_min(0)

    def _solve(self, q: Tensor) -> Tensor:
        return torch.stack([self._models[k].solve(v) if k in self._models else v for k, v in enumerate(q)])

    def _make(self, w: Tensor) -> "_Curvature":
        operator = self.part.hessian(w)
        assert isinstance(operator, PredictorHessian)
        C, A = operator.kronecker()
        A = A + torch.diag(self._missing(A.diagonal()))
        if self._model.outputs == 1:
            return _Dense.of(C * A + torch.diag(operator.ridge))
        ridge = operator.ridge[: self._model.outputs * self._model.features].mean()
        return _Product.of(self._model, C, A, ridge)


class _Curvature(Protocol):
    """B, with its product and its inverse's."""

    def apply(self, v: Tensor) -> Tensor: ...

    def solve(self, q: Tensor) -> Tensor: ...


@dataclass(frozen=True, eq=False, slots=True)
class _Dense:
    matrix: Tensor
    factor: Tensor

    @classmethod
    def of(cls, B: Tensor) -> "_Dense":
        """Factorize, with as much on the diagonal as it takes."""
        jitter = torch.finfo(B.dtype).eps * B.diagonal().mean()
        while True:
            factor, failed = torch.linalg.cholesky_ex(B)
            if not bool(failed) or not bool(torch.isfinite(jitter)):
                return cls(B, factor)
            B, jitter = B + jitter * torch.eye(B.shape[0], dtype=B.dtype, device=B.device), 100 * jitter

    def apply(self, v: Tensor) -> Tensor:
        return self.matrix @ v

    def solve(self, q: Tensor) -> Tensor:
        return torch.cholesky_solve(q[:, None], self.factor)[:, 0]


@dataclass(frozen=True, eq=False, slots=True)
class _Product:
    r"""(V \otimes U) diag(c_k a_j + r) (V \otimes U)^T in the order of w."""

    model: Linear
    V: Tensor
    U: Tensor
    values: Tensor

    @classmethod
    def of(cls, model: Linear, C: Tensor, A: Tensor, ridge: Tensor) -> "_Product":
        c, V = torch.linalg.eigh(C)
        a, U = torch.linalg.eigh(A)
        values = c.clamp_min(0)[:, None] * a.clamp_min(0) + ridge
        # a direction that neither rows nor prior determine (softmax scores up to a constant) is not moved in
        floor = 1e-8 * values.max()
        return cls(model, V, U, values.clamp_min(floor))

    def apply(self, v: Tensor) -> Tensor:
        return self._rotate(v, self.values)

    def solve(self, q: Tensor) -> Tensor:
        return self._rotate(q, 1 / self.values)

    def _rotate(self, v: Tensor, values: Tensor) -> Tensor:
        inner = self.V.mT @ self.model.to_blocks(v) @ self.U
        return self.model.from_blocks(self.V @ (values * inner) @ self.U.mT)


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny


def _sample_size(model: Linear) -> int:
    return ROWS_PER_COLUMN * (model.features + 1)
