r"""Relevance of features and penalties of a Gaussian-process regression by its marginal likelihood.

The kernel is a sum of smooth components over scaled features, linear blocks and noise,

.. math::
    K = \sum_c a_c\, k_{3/2}(\lVert s_c \odot (u_i - u_j) \rVert) + \sum_b b_b X_b X_b^\top + \sigma^2 I,
    \qquad k_{3/2}(r) = (1 + \sqrt3 r) e^{-\sqrt3 r},

and the numbers :math:`s, a, b, \sigma^2` minimise the negative log marginal likelihood of the targets
:math:`T` (:math:`n \times q`, columns independent given the kernel)

.. math::
    L = \tfrac12 \operatorname{tr}(T^\top K^{-1} T) + \tfrac q2 \log\det K + \tfrac{nq}{2}\log 2\pi,
    \qquad \frac{\partial L}{\partial K} = \tfrac12 (q K^{-1} - \alpha \alpha^\top),\ \alpha = K^{-1} T .

A scale :math:`s` near zero means that the feature does not matter to that component (automatic relevance
determination). Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapter 5;
the Matern kernel with smoothness 3/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log, pi

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fivefold.core import ArgumentError, Budget, Certificate, Status, require
from fivefold.objective import Objective
from fivefold.optimize import Optimum, minimize

Array = npt.NDArray[np.float64]
_FAR = 100.0
"""Logarithms beyond this are a step too far: their exponentials leave the range where anything is learned."""


@dataclass(frozen=True, eq=False)
class KernelRelevance:
    """What the marginal likelihood says about features and variances.

    Attributes:
        scales: ``[C, G]`` inverse length scale of every group of features in every component.
        amplitudes: ``[C]`` variance of every smooth component.
        linear: ``[B]`` variance of every linear block.
        noise: Variance of the noise.
        value: Negative log marginal likelihood per row at the answer, without the weak hyperprior.
        status: How the search ended.
        certificates: What can be said of the search.
    """

    scales: Array
    amplitudes: Array
    linear: Array
    noise: float
    value: float
    status: Status
    certificates: tuple[Certificate, ...]


@dataclass(eq=False)
class KernelEvidence:
    """Negative log marginal likelihood of a sum of kernels, with its gradient, as a function of logarithms.

    The vector is ``theta = (log s [C, G], log a [C], log b [B], log noise)``.

    Args:
        features: ``[n, D]`` inputs of the smooth components, standardised.
        targets: ``[n, q]`` centred targets.
        groups: ``[D]`` the group (0 to G-1) whose scale each column of ``features`` shares.
        blocks: Linear blocks, each ``[n, p_b]``.
        components: Number of smooth components C.
        hyperprior: Precision of a normal prior on ``theta`` about its start; keeps the search from running
            away along directions that the data do not determine.
    """

    features: Array
    targets: Array
    groups: npt.NDArray[np.int64]
    blocks: Sequence[Array]
    components: int = 2
    hyperprior: float = 0.01

    def __post_init__(self) -> None:
        n = len(self.features)
        require(n >= 2, "at least 2 rows", n)
        require(self.targets.ndim == 2 and len(self.targets) == n, f"targets [{n}, q]", self.targets.shape)
        require(len(self.groups) == self.features.shape[1], "one group per feature", self.groups.shape)
        for name, values in (("features", self.features), ("targets", self.targets)):
            if not np.isfinite(values).all():
                raise ArgumentError(f"finite {name}", "missing or infinite values", "impute them first")
        self._u = torch.as_tensor(self.features, dtype=torch.float64)
        self._t = torch.as_tensor(self.targets, dtype=torch.float64)
        self._group = torch.as_tensor(self.groups, dtype=torch.int64)
        self._grams = [torch.as_tensor(b, dtype=torch.float64) for b in self.blocks]
        self._grams = [b @ b.T for b in self._grams]
        self._eye = torch.eye(n, dtype=torch.float64)
        self.group_count = int(self.groups.max()) + 1 if len(self.groups) else 0
        self.start = self._start()

    def _start(self) -> Array:
        """Start with long length scales, one component three times smoother than the other."""
        variance = float(self._t.var()) or 1.0
        count, width = max(self.group_count, 1), len(self.groups)
        base = 0.5 / np.sqrt(max(width, 1))
        scales = [log(base * 3.0**-c) for c in range(self.components) for _ in range(count)]
        scales = scales if self.group_count else []
        amplitudes = [log(0.4 * variance / max(self.components, 1))] * self.components
        traces = [max(float(g.diagonal().mean()), 1e-12) for g in self._grams]
        linear = [log(0.4 * variance / len(traces) / t) for t in traces]
        return np.array([*scales, *amplitudes, *linear, log(0.2 * variance)])

    def unpack(self, theta: Array) -> tuple[Array, Array, Array, float]:
        """Return ``scales [C, G]``, ``amplitudes [C]``, ``linear [B]`` and ``noise`` of a vector."""
        c, g = self.components, self.group_count
        values = np.exp(theta)
        cut = np.cumsum([c * g, c, len(self._grams)])
        return (
            values[: cut[0]].reshape(c, g),
            values[cut[0] : cut[1]],
            values[cut[1] : cut[2]],
            float(values[-1]),
        )

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the value per row and its gradient ``[P]`` at ``theta [P]``.

        A matrix that is not positive definite to working precision gives ``inf`` with a zero gradient, which
        the line search treats as a step too far.
        """
        n, q = self._t.shape
        if not bool((np.abs(theta) < _FAR).all()):
            return float("inf"), np.zeros_like(theta)
        scales, amplitudes, linear, noise = self.unpack(theta)
        kernel = (noise + 1e-8 * float(self._t.var())) * self._eye
        smooth: list[tuple[Tensor, Tensor, Tensor]] = []
        for c in range(self.components):
            scaled = self._u * torch.as_tensor(scales[c])[self._group]
            square = (scaled * scaled).sum(1)
            root = torch.addmm(square[:, None] + square[None, :], scaled, scaled.T, alpha=-2.0)
            root = root.clamp_min_(1e-14).mul_(3.0).sqrt_()
            decay = torch.exp(-root)
            component = torch.addcmul(decay, root, decay)
            kernel.add_(component, alpha=float(amplitudes[c]))
            smooth.append((scaled, decay, component))
        for b, gram in zip(linear, self._grams, strict=True):
            kernel.add_(gram, alpha=float(b))
        factor, failed = torch.linalg.cholesky_ex(kernel)
        if int(failed) or not bool(torch.isfinite(factor).all()):
            return float("inf"), np.zeros_like(theta)
        inverse = torch.cholesky_inverse(factor)
        alpha = inverse @ self._t
        value = 0.5 * float((self._t * alpha).sum()) + q * float(factor.diagonal().log().sum())
        value += 0.5 * n * q * log(2 * pi)
        weight = torch.addmm(inverse, alpha, alpha.T, beta=0.5 * q, alpha=-0.5)  # dL/dK
        gradient = np.zeros_like(theta)
        at = self.components * self.group_count
        for c, (scaled, decay, component) in enumerate(smooth):
            gradient[at + c] = float(amplitudes[c] * (weight * component).sum())
            # dk/d(r^2) = -(3/2) exp(-sqrt(3) r); sum_ij M_ij (x_i - x_j)^2 = 2 (x^2)'M1 - 2 x'Mx
            slope = (weight * decay).mul_(-1.5 * float(amplitudes[c]))
            moment = (scaled * scaled * slope.sum(1)[:, None] - scaled * (slope @ scaled)).sum(0)
            row = torch.zeros(self.group_count, dtype=torch.float64).index_add_(0, self._group, 4.0 * moment)
            gradient[c * self.group_count : (c + 1) * self.group_count] = row.numpy()
        at += self.components
        for b, gram in enumerate(self._grams):
            gradient[at + b] = float(linear[b] * (weight * gram).sum())
        gradient[-1] = noise * float(weight.diagonal().sum())
        away = theta - self.start
        value += 0.5 * self.hyperprior * float(away @ away)
        return value / n, (gradient + self.hyperprior * away) / n


