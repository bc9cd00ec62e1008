"""The curvature of a linear model's objective as an operator: the design around the curvature of rows."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from fivefold.calculus.exact_sum import exact_sum
from fivefold.linalg import LinearOperator
from fivefold.objective.curvature import apply_curvature
from fivefold.objective.gram import CHUNK, add_gram, from_triangle, weighted_gram
from fivefold.objective.linear import Linear
from fivefold.objective.mixed import times_columns
from fivefold.probability import JointCurvature

CurvedRows = Callable[[], Iterator[tuple[Tensor, JointCurvature]]]
"""Reads the inputs ``[n_b, p]`` once, part by part, with the curvature of each row."""


class PredictorHessian(LinearOperator):
    r"""The operator :math:`\bar X^\top D \bar X + \operatorname{diag}(r)`, over a batch of points.

    A product costs two products with the design; :meth:`to_dense` forms the matrix directly, by weighted
    Gram matrices. Where the rows come in parts, each of either passes over the data once, and makes the
    predictors again.

    Args:
        model: The linear model.
        parts: Reads the inputs, with D of each row and the mixed parts where the likelihood has own
            parameters.
        ridge: r, ``[P]``, in the dtype of the operator.
        batch: The leading dimensions of the points.
        work: The dtype of products and sums.
        positive: The maker's claim that it is positive semidefinite.
    """

    def __init__(
        self,
        model: Linear,
        parts: CurvedRows,
        ridge: Tensor,
        batch: tuple[int, ...],
        work: torch.dtype,
        *,
        positive: bool,
    ) -> None:
        P = ridge.shape[0]
        super().__init__(
            (*batch, P, P), dtype=ridge.dtype, device=ridge.device, symmetric=True, positive=positive
        )
        self._model = model
        self._parts = parts
        self._ridge = ridge
        self._work = work
        self._dense_matrix: Tensor | None = None

    def _matmat(self, X: Tensor) -> Tensor:
        rows = X.mT.to(self._work)
        size = self._model.size

        def product(inputs: Tensor, curvature: JointCurvature) -> Tensor:
            eta = self._model.push(rows[..., :size], inputs)
            out, own = apply_curvature(curvature, eta, rows[..., size:])
            return torch.cat([self._model.pull(out, inputs), own], dim=-1)

        back = exact_sum(product(*part) for part in self._parts()).to(X.dtype)
        return back.mT + self._ridge[:, None] * X

    def _adjoint(self) -> "PredictorHessian":
        return self

    def to_dense(self) -> Tensor:
        """Return the matrix ``[..., P, P]``, by weighted Gram matrices and not by products.

        It is made once; each call returns a copy.
        """
        if self._dense_matrix is None:
            self._dense_matrix = self._formed()
        return self._dense_matrix.clone()

    def _formed(self) -> Tensor:
        H = exact_sum(self._dense(*part) for part in self._parts()).to(self.dtype)
        H.diagonal(dim1=-2, dim2=-1).add_(self._ridge)  # each part made a matrix of its own
        return H

    def _dense(self, inputs: Tensor, curvature: JointCurvature) -> Tensor:
        """The share of some rows."""
        s = curvature.outer
        block = self._blocks(inputs, curvature.eta) if s is None else self._outer(inputs, curvature.eta, s)
        if not curvature.theta.shape[-1]:
            return block
        # [..., n, (K), q] with the q columns as a batch: pull maps the rows to parameters.
        cross = curvature.cross.movedim(-1, -2 if self._model.outputs == 1 else -3)
        edge = self._model.pull(cross, inputs)
        own = curvature.theta.sum(-3)
        return torch.cat([torch.cat([block, edge.mT], dim=-1), torch.cat([edge, own], dim=-1)], dim=-2)

    @property
    def ridge(self) -> Tensor:
        """r, ``[P]``: the prior's share."""
        return self._ridge

    def kronecker(self) -> tuple[Tensor, Tensor]:
        r"""Return C ``[K, K]`` and A ``[p + 1, p + 1]`` with :math:`C \otimes A` near the data's share.

        .. math:: C = \sum_i D_i, \qquad A = \sum_i t_i\, \bar x_i \bar x_i^\top / \sum_i t_i, \quad
                  t_i = \operatorname{tr} D_i

        Equal to it for one output, and where all :math:`D_i` are multiples of one matrix, as at w = 0. The
        features' order is X's, the intercept last. At one point, where no curvature is zero everywhere.

        Source: Martens & Grosse 2015, "Optimizing neural networks with Kronecker-factored approximate
        curvature", for one layer.
        """
        blocks: list[Tensor] = []
        grams: list[Tensor] = []
        sums: list[Tensor] = []
        several = self._model.outputs > 1
        for inputs, curvature in self._parts():
            D, s = curvature.eta, curvature.outer
            if s is not None:
                blocks.append(torch.diag(D.sum(-2)) - s.mT @ s)
            else:
                blocks.append(D.sum(-3) if several else D.sum().reshape(1, 1))
            traces = _diagonals(curvature).sum(-1) if several else D
            grams.append(self._gram(inputs, traces))
            sums.append(traces.sum())
        return exact_sum(blocks).to(self.dtype), (exact_sum(grams) / exact_sum(sums)).to(self.dtype)

    def least_between_classes(self) -> Tensor:
        r"""Return :math:`\sum_i \min_k D_{ikk}\, \bar x_i \bar x_i^\top`, ``[p + 1, p + 1]``, of scores.

        :math:`D_{ikk} = a_i p_{ik} (1 - p_{ik}) \le a_i p_{ik}`, so no direction in which the scores' mean
        stays has less curvature.
        """
        return exact_sum(
            self._gram(inputs, _diagonals(curvature).amin(-1)) for inputs, curvature in self._parts()
        ).to(self.dtype)

    def _gram(self, inputs: Tensor, d: Tensor) -> Tensor:
        """Weighted Gram matrices of the design, ``[..., n]`` to ``[..., p + 1, p + 1]``."""
        core = weighted_gram(inputs, d)
        if not self._model.intercept:
            return core
        edge = times_columns(d, inputs)[..., None]
        right = torch.cat([edge, d.sum(-1)[..., None, None]], dim=-2)
        return torch.cat([torch.cat([core, edge.mT], dim=-2), right], dim=-1)

    def _blocks(self, inputs: Tensor, D: Tensor) -> Tensor:
        K = self._model.outputs
        if K == 1:
            return self._gram(inputs, D)
        k, l = torch.triu_indices(K, K, device=D.device)  # noqa: E741
        grams = self._gram(inputs, D[..., k, l].movedim(-1, -2))
        width = grams.shape[-1]
        full = grams.new_zeros((*grams.shape[:-3], K, K, width, width))
        full[..., k, l, :, :] = grams
        full[..., l, k, :, :] = grams
        # [k, l, i, j] -> [k, i, (l, j) in the order of w] -> [(l, j), (k, i) in the order of w].
        half = self._model.from_blocks(full.transpose(-3, -2))
        return self._model.from_blocks(half.movedim(-1, -3))

    def _outer(self, inputs: Tensor, D: Tensor, s: Tensor) -> Tensor:
        r"""The blocks of rows whose curvature is diag(D) - s s^T, ``[..., n, K]`` each.

        Off the diagonal they are those of :math:`-Z^\top Z`, with row i of Z :math:`s_i \otimes \bar x_i` in
        the order of w. The blocks on it are made of their weights, which loses less where one s is near 1.
        """
        K, p, cut = self._model.outputs, self._model.features, self._model.outputs * self._model.features
        lead = D.shape[:-2]
        P = self._model.size
        H = D.new_zeros(*lead, P, P)
        step = max(1, CHUNK // P)
        for one, scores in zip(H.reshape(-1, P, P), s.reshape(-1, *s.shape[-2:]), strict=True):
            for start in range(0, inputs.shape[0], step):
                x, t = inputs[start : start + step].to(D.dtype), scores[start : start + step]
                Z = (t[:, :, None] * x[:, None, :]).flatten(1)
                Z = torch.cat([Z, t], dim=1) if self._model.intercept else Z
                add_gram(one, Z, alpha=-1.0)
        H = from_triangle(H)
        own = self._gram(inputs, (D - s.square()).mT)
        inner = H[..., :cut, :cut].view(*lead, K, p, K, p)
        inner.diagonal(dim1=-4, dim2=-2).copy_(own[..., :p, :p].movedim(-3, -1))
        if self._model.intercept:
            edge = own[..., :p, p].mT
            H[..., :cut, cut:].view(*lead, K, p, K).diagonal(dim1=-3, dim2=-1).copy_(edge)
            H[..., cut:, :cut].view(*lead, K, K, p).diagonal(dim1=-3, dim2=-2).copy_(edge)
            H[..., cut:, cut:].diagonal(dim1=-2, dim2=-1).copy_(own[..., p, p])
        return H


def _diagonals(curvature: JointCurvature) -> Tensor:
    """The second derivative of each row in each of its K predictors, ``[..., n, K]``."""
    if curvature.outer is not None:
        return curvature.eta - curvature.outer.square()
    return curvature.eta.diagonal(dim1=-2, dim2=-1)
