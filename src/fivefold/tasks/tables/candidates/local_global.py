"""The global model that local fits deviate from: splines and category effects, or proportional odds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import Certificate, Status
from fivefold.inference import GaussianEvidence, LaplaceEvidence, gaussian_evidence, laplace_evidence
from fivefold.probability import Ordinal
from fivefold.tasks.tables.basis import Basis, plain_blocks, spline_blocks
from fivefold.tasks.tables.candidates.local_loss import Loss, Ordered, Squared
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.local_predictor import LocalPredictor
from fivefold.tasks.tables.predictors import LinearPredictor, OrdinalPredictor, Predictor

Floats = npt.NDArray[np.float64]
_ROWS_BASE, _BLOCK = 30, 8192


@dataclass(frozen=True, eq=False)
class GlobalFit:
    """The global model.

    Attributes:
        base: Its linear predictor.
        cutpoints: Of an ordinal target, otherwise ``None``.
        noise: Variance of the noise, 1 for an ordinal target.
        status, certificates: How the fit ended.
        design: ``[n, P]``, ones included (for an ordinal target, what moves all cutpoints alike).
        eta: ``[n]`` linear predictors.
        residual, curvature: ``[n]`` residuals and ones; for an ordinal target those of a Newton step.
        weights: ``[n]`` weights of the rows.
        inverse: ``[P, P]`` inverse of the penalised Gram matrix, with the curvatures.
    """

    base: LinearPredictor
    cutpoints: Floats | None
    noise: float
    status: Status
    certificates: tuple[Certificate, ...]
    design: npt.NDArray[np.float32]
    eta: Floats
    residual: Floats
    curvature: Floats
    weights: Floats
    inverse: Floats

    @classmethod
    def of(cls, problem: Problem) -> "GlobalFit":
        """Fit the global model to training rows."""
        encoder, encoded = problem.encoded()
        blocks = plain_blocks(encoded) + (spline_blocks(encoded) if problem.rows >= _ROWS_BASE else [])
        basis = Basis(tuple(blocks))
        columns = basis.design(encoded)
        x, y = torch.from_numpy(columns), torch.from_numpy(problem.y)
        weights = None if problem.weights is None else torch.from_numpy(problem.weights)
        cutpoints, noise = None, 1.0
        found: GaussianEvidence | LaplaceEvidence
        if problem.target.family == "ordinal":
            likelihood = Ordinal(problem.target.outputs)
            found = laplace_evidence(
                x, y.to(torch.int64), likelihood, basis.sizes, weights, passes=10, intercept=False
            )
            w = found.w.numpy()[:, 0]
            cutpoints = likelihood.cutpoints(found.own).numpy()
        else:
            x = x.to(torch.float64) if columns.shape[1] <= 400 else x
            found = gaussian_evidence(x, y, basis.sizes, weights)
            w, noise = found.w.numpy(), found.noise
        a = np.ones(problem.rows) if problem.weights is None else problem.weights
        design = np.column_stack([np.ones(problem.rows, dtype=np.float32), columns])
        parts = [slice(at, at + _BLOCK) for at in range(0, problem.rows, _BLOCK)]
        eta = np.concatenate([design[part].astype(np.float64) @ w for part in parts])
        residual, curvature = problem.y - eta, np.ones(problem.rows)
        if cutpoints is not None:
            residual, curvature = Ordered.of(eta, cutpoints, problem.y).working()
        gram = np.diag(np.r_[0.0, np.repeat(noise / found.variances.numpy(), basis.sizes)])
        for part in parts:
            z = design[part].astype(np.float64)
            gram += z.T @ (z * (a * curvature)[part, None])
        inverse = np.asarray(np.linalg.inv(gram), dtype=np.float64)
        base = LinearPredictor(encoder, basis, w[:, None])
        return cls(
            base, cutpoints, noise, found.status, found.certificates, design, eta, residual, curvature, a,
            inverse,
        )  # fmt: skip

    def loss(self, y: Floats, rows: npt.NDArray[np.int64]) -> Loss:
        """What shifts of the linear predictors of some rows change."""
        if self.cutpoints is None:
            return Squared(self.residual[rows])
        return Ordered.of(self.eta[rows], self.cutpoints, y[rows])

    def predictor(self, linear: LinearPredictor | LocalPredictor) -> Predictor:
        """What predicts with these linear predictors."""
        return linear if self.cutpoints is None else OrdinalPredictor(linear, self.cutpoints)
