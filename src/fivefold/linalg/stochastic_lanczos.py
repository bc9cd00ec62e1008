"""Stochastic Lanczos quadrature: the spectrum as random probes see it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.probes import Prober


@dataclass(frozen=True, eq=False)
class Jacobi:
    r"""Tridiagonal matrices of a block of probes, one a column.

    Args:
        alpha: Diagonals ``[k, b]``.
        beta: What couples step j to step j + 1, ``[k, b]``; 0 where the Krylov space is complete.
    """

    alpha: Tensor
    beta: Tensor

    @property
    def depth(self) -> int:
        """Lanczos steps."""
        return self.alpha.shape[0]

    def gauss(self, depth: int | None = None) -> tuple[Tensor, Tensor]:
        """Nodes and weights ``[b, k]`` of Gauss quadrature; weights add up to 1."""
        k = self.depth if depth is None else depth
        return _quadrature(self.alpha[:k].mT, self.beta[: k - 1].mT)

    def radau(self, end: float, depth: int | None = None) -> tuple[Tensor, Tensor]:
        """Nodes and weights ``[b, k]`` of the rule with a node at ``end``, outside the spectrum."""
        k = self.depth if depth is None else depth
        alpha, beta = self.alpha[:k].mT.clone(), self.beta[: k - 1].mT
        if k > 1:
            # Last pivot of the LDL' factor of T - end I (Golub and Meurant 2010, section 6.2).
            pivot = alpha[:, 0] - end
            for j in range(1, k - 1):
                pivot = alpha[:, j] - end - beta[:, j - 1] ** 2 / _nonzero(pivot)
            coupled = beta[:, k - 2]
            last = end + coupled**2 / _nonzero(pivot)
            alpha[:, k - 1] = torch.where(coupled > 0, last, alpha[:, k - 1])
        else:
            alpha[:, 0] = end
        return _quadrature(alpha, beta)


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x == 0, torch.finfo(x.dtype).tiny, x)


def _quadrature(alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    T = torch.diag_embed(alpha)
    if beta.shape[-1]:
        T = T + torch.diag_embed(beta, offset=1) + torch.diag_embed(beta, offset=-1)
    nodes, S = torch.linalg.eigh(T)
    return nodes, S[:, 0, :] ** 2


def lanczos_rules(
    prober: Prober,
    width: int,
    depth: int,
    enough: Callable[[Jacobi], bool] | None = None,
    *,
    check: bool = True,
) -> Jacobi:
    r"""Run Lanczos from ``width`` random starts at once, with full reorthogonalisation of each.

    .. math::
        A V_k = V_k T_k + \beta_k v_{k+1} e_k^\top, \qquad
        z^\top f(A) z \approx \|z\|^2 e_1^\top f(T_k) e_1

    Source: S. Ubaru, J. Chen, Y. Saad, "Fast estimation of tr(f(A)) via stochastic Lanczos quadrature", SIAM
    J. Matrix Anal. Appl. 38 (2017); G. Golub and G. Meurant, "Matrices, Moments and Quadrature", 2010.

    Args:
        prober: Draws and multiplies; counts ``width * steps`` products.
        width: Probes.
        depth: The most steps.
        enough: Asked after every step whether to stop there.
        check: Whether the products are compared with the claim of symmetry.

    Returns:
        The tridiagonal matrices.

    Raises:
        ArgumentError: The products contradict the claim of symmetry.

    >>> from fivefold.linalg import Diagonal
    >>> p = Prober(Diagonal([1.0, 2.0, 4.0]), 0, "doc")
    >>> nodes, weights = lanczos_rules(p, 1, 3).gauss()
    >>> nodes[0].round(decimals=9).tolist()
    [1.0, 2.0, 4.0]
    """
    Z = prober.sphere(width)
    v = Z / torch.linalg.vector_norm(Z, dim=0)
    first, basis = v, v.new_empty((width, min(depth, 16), prober.n))  # one slab a probe
    alphas: list[Tensor] = []
    betas: list[Tensor] = []
    scale = torch.zeros(width, dtype=v.dtype, device=v.device)
    alive = torch.ones(width, dtype=torch.bool, device=v.device)
    for step in range(depth):
        y = prober.apply(v)
        if check and step < 2:
            prober.check(v, y)
        alpha = (v * y).sum(dim=0)
        # A finished probe repeats its first coefficient: no node outside the spectrum, and no weight.
        alphas.append(torch.where(alive, alpha, alphas[0] if alphas else alpha))
        if step == basis.shape[1]:
            basis = torch.cat([basis, torch.empty_like(basis)], dim=1)
        basis[:, step] = v.mT
        V, slab = basis[:, : step + 1], y.mT[..., None]
        for _ in range(2):  # takes alpha v and beta v' out as well
            slab = slab - V.mT @ (V @ slab)
        w = slab[..., 0].mT
        beta = torch.linalg.vector_norm(w, dim=0)
        scale = torch.maximum(scale, alpha.abs() + beta)
        alive = alive & (beta > 10 * prober.unit * prober.n**0.5 * scale) & (step + 1 < prober.n)
        betas.append(torch.where(alive, beta, torch.zeros_like(beta)))
        v = torch.where(alive, w / _nonzero(beta), first)
        rule = Jacobi(torch.stack(alphas), torch.stack(betas))
        if not bool(alive.any()) or (enough is not None and enough(rule)):
            break
    return Jacobi(torch.stack(alphas), torch.stack(betas))
