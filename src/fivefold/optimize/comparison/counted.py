"""An objective of the same kind that counts and records every evaluation: what fair comparison looks at."""

import math
from typing import Any, TypeVar, cast

from torch import Tensor

from fivefold.linalg import Array, LinearOperator
from fivefold.objective import DataObjective, Objective, ResidualObjective
from fivefold.objective.linear_path import PredictorHessian
from fivefold.optimize.comparison.trace import HALF_COST, PRODUCT_COST, VALUE_COST, Recorder

Kind = TypeVar("Kind", bound=Objective | LinearOperator)


def count_evaluations(objective: Objective, recorder: Recorder) -> Objective:
    """Return a twin of an objective whose evaluations a recorder counts, times and keeps.

    It is of the objective's own class too, so that a method which needs residuals, rows or products finds
    them. In gradients: a value with its gradient costs 1, a value alone 1/3; a product with a Hessian,
    Gauss-Newton or Fisher matrix 2, with a Jacobian or its adjoint 1; a dense matrix as many products as
    its shorter side, or for a linear model the operations of its Gram matrices; all of it, on a share of the
    rows, that share. What depends on the
    data alone (column norms) is free.

    Args:
        objective: Any; it stays as it is.
        recorder: Where to; it ends the run where the budget is spent.

    >>> import torch
    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(3))
    >>> recorder = Recorder(F.initial)
    >>> twin = count_evaluations(F, recorder)
    >>> _ = twin.value_and_gradient(torch.zeros(4, 3)), twin.hessian(F.initial).to_dense()
    >>> recorder.gradients, isinstance(twin, type(F))
    (10.0, True)
    """
    mixin: type[Objective] = _Counted
    if isinstance(objective, DataObjective):
        mixin = _CountedData
    elif isinstance(objective, ResidualObjective):
        mixin = _CountedResiduals
    twin = made_twin(objective, mixin)
    vars(twin).update(_recorder=recorder, _share=1.0)
    return twin


def made_twin(original: Kind, mixin: type) -> Kind:
    """Return a shallow copy that is of the original's class too, with another class before it.

    >>> F = Objective.from_function(lambda w: (w**2).sum(), [1.0])
    >>> isinstance(made_twin(F, type("Before", (), {})), type(F))
    True
    """
    kind = type(original)
    made = type(f"{mixin.__name__.lstrip('_')}{kind.__name__}", (mixin, kind), {})
    twin: Any = object.__new__(made)
    vars(twin).update(vars(original))
    return cast(Kind, twin)


class _Counted(Objective):
    """Before an objective's class: what every objective has."""

    _recorder: Recorder
    _share: float

    def _value(self, w: Tensor) -> Tensor:
        with self._recorder.paid(VALUE_COST * self._share * _points(w)):
            value: Tensor = super()._value(w)  # type: ignore[safe-super]
        self._see(w, value, None)
        return value

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        with self._recorder.paid(self._share * _points(w)):
            value, gradient = super()._value_and_gradient(w)  # type: ignore[safe-super]
        self._see(w, value, gradient)
        return value, gradient

    def _hessian(self, w: Tensor) -> LinearOperator:
        return self._counted(super()._hessian(w), PRODUCT_COST)  # type: ignore[safe-super]

    def _counted(self, operator: LinearOperator, cost: float) -> LinearOperator:
        return _count_products(operator, self._recorder, cost * self._share)

    def _see(self, w: Tensor, value: Tensor, gradient: Tensor | None) -> None:
        # the mean over some of the rows is another function
        if self._share == 1.0:
            self._recorder.see(w, value, None if gradient is None else gradient.norm(dim=-1))


class _CountedResiduals(_Counted, ResidualObjective):  # type: ignore[misc]
    """Before a least-squares objective."""

    def residuals(self, w: Array) -> Tensor:
        with self._recorder.paid(VALUE_COST):
            r = super().residuals(w)
        self._see(self._point(w), 0.5 * (r * r).sum(), None)
        return r

    def jacobian(self, w: Array) -> Any:
        return self._counted(super().jacobian(w), HALF_COST)

    def gauss_newton(self, w: Array) -> Any:
        return self._counted(super().gauss_newton(w), PRODUCT_COST)


class _CountedData(_Counted, DataObjective):
    """Before an objective with rows."""

    def on(self, rows: Array) -> DataObjective:
        part = super().on(rows)
        vars(part)["_share"] = self._share * part.rows / self.rows
        return part

    def predictor(self, w: Array) -> Tensor:
        with self._recorder.paid(VALUE_COST * self._share * _points(self._point(w))):
            return super().predictor(w)

    def gauss_newton(self, w: Array) -> LinearOperator:
        return self._counted(super().gauss_newton(w), PRODUCT_COST)

    def fisher(self, w: Array) -> LinearOperator:
        return self._counted(super().fisher(w), PRODUCT_COST)

    def jacobian(self, w: Array) -> LinearOperator:
        return self._counted(super().jacobian(w), HALF_COST)


def _points(w: Tensor) -> int:
    return math.prod(w.shape[:-1])


def _count_products(operator: LinearOperator, recorder: Recorder, cost: float) -> LinearOperator:
    linear = isinstance(operator, PredictorHessian)
    twin = made_twin(operator, _CountedCurvature if linear else _CountedOperator)
    vars(twin).update(_recorder=recorder, _cost=cost)
    return twin


class _CountedOperator(LinearOperator):
    """Before an operator's class."""

    _recorder: Recorder
    _cost: float

    def _matmat(self, X: Tensor) -> Tensor:
        with self._recorder.paid(self._cost * X.numel() / X.shape[-2]):
            out: Tensor = super()._matmat(X)  # type: ignore[safe-super]
        return out

    def _adjoint(self) -> LinearOperator:
        adjoint = super()._adjoint()  # type: ignore[safe-super]
        return _count_products(adjoint, self._recorder, self._cost)

    def to_dense(self) -> Tensor:
        with self._recorder.paid(self._cost * min(self.shape[-2:]) * math.prod(self.batch)):
            return super().to_dense()


class _CountedCurvature(_CountedOperator, PredictorHessian):  # type: ignore[misc]
    """Before the curvature of a linear model, which Gram matrices form at far less than P products.

    A gradient costs 4 n p K operations, one Gram matrix of the p columns n p^2, and K (K + 1) / 2 are needed.
    """

    def to_dense(self) -> Tensor:
        K = self._model.outputs
        with self._recorder.paid(self._gram_cost * K * (K + 1) / 2 * math.prod(self.batch)):
            return super().to_dense()

    def kronecker(self) -> tuple[Tensor, Tensor]:
        with self._recorder.paid(self._gram_cost):
            return super().kronecker()

    @property
    def _gram_cost(self) -> float:
        share = self._cost / PRODUCT_COST
        return share * max(1.0, self._model.features / (4 * self._model.outputs))
