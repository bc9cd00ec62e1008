"""The noise of a loss's gradient beside its size: from which batch size on larger batches stop paying."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import Tensor

from fivefold.calculus import Batches, Network, preflight
from fivefold.calculus.loss_curvature import BatchLoss
from fivefold.calculus.model_operator import Options
from fivefold.core import Budget, Certificate, Clock, Kind, Status, require, torch_generator
from fivefold.linalg.stochastic_estimate import t_quantile
from fivefold.objective import DataObjective, Objective
from fivefold.theory.subject import Loss

_GROUPS = 64
_FEWEST = 8
_BYTES = 2**30
"""What the gradients of all groups may take together."""


@dataclass(frozen=True, eq=False, slots=True)
class GradientNoise:
    r"""The noise of the gradient, :math:`g_i` that of row i with mean G and covariance :math:`\Sigma`.

    Args:
        trace: :math:`\operatorname{tr} \Sigma`, unbiased, with the standard error ``trace_error``.
        trace_error: By the jackknife.
        signal: :math:`|G|^2`, unbiased: it can come out negative where the noise hides it.
        signal_error: By the jackknife.
        scale: :math:`B = \operatorname{tr} \Sigma / |G|^2`, in rows; infinite where the signal is
            not positive.
        interval: Of B at 95%; its upper end is infinite where the data cannot exclude G = 0.
        rows: That were read.
        groups: Whose gradients were compared.
        group: Rows of a group.
        status: ``OUT_OF_BUDGET`` where time ended before all rows were read.
        certificates: Whether the interval is bounded and rests on enough groups.
    """

    trace: float
    trace_error: float
    signal: float
    signal_error: float
    scale: float
    interval: tuple[float, float]
    rows: int
    groups: int
    group: int
    status: Status
    certificates: tuple[Certificate, ...]

    def share(self, batch: int) -> float:
        r"""Return the part of a batch's squared gradient that is noise, :math:`B / (B + \text{batch})`.

        Args:
            batch: Rows of a batch, at least 1.

        Raises:
            ArgumentError: Fewer than 1 row.
        """
        require(batch >= 1, "a batch of at least 1 row", batch)
        return 1.0 if math.isinf(self.scale) else self.scale / (self.scale + batch)


def gradient_noise(
    target: torch.nn.Module | Objective,
    loss: Loss | None = None,
    data: Any = None,
    *,
    w: Tensor | None = None,
    group: int | None = None,
    seed: int = 0,
    budget: Budget | str | float | None = None,
    **options: Unpack[Options],
) -> GradientNoise:
    r"""Return the simple noise scale of the gradient with an interval, from gradients of groups of rows.

    .. math:: B = \frac{\operatorname{tr} \Sigma}{|G|^2}, \qquad
              \widehat{\operatorname{tr} \Sigma} = \frac{m}{q - 1} \sum_{j=1}^q |g_j - \bar g|^2, \qquad
              \widehat{|G|^2} = |\bar g|^2 - \frac{\widehat{\operatorname{tr} \Sigma}}{q m}

    for q groups of m rows; with m = 1 these are the gradients of single rows. The rows are taken for a
    sample: B is that of the source they come from. A batch of B rows has a gradient whose noise is as
    large as its signal: well below B twice the rows halve the steps, well above they hardly save any.

    Both estimates are those of McCandlish et al. with batch sizes m and q m. The interval is Fieller's for
    the ratio, with the jackknife covariance of numerator and denominator over groups.

    Source: McCandlish, Kaplan, Amodei and the OpenAI Dota team, "An empirical model of large-batch training",
    2018, appendix A.1; Fieller, J. R. Statist. Soc. B 16 (1954).

    Args:
        target: A module at its parameters, in the mode that is meant; or a ``DataObjective``.
        loss: As for :func:`~fivefold.theory.curvature`, a mean over rows.
        data: Likewise. The rows of a batch are mixed before it is cut into groups.
        w: The point of an objective; its initial one by default.
        group: m; by default such that there are about 64 groups, or as many as there are rows.
        seed: Of the mixing.
        budget: Seconds, or groups as ``Budget(steps=...)``; at least 8 groups are made.
        options: parameters and evaluation, as for :func:`~fivefold.theory.curvature`.

    Returns:
        A :class:`~fivefold.theory.GradientNoise`.

    Raises:
        ArgumentError: Fewer than 8 groups, an objective without rows, or what stands in the way.

    >>> X = torch.ones(64, 1)
    >>> y = torch.arange(64.0)[:, None] / 64
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.constant_(net.weight, 2.0)
    >>> noise = gradient_noise(net, torch.nn.MSELoss(), (X, y), group=1)
    >>> round(noise.trace, 4) == round(float((4 * y.double().var())), 4), noise.groups
    (True, 64)
    """
    most = Budget.parse(budget)
    require(group is None or group >= 1, "a group of at least 1 row", group)
    clock = Clock(most)
    source = _Rows(target, loss, data, w, options)
    fits = max(_FEWEST, _BYTES // (8 * source.size))
    m = group or max(1, min(source.rows // min(_GROUPS, fits), source.smallest))
    wanted = min(source.groups(m), fits)
    require(
        wanted >= _FEWEST,
        f"at least {_FEWEST} groups of {m} rows, each within a batch",
        f"{source.rows} rows",
        "pass more rows or larger batches, or a smaller group=",
    )
    goal = wanted if most.steps is None else max(_FEWEST, min(wanted, most.steps))
    gradients: list[Tensor] = []
    for gradient in source.gradients(m, seed):
        gradients.append(gradient)
        if len(gradients) >= goal or (len(gradients) >= _FEWEST and clock.spent()):
            break
    status = Status.CONVERGED if len(gradients) >= wanted else Status.OUT_OF_BUDGET
    return noise_of_groups(torch.stack(gradients), m, status)


def noise_of_groups(g: Tensor, m: int, status: Status = Status.CONVERGED) -> GradientNoise:
    """Return the noise of gradients that are there already: both estimates and their jackknife.

    Args:
        g: The gradient of each group's mean loss, ``[q, P]`` float64, q at least 3.
        m: Rows of a group.
        status: Whether all rows were read.

    >>> found = noise_of_groups(torch.tensor([[1.0], [2.0], [3.0], [2.0]], dtype=torch.float64), 1)
    >>> round(found.trace, 4), round(found.signal, 4)  # variance 2/3; 2^2 - 2/3/4
    (0.6667, 3.8333)
    """
    q = g.shape[0]
    require(q >= 3, "gradients of at least 3 groups", q)
    S, G2 = _moments((g * g).sum(), (g.sum(0) ** 2).sum(), q, m)
    # leaving out group j: the sums of the others, from inner products with the whole sum
    total = g.sum(0)
    own = (g * g).sum(1)
    fewer = (total**2).sum() - 2 * g @ total + own
    S_j, G2_j = _moments(own.sum() - own, fewer, q - 1, m)
    C = (q - 1) * torch.cov(torch.stack([S_j, G2_j]), correction=0)
    scale = float(S / G2) if float(G2) > 0 else math.inf
    interval = _fieller(float(S), float(G2), C.tolist(), t_quantile(0.975, q - 1))
    bounded = math.isfinite(interval[1])
    claim = Certificate(
        "the noise scale of the source lies in the interval with probability 95%",
        Kind.STATISTICAL,
        True if bounded and q >= 30 else None,
        bound=interval[1],
        value=scale,
        assumptions=("the rows are independent draws from one source",)
        + (() if q >= 30 else ("at least 30 groups: with fewer the rate was not measured",)),
        method="Fieller's interval with the jackknife over groups"
        + ("" if bounded else "; the upper end is infinite: a gradient of zero is not excluded"),
    )
    return GradientNoise(
        float(S), math.sqrt(C[0, 0]), float(G2), math.sqrt(C[1, 1]), scale, interval,
        q * m, q, m, status, (claim,),
    )  # fmt: skip


def _moments(squares: Tensor, of_sum: Tensor, q: int, m: int) -> tuple[Tensor, Tensor]:
    """The unbiased trace and signal from sums over q groups of :math:`|g|^2` and the squared sum."""
    mean = of_sum / q**2
    S = m / (q - 1) * (squares - q * mean)
    return S, mean - S / (q * m)


def _fieller(S: float, G2: float, C: list[list[float]], t: float) -> tuple[float, float]:
    """All B at least 0 with |S - B G2| within t standard errors: from a quadratic in B."""
    a = G2**2 - t * t * C[1][1]
    b = S * G2 - t * t * C[0][1]
    c = S**2 - t * t * C[0][0]
    inside = b * b - a * c
    if G2 > 0 and a > 0:
        root = math.sqrt(max(inside, 0.0))
        return max(0.0, (b - root) / a), (b + root) / a
    # The signal may be zero: only a lower end is known, where there is one at all.
    if inside < 0 or c <= 0:
        return 0.0, math.inf
    low = c / (b + math.sqrt(inside)) if b + math.sqrt(inside) > 0 else 0.0
    return max(0.0, low), math.inf


class _Rows:
    """Gradients of groups of rows, of a module or an objective."""

    def __init__(
        self,
        target: torch.nn.Module | Objective,
        loss: Loss | None,
        data: Any,
        w: Tensor | None,
        options: Options,
    ) -> None:
        self.objective: DataObjective | None = None
        if isinstance(target, Objective):
            if not isinstance(target, DataObjective):
                require(False, "a DataObjective, whose rows have gradients", type(target).__name__)
            require(loss is None and data is None, "an objective alone", "loss or data beside it")
            assert isinstance(target, DataObjective)
            self.objective = target
            self.w = target.initial if w is None else w
            self.rows, self.size = target.rows, target.size
            self._sizes: tuple[int, ...] = (target.rows,)
            return
        require(
            loss is not None and data is not None, "loss= and data= beside a module", "one of them missing"
        )
        require(w is None, "a module at its own parameters", "w=", "pass w= with an objective")
        assert loss is not None
        BatchLoss(loss, "mean", 1)  # refuse a bad loss before the data are read
        self.network = Network(target, options.get("parameters"), evaluation=options.get("evaluation", False))
        self.w = self.network.w
        self.batches = Batches(data, device=self.w.device)
        preflight(self.network, self.batches.first[0]).require_clear()
        self.loss = loss
        self.rows, self.size = self.batches.rows, self.network.size
        self._sizes = self.batches.sizes

    @property
    def smallest(self) -> int:
        """Rows of the smallest batch."""
        return min(self._sizes)

    def groups(self, m: int) -> int:
        """Groups of m rows that the batches hold."""
        return sum(size // m for size in self._sizes)

    def gradients(self, m: int, seed: int) -> Iterator[Tensor]:
        """Yield the gradient of each group's mean loss, ``[P]`` float64."""
        generator = torch_generator(seed, "gradient noise")
        if self.objective is not None:
            order = torch.randperm(self.rows, generator=generator)
            for start in range(0, self.rows - m + 1, m):
                yield self.objective.on(order[start : start + m]).gradient(self.w).double()
            return
        for X, y in self.batches:
            assert y is not None
            order = torch.randperm(len(X), generator=generator).to(X.device)
            for start in range(0, len(X) - m + 1, m):
                rows = order[start : start + m]
                yield self._gradient(X[rows], y[rows])

    def _gradient(self, X: Tensor, y: Tensor) -> Tensor:
        loss = BatchLoss(self.loss, "mean", len(X))
        with torch.enable_grad():
            w = self.w.clone().requires_grad_()
            value = loss.value(self.network(w, X), y)
            (gradient,) = torch.autograd.grad(value, w, materialize_grads=True)
        return gradient.double()
