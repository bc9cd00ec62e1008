"""The objective made of a model, a likelihood, data and a prior."""

import copy
from typing import Any

import torch
from torch import Tensor

from fivefold.core import ArgumentError, require
from fivefold.linalg import Array, LinearOperator, Product
from fivefold.objective.base import Expansion, Objective
from fivefold.objective.batched_path import BatchedPath
from fivefold.objective.general_path import GeneralPath
from fivefold.objective.linear import Linear
from fivefold.objective.linear_path import LinearPath
from fivefold.objective.model import Model
from fivefold.objective.module import ModuleModel
from fivefold.objective.path import Path
from fivefold.objective.reading import Precision, Reading
from fivefold.objective.rows import row_index
from fivefold.probability import GaussianPrior, Likelihood


class DataObjective(Objective):
    r"""The negative log posterior density of a model's parameters, divided by the number of rows.

    .. math:: F(w) = -\frac1N \left( \sum_{i=1}^N a_i \log p(y_i \mid \eta_i(w) + b_i, \theta)
              + \log p(w) \right)

    constants included. ``w`` holds the model's parameters, then the likelihood's :math:`\theta`.

    Over :class:`Linear` everything is a hand-written matrix product over all points of a batch. Over a
    module or another model it goes through ``torch.func``; :attr:`batching` and the operators' ``mode`` say
    how.

    **Precision.** Over :class:`Linear`, float32 inputs stay as they are while ``precision="float64"`` or
    ``batch=`` makes every product and every sum in float64, block by block: results are those of the data
    as rounded to float32. Without either, all of it is float32 but for the value's sum, and a gradient can
    be off by :math:`n\, 2^{-24}` times the mean of :math:`|x_{ij}\, \partial \ell_i / \partial \eta_i|`,
    which where means lie far from zero is more than what is left of it near the minimum. Over a module, rows
    are worked on in the dtype of w, and sums over batches are kept in float64.

    Args:
        model: :class:`Linear`, a ``torch.nn.Module`` from ``[n, ...]`` to ``[n]``, ``[n, 1]`` or ``[n, K]``,
            or a :class:`Model`.
        likelihood: From :mod:`fivefold.probability`.
        data: ``(X, y)``: inputs ``[n, ...]`` and observations ``[n]``, finite. Or batches ``(X_i, y_i)`` of
            them, as a function that returns a fresh iterable at each call or a ``DataLoader`` that does not
            shuffle: they are read again at each pass, and two or three times to begin with.
        prior: A Gaussian prior; none by default. One precision for all leaves intercepts of
            :class:`Linear` and the likelihood's parameters flat; ``[P]`` precisions hold as given, and those
            of the model alone leave the likelihood's parameters flat.
        weights: a, ``[n]``, at least 0; 1 by default. N stays the number of rows.
        offset: b, ``[n]``, or ``[n, K]`` for K outputs; 0 by default.
        batch: The most rows that are worked on at a time: beside the data, a value, a gradient or a product
            with an operator then holds memory in proportion to it, and is the whole's to rounding. All rows
            (of a batch, where the data come in batches) by default.
        precision: ``"float64"`` or ``"float32"`` for w and all results; by default that of the inputs, or of
            the module's parameters. Inputs are not copied: see below.

    Raises:
        ArgumentError: Parts that do not fit each other.
        DataError: Observations that are impossible under the likelihood, unusable weights, or batches that
            are not the same at each pass.

    >>> from fivefold.probability import Gaussian
    >>> X, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([1.0, 3.0, 5.0])
    >>> F = DataObjective(Linear(X), Gaussian(sd=1.0), (X, y), GaussianPrior(1.0))
    >>> value, gradient = F.value_and_gradient(torch.tensor([[2.0, 1.0], [0.0, 0.0]]))
    >>> gradient
    tensor([[ 0.6667,  0.0000],
            [-4.3333, -3.0000]])
    >>> F.hessian(F.initial).to_dense()
    tensor([[2., 1.],
            [1., 1.]])

    The same, read two rows at a time, with float64 sums of the float32 data:

    >>> batches = lambda: ((X[i : i + 2], y[i : i + 2]) for i in (0, 2))
    >>> F = DataObjective(Linear(1), Gaussian(sd=1.0), batches, GaussianPrior(1.0), precision="float64")
    >>> F.hessian(F.initial).to_dense().round(decimals=9)
    tensor([[2., 1.],
            [1., 1.]], dtype=torch.float64)
    """

    def __init__(
        self,
        model: Model | torch.nn.Module,
        likelihood: Likelihood,
        data: Any,
        prior: GaussianPrior | None = None,
        *,
        weights: Array | None = None,
        offset: Array | None = None,
        batch: int | None = None,
        precision: Precision | None = None,
    ) -> None:
        _require_kinds(likelihood, prior)
        self.model = _as_model(model)
        self.likelihood = likelihood
        if isinstance(self.model, Linear):
            require(
                self.model.outputs == likelihood.outputs,
                f"a linear model with {likelihood.outputs} outputs for the {likelihood.name} likelihood",
                self.model.outputs,
                f"write Linear(X, outputs={likelihood.outputs})",
            )
        read = Reading(self.model, likelihood, weights, offset, batch=batch, precision=precision)
        source, start = read(data)
        super().__init__(start, scale=source.count)
        self.prior = _over_all(prior, self.model, self._initial)
        args = (self.prior, float(source.count))
        self._path: Path
        if isinstance(self.model, Linear):
            self._path = LinearPath(self.model, likelihood, source, *args, read.work.dtype)
        elif source.whole is not None:
            self._path = GeneralPath(self.model, likelihood, source.whole, *args)
        else:
            self._path = BatchedPath(self.model, likelihood, source, *args)
        # A model that does not fit the likelihood is refused here and not at first use.
        self._path.probe(self._initial)

    @property
    def rows(self) -> int:
        """The number of rows that this objective averages over; ``scale`` is that of the whole data."""
        return self._path.count

    @property
    def batching(self) -> str:
        """How a batch is worked off: ``"matrix products"``, ``"vmap"``, ``"loop"``, or yet ``"unknown"``."""
        return self._path.batching

    def on(self, rows: Array) -> "DataObjective":
        """Return the objective on some of the rows: their mean, with the prior still divided by the full N.

        Its gradient at random rows is an unbiased estimate of the whole one's, and ``scale`` stays N. The
        rows are copied into memory; where the data come in batches that takes one pass over them.

        Args:
            rows: Row numbers (repeats allowed), a mask ``[n]``, or a slice.

        Raises:
            ArgumentError: No rows, or no such rows.

        >>> from fivefold.probability import Bernoulli
        >>> X = torch.eye(4)
        >>> F = DataObjective(Linear(X), Bernoulli(), (X, [0, 1, 0, 1]))
        >>> F.on([0, 1]).rows, F.on(slice(3)).scale
        (2, 4.0)
        """
        part = copy.copy(self)
        part._path = self._path.take(row_index(rows, self.rows, self.device))
        return part

    def predictor(self, w: Array) -> Tensor:
        r"""Return :math:`\eta` at the rows, offset included: ``[..., n]`` or ``[..., n, K]``."""
        return self._path.predictor(self._point(w))

    def gauss_newton(self, w: Array) -> LinearOperator:
        r"""Return :math:`J^\top C J + \nabla^2\pi/N`, C the observed curvature in :math:`(\eta, \theta)`.

        Args:
            w: ``[P]``; ``[..., P]`` over :class:`Linear`, where this is the Hessian.

        Raises:
            ArgumentError: A batch of points over a general model.
        """
        return self._path.gauss_newton(self._point(w))

    def fisher(self, w: Array) -> LinearOperator:
        r"""Return :math:`J^\top E[C] J + \nabla^2\pi/N`, the expectation over y given the model.

        Positive semidefinite everywhere. Arguments as for :meth:`gauss_newton`.
        """
        return self._path.fisher(self._point(w))

    def jacobian(self, w: Array) -> LinearOperator:
        r"""Return :math:`\partial \eta / \partial w` at one point, ``(n K, P)``, rows in row-major order."""
        return self._path.jacobian(self._point(w))

    def kernel(self, w: Array) -> LinearOperator:
        r"""Return the tangent kernel :math:`J J^\top` at one point, ``(n K, n K)``."""
        J = self.jacobian(w)
        return Product(J, J.adjoint(), positive=True)

    def split(self, w: Array) -> tuple[Tensor, Tensor]:
        """Return the model's parameters ``[..., P - q]`` and the likelihood's ``[..., q]``."""
        return self._path.split(self._point(w))

    def unravel(self, w: Array) -> dict[str, Tensor]:
        """View ``[..., P]`` as the model's named tensors, and the likelihood's as ``"likelihood"``."""
        own, theta = self.split(w)
        named = self.model.layout.unravel(own)
        return {**named, "likelihood": theta} if self.likelihood.parameters else named

    def ravel(self, tensors: dict[str, Tensor]) -> Tensor:
        """Undo :meth:`unravel`.

        Raises:
            ArgumentError: Other names or shapes.
        """
        rest = dict(tensors)
        q = self.likelihood.parameters
        require(q == 0 or "likelihood" in rest, "the likelihood's parameters as 'likelihood'", list(rest))
        theta = rest.pop("likelihood") if q else None
        own = self.model.layout.ravel(rest)
        return self._point(own if theta is None else torch.cat([own, theta.to(own)], dim=-1))

    def _value(self, w: Tensor) -> Tensor:
        return self._path.value(w)

    def _value_and_gradient(self, w: Tensor) -> tuple[Tensor, Tensor]:
        return self._path.value_and_gradient(w)

    def _hessian(self, w: Tensor) -> LinearOperator:
        return self._path.hessian(w)

    def _expand(self, w: Tensor) -> Expansion:
        w = w.clone()  # what is shared is known by this very tensor, which nobody else can write to
        self._path.share(w)
        return super()._expand(w)


