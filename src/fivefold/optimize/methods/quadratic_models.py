"""Second-order models of an objective at a batch of points, in coordinates in which they are diagonal."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.objective import Objective

Solve = Callable[[Tensor, Tensor], Tensor]
"""From eigenvalues [1, m] and coefficients [1, m] to a step [1, m]."""


@dataclass(frozen=True, eq=False, slots=True)
class QuadraticModels:
    r"""g.p + p.H p / 2 with p = V s: c.s + s.\Lambda s / 2, one for each of R points.

    Args:
        values: Lambda [R, m], ascending; padded with the largest where the bases differ in size.
        coefficients: c = V^T g [R, m], 0 where padded.
        bases: V [P, m'] per point, orthonormal, m' <= m.
        finite: Whether the Hessian was finite [R]; where not, the identity stands for it.
        products: Hessian products used.
    """

    values: Tensor
    coefficients: Tensor
    bases: list[Tensor]
    finite: Tensor
    products: int

    def point(self, s: Tensor, rows: Tensor) -> Tensor:
        """V s for the models at those rows [R'], s being [R', m]."""
        picked = [self.bases[row] for row in rows.tolist()]
        return torch.stack([V @ each[: V.shape[1]] for V, each in zip(picked, s, strict=True)])


def dense_models(objective: Objective, w: Tensor, gradient: Tensor) -> QuadraticModels:
    """Models from the eigenvectors of the dense Hessian, at w [R, P] with gradient [R, P].

    >>> F = Objective.from_function(lambda w: w[0] ** 2 - w[1] ** 2, torch.ones(2))
    >>> dense_models(F, torch.ones(1, 2), torch.ones(1, 2)).values.tolist()
    [[-2.0, 2.0]]
    """
    H = torch.stack([objective.hessian(each).to_dense() for each in w])
    H = 0.5 * (H + H.mT)
    finite = torch.isfinite(H).all(-1).all(-1)
    H = torch.where(finite[:, None, None], H, torch.eye(H.shape[-1], dtype=H.dtype, device=H.device))
    values, vectors = torch.linalg.eigh(H)
    coefficients = (vectors.mT @ gradient[..., None])[..., 0]
    return QuadraticModels(values, coefficients, list(vectors), finite, w.numel())


def krylov_models(
    objective: Objective, w: Tensor, gradient: Tensor, solve: list[Solve], *, most: int = 150
) -> QuadraticModels:
    r"""Models on Krylov spaces, from Hessian products alone, at w [R, P] with gradient [R, P].

    Lanczos from g with full reorthogonalisation: V^T H V = T, tridiagonal. The space grows until the step s
    that ``solve`` takes in it satisfies \|beta_m s_m\| <= min(0.1, sqrt\|g\|) \|g\|, the residual of the
    whole
    problem: Gould, Lucidi, Roma and Toint, "Solving the trust-region subproblem using the Lanczos method",
    1999; Cartis, Gould and Toint, 2011, section 6.2.

    Args:
        objective: F.
        w: Points.
        gradient: g there.
        solve: Takes each point's step from eigenvalues and coefficients.
        most: Largest dimension of a space.

    Returns:
        The models. Directions at right angles to g and all its images are not seen.
    """
    found = [_lanczos(objective, *each, most) for each in zip(w, gradient, solve, strict=True)]
    size = max(values.shape[0] for values, _, _, _ in found)

    def pad(vector: Tensor, filling: Tensor) -> Tensor:
        return torch.cat([vector, filling.expand(size - vector.shape[0])])

    return QuadraticModels(
        values=torch.stack([pad(values, values[-1:]) for values, _, _, _ in found]),
        coefficients=torch.stack([pad(c, torch.zeros_like(c[:1])) for _, c, _, _ in found]),
        bases=[basis for _, _, basis, _ in found],
        finite=torch.tensor([finite for _, _, _, finite in found], device=w.device),
        products=sum(basis.shape[1] for _, _, basis, _ in found),
    )


def _lanczos(
    objective: Objective, w: Tensor, g: Tensor, solve: Solve, most: int
) -> tuple[Tensor, Tensor, Tensor, bool]:
    """Eigenvalues, coefficients and basis of one model, and whether every product was finite."""
    H = objective.hessian(w)
    length = g.norm()
    target = min(0.1, math.sqrt(float(length))) * float(length)
    Q = (g / length)[:, None]
    alphas: list[Tensor] = []
    betas: list[Tensor] = []
    eps = torch.finfo(g.dtype).eps
    limit = min(most, g.shape[0])
    while True:
        image = H @ Q[:, -1]
        if not bool(torch.isfinite(image).all()):
            if not alphas:
                return torch.ones_like(g[:1]), length[None], Q, False
            values, S = _tridiagonal(alphas, betas[:-1])
            return values, length * S[0], Q[:, :-1] @ S, False
        alphas.append(Q[:, -1] @ image)
        size = image.norm()
        for _ in range(2):  # twice is enough (Parlett, Kahan)
            image = image - Q @ (Q.mT @ image)
        beta = image.norm()
        count = len(alphas)
        full = count == limit or not bool(beta > 100 * eps * size)
        # the test costs an eigenproblem: often while small, then every eighth step
        if full or count <= 4 or count % 8 == 0:
            values, S = _tridiagonal(alphas, betas)
            c = length * S[0]
            last = float((S[-1] @ solve(values[None], c[None])[0]).abs())
            if full or float(beta) * last <= target:
                return values, c, Q @ S, True
        betas.append(beta)
        Q = torch.cat([Q, (image / beta)[:, None]], dim=1)


def _tridiagonal(alphas: list[Tensor], betas: list[Tensor]) -> tuple[Tensor, Tensor]:
    T = torch.diag(torch.stack(alphas))
    if betas:
        off = torch.stack(betas)
        T = T + torch.diag(off, 1) + torch.diag(off, -1)
    values, S = torch.linalg.eigh(T)
    return values, S
