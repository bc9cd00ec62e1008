"""BFGS with the whole inverse: for few parameters the pairs of all steps say more than the last ten."""

import torch
from torch import Tensor


class DenseQuasiNewton:
    r"""BFGS over a batch of points, each with its approximation H [P, P] of the inverse Hessian.

    .. math:: H \leftarrow V^\top H V + \rho s s^\top, \qquad V = I - \rho y s^\top, \qquad
              \rho = 1 / s^\top y, \quad s = w' - w, \quad y = g' - g

    from H = :math:`\gamma I`, with :math:`\gamma = \max_k s_k^\top y_k / y_k^\top y_k` over all pairs so far.
    The update is affine in the start: :math:`H = \gamma A + C`, where A starts from I and loses the direction
    s with each pair, and C starts from 0 and gains it. Both are kept, so that the scale of the directions not
    yet seen can still change. The scale of the first pair alone is that of the steepest direction, about
    the inverse of the largest curvature: on badly scaled functions the others would crawl; and the identity,
    the other common choice, knows nothing of the units of F. The largest scale seen so far is too long at
    worst, which the search corrects with a trial or two.

    A pair without positive curvature, which a step that meets the Wolfe conditions never gives, is passed
    over.

    Source: Broyden, Fletcher, Goldfarb and Shanno, 1970; Shanno and Phua, "Matrix conditioning and nonlinear
    optimization", 1978, for a scale from a pair; Nocedal and Wright, "Numerical Optimization", 2006,
    equations 6.17 and 6.20.

    >>> rule = DenseQuasiNewton()
    >>> A = torch.diag(torch.tensor([1.0, 4.0]))
    >>> for s in torch.eye(2):
    ...     rule.learn(s[None], (A @ s)[None])
    >>> g = torch.tensor([[1.0, 4.0]])
    >>> rule.find(torch.zeros(1, 2), g, torch.tensor([0]))[0].tolist()
    [[-1.0, -1.0]]
    """

    curvature = 0.9

    def __init__(self) -> None:
        # A and C [B, P, P], and gamma [B], 0 where nothing is known
        self._free = self._seen = self._scale = torch.zeros(0)

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """-H g; without any pair, a first step of length 1 at most, as nothing is known of the scale."""
        g = gradient[rows]
        cautious = 1 / g.norm(dim=-1).clamp_min(1.0)
        if self._scale.shape[0] == 0:
            return -g, cautious
        scale = self._scale[rows]
        direction = -(scale[:, None] * _times(self._free[rows], g) + _times(self._seen[rows], g))
        known = scale > 0
        return torch.where(known[:, None], direction, -g), torch.where(known, 1.0, cautious)

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Update the inverse of every point that moved with positive curvature."""
        product = (s * y).sum(-1)
        good = product > 1e-10 * s.norm(dim=-1) * y.norm(dim=-1)
        if self._scale.shape[0] == 0:
            self._seen = torch.zeros(*s.shape, s.shape[-1], dtype=s.dtype, device=s.device)
            self._free, self._scale = self._seen.clone(), torch.zeros_like(product)
        if not bool(good.any()):
            return
        fresh = good & (self._scale == 0)
        self._seen[fresh] = 0.0
        self._free[fresh] = torch.eye(s.shape[-1], dtype=s.dtype, device=s.device)
        a, b, p = s[good], y[good], product[good][:, None]
        self._scale[good] = torch.maximum(self._scale[good], p[:, 0] / (b * b).sum(-1))
        self._free[good] = _project(self._free[good], a, b, p)
        self._seen[good] = _project(self._seen[good], a, b, p) + a[:, :, None] * (a / p)[:, None, :]

    def reset(self, rows: Tensor) -> None:
        """Start those rows from nothing."""
        if self._scale.shape[0] > 0:
            self._scale[rows] = 0.0


def _times(H: Tensor, g: Tensor) -> Tensor:
    """H g for matrices [B, P, P] and vectors [B, P]."""
    return (H @ g[..., None])[..., 0]


def _project(H: Tensor, s: Tensor, y: Tensor, product: Tensor) -> Tensor:
    """(I - s y' / s.y) H (I - y s' / s.y) without the products of matrices."""
    Hy = _times(H, y)
    c = (y * Hy).sum(-1, keepdim=True) / (product * product)
    cross = s[:, :, None] * (Hy / product)[:, None, :]
    return H - cross - cross.mT + s[:, :, None] * (c * s)[:, None, :]