def _require_kinds(likelihood: Any, prior: Any) -> None:
    require(
        isinstance(likelihood, Likelihood),
        "a likelihood such as Gaussian(), Bernoulli(), Categorical(3) or Poisson()",
        repr(likelihood),
    )
    require(prior is None or isinstance(prior, GaussianPrior), "a GaussianPrior, or None", repr(prior))


def _as_model(model: Any) -> Model:
    if isinstance(model, torch.nn.Module):
        return ModuleModel(model)
    if not isinstance(model, Model):
        raise ArgumentError("a model: Linear(X) or a torch.nn.Module", type(model).__name__)
    return model


def _over_all(prior: GaussianPrior | None, model: Model, w: Tensor) -> GaussianPrior | None:
    if prior is None:
        return None
    P, own = w.shape[0], model.size
    if prior.size is not None and prior.size not in (own, P):
        raise ArgumentError(
            f"a prior over the model's {own} parameters" + (f" or all {P}" if own != P else ""),
            f"one over {prior.size}",
        )
    flat = torch.ones(P, dtype=torch.bool)
    flat[:own] = model.flat
    if prior.size == own and own != P:
        rest = torch.zeros(P - own, dtype=torch.float64)
        tau = prior.precision.expand(own).to("cpu", torch.float64).clone()
        if prior.precision.ndim == 0:
            tau[model.flat] = 0
        mean = prior.mean.expand(own).to("cpu", torch.float64)
        return GaussianPrior(torch.cat([tau, rest]), torch.cat([mean, rest])).to(w)
    return prior.over(P, flat=flat).to(w)
