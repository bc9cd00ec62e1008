"""The inverse of an operator as an operator: every product is a certified solve."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from fivefold.core import Budget, NumericalError, Status, require
from fivefold.linalg.arrays import Array
from fivefold.linalg.dense import as_operator
from fivefold.linalg.dense_solve import Raw
from fivefold.linalg.linear_solve import Solution, Solver, reusable, solve
from fivefold.linalg.operator import LinearOperator, require_matrix


class Inverse(LinearOperator):
    r"""The operator :math:`A^{-1}`, which solves :math:`A x = b` at each product.

    Nothing is solved before the first product. A dense factor is then made once and kept. The last solve, its
    status and certificates are in ``last``; how many products there were, in ``products``. A solve that did
    not converge raises, since a product cannot carry a status.

    Args:
        operator: A, square.
        method: As for :func:`fivefold.linalg.solve`.
        preconditioner: As for :func:`fivefold.linalg.solve`.
        tolerance: Relative residual of iterative solves.
        budget: What one iterative solve may spend.

    >>> B = Inverse(as_operator([[2.0, 0.0], [1.0, 1.0]]))
    >>> B.to_dense().tolist(), B.last.method, str(B.last.status)
    ([[0.5, 0.0], [-0.5, 1.0]], 'lu', 'converged')
    """

    def __init__(
        self,
        operator: LinearOperator,
        *,
        method: Solver = "auto",
        preconditioner: Array
        | LinearOperator
        | Literal["jacobi", "low-rank", "incomplete-cholesky"]
        | None = None,
        tolerance: float = 1e-10,
        budget: Budget | None = None,
    ) -> None:
        require_matrix(operator, "A", square=True)
        require(tolerance > 0, "a positive tolerance", tolerance)
        super().__init__(
            operator.shape,
            dtype=operator.dtype,
            device=operator.device,
            symmetric=operator.symmetric,
            positive=operator.positive,
        )
        self.operator, self.method, self.preconditioner = operator, method, preconditioner
        self.tolerance, self.budget = tolerance, budget
        self.last: Solution | Raw | None = None
        self.products = 0
        self._factor: Callable[[Tensor], Raw] | None = None

    def _matmat(self, X: Tensor) -> Tensor:
        *batch, n, k = X.shape
        flat = X.movedim(-2, 0).reshape(n, -1)
        if self._factor is None and self.method == "auto" and self.preconditioner is None:
            self._factor = reusable(self.operator)
        found: Solution | Raw
        if self._factor is not None:
            found = self._factor(flat.detach().double())
        else:
            found = solve(
                self.operator,
                flat,
                method=self.method,
                preconditioner=self.preconditioner,
                tolerance=self.tolerance,
                budget=self.budget,
            )
        self.last = found
        self.products += 1
        if found.status is not Status.CONVERGED:
            raise NumericalError(
                "an operator that can be inverted",
                f"a solve that ended {found.status}: {found.message}",
                "see .last, or use solve or lstsq",
            )
        x: Tensor = found.x
        return x.to(self.dtype).reshape(n, *batch, k).movedim(0, -2)

    def _adjoint(self) -> "Inverse":
        return Inverse(
            self.operator.adjoint(),
            method=self.method,
            preconditioner=self.preconditioner,
            tolerance=self.tolerance,
            budget=self.budget,
        )


def inverse(
    A: Array | LinearOperator,
    *,
    method: Solver = "auto",
    preconditioner: Array
    | LinearOperator
    | Literal["jacobi", "low-rank", "incomplete-cholesky"]
    | None = None,
    tolerance: float = 1e-10,
    budget: Budget | None = None,
) -> LinearOperator:
    r"""Return :math:`A^{-1}` as an operator; the inverse of an inverse is the operator itself.

    Args:
        A: Square ``[n, n]``: array, tensor or operator.
        method: As for :func:`fivefold.linalg.solve`.
        preconditioner: As for :func:`fivefold.linalg.solve`.
        tolerance: Relative residual of iterative solves.
        budget: What one iterative solve may spend.

    Returns:
        An :class:`Inverse`, symmetric and positive where A is; its products raise
        :class:`fivefold.core.NumericalError` where a solve fails.

    Raises:
        ArgumentError: Not square, empty or not finite.

    >>> (inverse([[2.0]]) @ [3.0]).tolist()
    [1.5]
    """
    operator = as_operator(A)
    if isinstance(operator, Inverse):
        return operator.operator
    return Inverse(operator, method=method, preconditioner=preconditioner, tolerance=tolerance, budget=budget)
