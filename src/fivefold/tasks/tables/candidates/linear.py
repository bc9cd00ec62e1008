"""Linear models on bases: ridge and the other families, from plain effects to random Fourier features.

The penalties are set by the marginal likelihood, one per block of the basis. For the ``kernel`` basis the
marginal likelihood of a Gaussian process on a sample of rows first says which features matter and on which
length scale; random features drawn with those scales then carry it to all rows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fivefold.core import Certificate, Status, numpy_generator
from fivefold.inference import KernelEvidence, gaussian_evidence, kernel_relevance, laplace_evidence
from fivefold.probability import Bernoulli, Categorical, Gamma, Likelihood, Ordinal, Poisson
from fivefold.tasks.tables.basis import (
    Basis,
    Block,
    FourierBlock,
    LevelsBlock,
    LinearBlock,
    interaction_blocks,
    kernel_inputs,
    plain_blocks,
    spline_blocks,
)
from fivefold.tasks.tables.candidates.blend import mean_of
from fivefold.tasks.tables.candidates.gamma_shape import GammaOfShape, shape_of
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.encode import Encoded, Encoder
from fivefold.tasks.tables.predictors import LinearPredictor, OrdinalPredictor, Predictor

Floats = npt.NDArray[np.float64]
Level = Literal["plain", "additive", "interactions", "kernel"]
_FEW_LEVELS = 12
"""Categories with at most this many levels enter the smooth kernels as indicators."""


def _likelihood(family: str, outputs: int) -> Likelihood:
    match family:
        case "poisson":
            return Poisson()
        case "bernoulli":
            return Bernoulli()
        case "ordinal":
            return Ordinal(outputs)
        case _:
            return Categorical(outputs)


@dataclass(frozen=True, eq=False)
class _Mode:
    w: Floats
    status: Status
    certificates: tuple[Certificate, ...]
    details: dict[str, object]
    cutpoints: Floats | None = None

    def predictor(self, encoder: Encoder, basis: Basis) -> Predictor:
        """What predicts with these coefficients."""
        linear = LinearPredictor(encoder, basis, self.w)
        return linear if self.cutpoints is None else OrdinalPredictor(linear, self.cutpoints)


def _fit_basis(
    problem: Problem,
    design: npt.NDArray[np.float32],
    sizes: list[int],
    start: Floats | None = None,
    noise: float = 1.0,
    passes: int = 0,
    order: bool = True,
) -> _Mode:
    """Coefficients ``[1 + p, K]`` and penalties of a linear model on a design, by marginal likelihood."""
    x, y = torch.from_numpy(design), torch.from_numpy(problem.y)
    weights = None if problem.weights is None else torch.from_numpy(problem.weights)
    family = problem.target.family
    prior = None if start is None else torch.from_numpy(start)
    if problem.target.exact:
        double = x.to(torch.float64) if design.shape[1] <= 400 else x
        exact = gaussian_evidence(
            double, y, sizes, weights, steps=passes or 60, start=None if prior is None else (prior, noise)
        )
        details: dict[str, object] = {
            "noise": exact.noise,
            "effective": float(exact.effective.sum()),
            "log_evidence": exact.log_evidence,
        }
        return _Mode(exact.w.numpy()[:, None], exact.status, exact.certificates, details)
    offset = None if problem.offset is None else torch.from_numpy(problem.offset)
    if family == "gamma":
        return _fit_gamma(x, y, sizes, weights, prior, passes or 10)
    if family in {"categorical", "ordinal"}:
        y = y.to(torch.int64)
    family = "categorical" if family == "ordinal" and not order else family
    found = laplace_evidence(
        x,
        y,
        _likelihood(family, problem.target.outputs),
        sizes,
        weights,
        offset,
        start=prior,
        passes=passes or 10,
        intercept=family != "ordinal",
    )
    details = {"effective": float(found.effective.sum()), "log_evidence": found.log_evidence}
    cutpoints = None
    if isinstance(found.likelihood, Ordinal):
        cutpoints = found.likelihood.cutpoints(found.own).numpy()
        details["cutpoints"] = cutpoints.tolist()
    return _Mode(found.w.numpy(), found.status, found.certificates, details, cutpoints)


def _fit_gamma(
    x: Tensor, y: Tensor, sizes: list[int], weights: Tensor | None, start: Tensor | None, passes: int
) -> _Mode:
    """The gamma family: the mean by Laplace's evidence at a shape that every pass estimates anew."""
    unit = float(y.mean() if weights is None else weights @ y / weights.sum())
    scaled = y / unit  # the intercept then starts at the mean

    def revise(eta: Tensor, effective: float) -> tuple[Likelihood, float]:
        after = shape_of(torch.log(scaled) - eta, weights, effective)
        moved = abs(float(np.log(after / shapes[-1])))
        shapes.append(after)
        return GammaOfShape(after), moved

    shapes = [float(Gamma().initial_theta(scaled).exp())]
    first = GammaOfShape(shapes[0])
    found = laplace_evidence(x, scaled, first, sizes, weights, start=start, passes=passes, revise=revise)
    w = found.w.numpy()
    w[0] += np.log(unit)
    details: dict[str, object] = {
        "shape": shapes[-1],
        "effective": float(found.effective.sum()),
        "log_evidence": found.log_evidence - len(y) * float(np.log(unit)),
    }
    return _Mode(w, found.status, found.certificates, details)