def _descend(evidence: KernelEvidence, start: Array, steps: int) -> Optimum:
    objective = Objective.from_oracle(evidence.value_and_gradient, start)
    return minimize(objective, method="lbfgs", budget=Budget(steps=steps), tolerance=1e-4, examine=False)


def kernel_relevance(
    evidence: KernelEvidence, steps: int = 8, rough_steps: int = 25, rough_rows: int = 400
) -> KernelRelevance:
    """Minimise the negative log marginal likelihood by L-BFGS, first on few rows, then on all.

    A step costs a factorisation, cubic in the rows: most of the way is made on every so manieth row, whose
    answer then starts the search on all of them.

    Args:
        evidence: The function with its data.
        steps: Most iterations on all rows, at least 1.
        rough_steps: Most iterations before that on about ``rough_rows`` rows; with fewer than twice as many
            rows all iterations are made on all of them.
        rough_rows: See ``rough_steps``.

    Returns:
        The relevance. Running out of steps is usual and harmless: the answer is a choice of
        hyperparameters, whose worth is measured on rows that it has not seen.

    >>> rng = np.random.default_rng(0)
    >>> u = rng.normal(size=(120, 2)); t = np.sin(2 * u[:, :1]); t -= t.mean()
    >>> found = kernel_relevance(KernelEvidence(u, t, np.arange(2), [], components=1))
    >>> bool(found.scales[0, 0] > 10 * found.scales[0, 1])  # only the first feature matters
    True
    """
    start = evidence.start
    every = len(evidence.features) // rough_rows
    if every < 2:
        steps += rough_steps
    else:
        few = replace(
            evidence,
            features=evidence.features[::every],
            targets=evidence.targets[::every],
            blocks=[block[::every] for block in evidence.blocks],
        )
        start = np.asarray(_descend(few, start, rough_steps).w)
    optimum = _descend(evidence, start, steps)
    theta = np.asarray(optimum.w, dtype=np.float64)
    scales, amplitudes, linear, noise = evidence.unpack(theta)
    away = theta - evidence.start
    value = float(optimum.value) - 0.5 * evidence.hyperprior * float(away @ away) / len(evidence.features)
    return KernelRelevance(
        scales, amplitudes, linear, noise, value, Status(optimum.status), tuple(optimum.certificates)
    )
