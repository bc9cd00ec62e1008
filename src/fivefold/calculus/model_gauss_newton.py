"""Gauss-Newton and Fisher matrices of a model over batches."""

from abc import abstractmethod
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from fivefold.calculus.gauss_newton import GaussNewtonOperator
from fivefold.calculus.jacobian import JacobianOperator
from fivefold.calculus.loss_curvature import BatchLoss, LossFunction, Reduction
from fivefold.calculus.model_operator import Model, ModelOperator, Options
from fivefold.core import require, torch_generator
from fivefold.linalg import LinearOperator
from fivefold.probability import Likelihood


class _OutputCurvature(ModelOperator[GaussNewtonOperator]):
    """J^T C J over batches, with C from the loss."""

    def __init__(
        self,
        model: Model,
        loss: LossFunction | Likelihood,
        data: Any,
        options: Options,
        *,
        theta: Tensor | None,
        reduction: Reduction,
        targets: bool,
        positive: bool,
    ) -> None:
        BatchLoss(loss, reduction, 1, theta)  # refuse a bad loss before the data are read
        super().__init__(
            model,
            data,
            options,
            targets=targets,
            shape=lambda network, batches, outputs: (network.size, network.size),
            symmetric=True,
            positive=positive,
        )
        self.loss = BatchLoss(loss, reduction, self.batches.rows, theta)

    @abstractmethod
    def _curvature(self, z: Tensor, y: Tensor | None, number: int) -> LinearOperator:
        """Return C ``(m, m)`` at the outputs ``[n, ...]`` of a batch."""

    def _part(self, X: Tensor, y: Tensor | None, number: int, *, retain: bool) -> GaussNewtonOperator:
        network = self.network
        with torch.no_grad():
            z = network(network.w, X)
        jacobian = JacobianOperator.trusted(
            lambda w: network(w, X),
            network.w,
            z.numel(),
            retain=retain,
            plan=self._plans[0],
            plan_back=self._plans[1],
        )
        return GaussNewtonOperator.of(jacobian, self._curvature(z, y, number))

    def _matmat(self, X: Tensor) -> Tensor:
        return self._summed(lambda part, number: part @ X)

    def _adjoint(self) -> "_OutputCurvature":
        return self


class ModelGaussNewton(_OutputCurvature):
    r"""The generalised Gauss-Newton matrix of the loss of a model, at its present parameters.

    .. math:: G = \sum_b c_b\, J_b^\top C_b J_b, \qquad C_b = \nabla^2_z \ell(z_b, y_b)

    Source: Schraudolph 2002, "Fast curvature matrix-vector products for second-order gradient descent",
    Neural Computation 14.

    Args:
        model: A module, or a function of named tensors and inputs.
        loss: A function of outputs and targets with one value, or a likelihood, whose curvature is written
            out.
        data: ``(X, y)``, a list of such pairs, a ``DataLoader`` that does not shuffle, or a function that
            returns a fresh iterable at each call.
        theta: The likelihood's own parameters, held fixed.
        reduction: ``"mean"`` or ``"sum"`` over rows; batches are weighted so that the whole is meant.
        convex: The maker's claim that a loss function is convex in the outputs; a likelihood says so itself.
        options: parameters, evaluation, batching, memory, retain:
            :class:`~fivefold.calculus.model_operator.Options`.

    Raises:
        ArgumentError: Something stands in the way of derivatives; the message names a way out.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> import torch
    >>> X = torch.tensor([[1.0], [2.0]])
    >>> ModelGaussNewton(torch.nn.Linear(1, 1), torch.nn.MSELoss(), (X, X)).to_dense()
    tensor([[5., 3.],
            [3., 2.]])
    """

    def __init__(
        self,
        model: Model,
        loss: LossFunction | Likelihood,
        data: Any,
        *,
        theta: Tensor | None = None,
        reduction: Reduction = "mean",
        convex: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            model,
            loss,
            data,
            options,
            theta=theta,
            reduction=reduction,
            targets=True,
            positive=loss.convex if isinstance(loss, Likelihood) else convex,
        )

    def _curvature(self, z: Tensor, y: Tensor | None, number: int) -> LinearOperator:
        assert y is not None
        return self.loss.curvature(z, y)


class ModelFisher(_OutputCurvature):
    r"""The Fisher information of a model with a likelihood, at its present parameters.

    .. math:: F = \sum_i c_i\, J_i^\top\, E_{y \sim p(\cdot \mid x_i, w)}
                  \left[ \nabla_z \ell \, \nabla_z \ell^\top \right] J_i

    ``"exact"`` takes the expectation over the likelihood's own distribution in closed form; ``"sampled"``
    the mean over targets drawn from it, unbiased, with the same draws at every product; ``"empirical"`` the
    observed targets, which gives another matrix, not an estimate of F (Kunstner, Balles & Hennig 2019).

    Source: Martens 2020, "New insights and perspectives on the natural gradient method", JMLR 21.

    Args:
        model: A module, or a function of named tensors and inputs.
        likelihood: The distribution of a target given a row of outputs.
        data: ``(X, y)``, a list of such pairs, a ``DataLoader`` that does not shuffle, or a function that
            returns a fresh iterable at each call; without y unless ``kind`` is ``"empirical"``.
        kind: ``"exact"``, ``"sampled"`` or ``"empirical"``.
        samples: Targets drawn per row where sampled, at least 1.
        seed: For those draws.
        theta: The likelihood's own parameters, held fixed.
        reduction: ``"mean"`` or ``"sum"`` over rows.
        options: parameters, evaluation, batching, memory, retain:
            :class:`~fivefold.calculus.model_operator.Options`.

    Raises:
        ArgumentError: Something stands in the way of derivatives; the message names a way out.
        DataError: Batches that are empty, not finite or different at each pass.

    >>> import torch
    >>> from fivefold.probability import Gaussian
    >>> X = torch.tensor([[1.0], [2.0]])
    >>> ModelFisher(torch.nn.Linear(1, 1), Gaussian(sd=1.0), X, reduction="sum").to_dense()
    tensor([[5., 3.],
            [3., 2.]])
    """

    def __init__(
        self,
        model: Model,
        likelihood: Likelihood,
        data: Any,
        *,
        kind: Literal["exact", "sampled", "empirical"] = "exact",
        samples: int = 1,
        seed: int = 0,
        theta: Tensor | None = None,
        reduction: Reduction = "mean",
        **options: Unpack[Options],
    ) -> None:
        require(
            isinstance(likelihood, Likelihood),
            "a likelihood, which knows the distribution of targets",
            type(likelihood).__name__,
            "pass one of fivefold.probability, such as Categorical(K)",
        )
        kinds = ("exact", "sampled", "empirical")
        require(kind in kinds, f"kind as one of {kinds}", repr(kind))
        require(samples >= 1, "at least 1 sample", samples)
        self.kind, self.samples, self.seed = kind, samples, seed
        super().__init__(
            model,
            likelihood,
            data,
            options,
            theta=theta,
            reduction=reduction,
            targets=kind == "empirical",
            positive=True,
        )

    def _curvature(self, z: Tensor, y: Tensor | None, number: int) -> LinearOperator:
        rows = self.batches.sizes[number]
        if self.kind == "exact":
            return self.loss.fisher(z, rows)
        if self.kind == "sampled":
            generator = torch_generator(self.seed, "fisher", number, device=str(z.device))
            return self.loss.sampled_fisher(z, rows, self.samples, generator)
        assert y is not None
        return self.loss.empirical_fisher(z, y)