@dataclass(frozen=True)
class LinearCandidate:
    """A linear model of the target's family on one of four bases.

    Args:
        level: ``plain`` effects; ``additive`` with smoothing splines; ``interactions`` with products of
            coordinates and slopes by category; ``kernel`` with random Fourier features.
        frequencies: Frequencies per smooth kernel (the block has twice as many columns).
        sample: Rows on which relevance is learned.
        draws: Kernel models, each with a sample and frequencies of its own, whose mean predicts: it depends
            less on what was drawn.
        order: Whether the order of an ordinal target is used (proportional odds) or not (softmax scores);
            ``None`` where the target has none.
    """

    level: Level
    frequencies: int = 300
    sample: int = 1000
    draws: int = 2
    order: bool | None = None

    @property
    def name(self) -> str:
        """Short name."""
        names = {
            "plain": "ridge",
            "additive": "splines",
            "interactions": "interactions",
            "kernel": "kernel features",
        }
        return f"unordered {names[self.level]}" if self.order is False else names[self.level]

    @property
    def description(self) -> str:
        """One sentence for the report."""
        suffix = {None: "", True: " Proportional odds.", False: " Softmax scores, blind to the order."}
        return {
            "plain": "Straight lines and shrunken category effects; penalties by marginal likelihood.",
            "additive": "A smoothing spline for every number and shrunken category effects.",
            "interactions": "Splines, products of pairs of numbers and slopes that differ by category.",
            "kernel": "Random Fourier features of two kernels that relate all numbers to each other; which "
            "numbers matter, and how far, is learned by marginal likelihood. Two draws are averaged.",
        }[self.level] + suffix[self.order]

    @property
    def least_rows(self) -> int:
        """Bases with many columns need some rows to be worth trying."""
        return {"plain": 1, "additive": 30, "interactions": 100, "kernel": 40}[self.level]

    def _count(self, rows: int, outputs: int) -> int:
        """Frequencies per kernel: bounded by the rows, and by the Hessian of several outputs."""
        bound = rows // 8 if outputs == 1 else min(rows // 8, 1200 // (4 * outputs))
        return max(8, min(self.frequencies, bound))

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return a rough number of floating-point operations of one fit; ``exact`` for Gaussian families.

        Beside matrix products and factorisations: what every entry of the design costs (its basis, and for
        the other families the passes of Newton's method over it), a fee per fit, and for the kernel the
        forty steps of the search for relevance on a sample. Calibrated on tables of 80 to 8,000 rows.
        """
        outputs = 1 if self.order else outputs
        p = {"plain": columns, "additive": 10 * columns, "interactions": 10 * columns + 150}.get(
            self.level, 4 * self._count(rows, outputs) + columns
        )
        size, entries = p if exact else p * outputs, float(rows * p)
        products = rows * float(size) ** 2 + 4.0 * float(size) ** 3
        work = 1e9 + 1200 * entries + products
        if not exact:
            work = 3e9 + 1.5e7 * size + 6_500 * entries * outputs + 8 * products
        if self.level == "kernel":
            sample = min(self.sample, rows)
            work = self.draws * (work + 5e9 + 25 * (2.0 * sample**3 + 200.0 * sample**2))
        return work

    def fit(self, problem: Problem) -> Fitted:
        """Learn encoder, basis, penalties and coefficients on the rows of ``problem``."""
        encoder, rows = problem.encoded()
        if self.level == "kernel":
            fits = [self._fit_kernel(problem, encoder, rows, draw) for draw in range(self.draws)]
            return mean_of(fits, np.full(self.draws, 1.0 / self.draws))
        blocks = plain_blocks(rows)
        if self.level != "plain":
            blocks += spline_blocks(rows)
        if self.level == "interactions":
            blocks += interaction_blocks(rows, self._residual(problem, rows, blocks))
        basis = Basis(tuple(blocks))
        order = self.order is not False
        mode = _fit_basis(problem, basis.design(rows), basis.sizes, order=order)
        return Fitted(mode.predictor(encoder, basis), mode.status, mode.certificates, mode.details)

    def _fit_kernel(self, problem: Problem, encoder: Encoder, rows: Encoded, draw: int) -> Fitted:
        blocks, start, noise, details = self._kernel_blocks(problem, rows, draw)
        basis = Basis(tuple(blocks))
        order = self.order is not False
        mode = _fit_basis(problem, basis.design(rows), basis.sizes, start, noise, passes=4, order=order)
        details = {**details, **mode.details}
        return Fitted(mode.predictor(encoder, basis), mode.status, mode.certificates, details)

    @staticmethod
    def _residual(problem: Problem, rows: Encoded, blocks: list[Block]) -> Floats:
        """Residual ``[n, q]`` of the additive model for the working targets."""
        basis = Basis(tuple(blocks))
        design = torch.from_numpy(basis.design(rows)).to(torch.float64)
        targets = problem.working_targets()
        residual = np.empty_like(targets)
        for q in range(targets.shape[1]):
            t = torch.from_numpy(targets[:, q].copy())
            w = gaussian_evidence(design, t, basis.sizes, steps=10).w
            residual[:, q] = (t - w[0] - design @ w[1:]).numpy()
        return residual

    def _kernel_blocks(
        self, problem: Problem, rows: Encoded, draw: int
    ) -> tuple[list[Block], Floats, float, dict[str, object]]:
        """Blocks with the scales and variances that the marginal likelihood of a sample of rows prefers."""
        generator = numpy_generator(problem.seed, "kernel", draw)
        few = [c for c, levels in rows.levels.items() if 1 < len(levels) <= _FEW_LEVELS]
        odds = problem.weights  # equal weights must draw the rows that no weights draw
        odds = None if odds is None or np.ptp(odds) < 1e-12 else odds / odds.sum()
        drawn = generator.choice(problem.rows, min(self.sample, problem.rows), replace=False, p=odds)
        sample = np.sort(drawn)
        inputs = kernel_inputs(rows, few)
        origins = list(rows.origins) + [c for c in few for _ in rows.levels[c]]
        order = {origin: i for i, origin in enumerate(dict.fromkeys(origins))}
        # every coordinate has its own scale; the indicators of one category share one
        labels = [f"z{j}" for j in range(len(rows.origins))] + [
            f"c{order[c]}" for c in few for _ in rows.levels[c]
        ]
        index = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        groups = np.array([index[label] for label in labels], dtype=np.int64)
        plain = plain_blocks(rows)
        linear = [block.columns(rows)[sample].astype(np.float64) for block in plain]
        linear = [block - block.mean(0) for block in linear]
        evidence = KernelEvidence(inputs[sample], problem.working_targets()[sample], groups, linear)
        relevance = kernel_relevance(evidence)
        ordered = problem.target.family == "ordinal" and self.order is not False
        count = self._count(problem.rows, 1 if ordered else problem.target.outputs)
        blocks: list[Block] = []
        for block, variance in zip(plain, relevance.linear, strict=True):
            scale = float(np.sqrt(max(variance, 1e-8)))
            match block:
                case LinearBlock():
                    blocks.append(LinearBlock(block.size, scale))
                case LevelsBlock():
                    blocks.append(LevelsBlock(block.column, block.size, scale))
        for scales, amplitude in zip(relevance.scales, relevance.amplitudes, strict=True):
            blocks.append(FourierBlock.draw(scales[groups], max(amplitude, 1e-8), count, few, generator))
        unit = 1.0
        if problem.target.exact:
            unit = float(np.var(problem.y)) or 1.0
        elif problem.target.family == "gamma":
            unit = float(np.var(np.log(problem.y))) or 1.0
        elif ordered:  # the noise of the latent variable is logistic, its variance pi^2 / 3
            unit = np.pi**2 / 3 / max(relevance.noise, 0.05)
        else:
            unit = 16.0  # a logit moves about four times as far as the indicator it explains
        reach = np.sqrt((relevance.scales**2 * relevance.amplitudes[:, None]).sum(0))
        relevant = {label: float(reach[i]) for label, i in index.items()}
        details: dict[str, object] = {
            "relevance": {
                name: relevant[labels[j]]
                for j, name in enumerate([*rows.names, *[c for c in few for _ in rows.levels[c]]])
            },
            "log_evidence_per_row": -relevance.value,
        }
        return blocks, np.full(len(blocks), unit), relevance.noise * unit, details
