"""BFGS with the whole inverse: for few parameters the pairs of all steps say more than the last ten."""

import torch
from torch import Tensor


class DenseQuasiNewton:
    r"""BFGS over a batch of points, each with its approximation H [P, P] of the inverse Hessian.

    .. math:: H \leftarrow (I - \rho s y^\top) H (I - \rho y s^\top) + \rho s s^\top, \qquad
              \rho = 1 / s^\top y, \quad s = w' - w, \quad y = g' - g

    Before the first update H is :math:`(s^\top y / y^\top y) I`. A pair without positive curvature, which a
    step that meets the Wolfe conditions never gives, is passed over.

    Source: Broyden, Fletcher, Goldfarb and Shanno, 1970; Shanno and Phua, 1978, for the first scale; Nocedal
    and Wright, "Numerical Optimization", 2006, equations 6.17 and 6.20.

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
        self._inverse: Tensor | None = None
        self._known: Tensor | None = None

    def find(self, w: Tensor, gradient: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """-H g; without any pair, a first step of length 1 at most, as nothing is known of the scale."""
        g = gradient[rows]
        if self._inverse is None or self._known is None:
            return -g, 1 / g.norm(dim=-1).clamp_min(1.0)
        direction = -(self._inverse[rows] @ g[..., None])[..., 0]
        known = self._known[rows]
        direction = torch.where(known[:, None], direction, -g)
        return direction, torch.where(known, 1.0, 1 / g.norm(dim=-1).clamp_min(1.0))

    def learn(self, s: Tensor, y: Tensor) -> None:
        """Update the inverse of every point that moved with positive curvature."""
        product = (s * y).sum(-1)
        good = product > 1e-10 * s.norm(dim=-1) * y.norm(dim=-1)
        if self._inverse is None or self._known is None:
            self._inverse = torch.zeros(*s.shape, s.shape[-1], dtype=s.dtype, device=s.device)
            self._known = torch.zeros_like(good)
        fresh = good & ~self._known
        if bool(fresh.any()):
            scale = product[fresh] / (y[fresh] * y[fresh]).sum(-1)
            eye = torch.eye(s.shape[-1], dtype=s.dtype, device=s.device)
            self._inverse[fresh] = scale[:, None, None] * eye
            self._known = self._known | fresh
        if bool(good.any()):
            H, a, b, p = self._inverse[good], s[good], y[good], product[good][:, None]
            Hb = (H @ b[..., None])[..., 0]
            # (I - r s y') H (I - r y s') + r s s' without the products of matrices
            c = (1 + (b * Hb).sum(-1, keepdim=True) / p) / p
            cross = a[:, :, None] * (Hb / p)[:, None, :]
            self._inverse[good] = H - cross - cross.mT + a[:, :, None] * (c * a)[:, None, :]

    def reset(self, rows: Tensor) -> None:
        """Start those rows from nothing."""
        if self._known is not None:
            self._known[rows] = False
