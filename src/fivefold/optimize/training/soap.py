"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from fivefold.core import require


class SOAP(Optimizer):
    r"""Adam in the slowly turning eigenbasis of Shampoo's two factors.

    For a gradient G of shape [m, n] (of more dimensions: the first against the others)

    .. math::
        L \leftarrow \beta_s L + (1 - \beta_s) G G^\top, \quad
        R \leftarrow \beta_s R + (1 - \beta_s) G^\top G, \qquad
        L = Q_L \Lambda_L Q_L^\top, \quad R = Q_R \Lambda_R Q_R^\top, \\
        G' = Q_L^\top G Q_R, \quad M \leftarrow \beta_1 M + (1 - \beta_1) G, \quad M' = Q_L^\top M Q_R, \quad
        V \leftarrow \beta_2 V + (1 - \beta_2) G' \odot G', \\
        W \leftarrow (1 - \eta \lambda) W - \eta\, Q_L
        \frac{M' / (1 - \beta_1^t)}{\sqrt{V / (1 - \beta_2^t)} + \epsilon} Q_R^\top

    Every ``every`` steps the bases take one step of orthogonal iteration, Q <- qr(L Q). With Q = I on both
    sides (vectors, sides above ``max_size``) this is AdamW. The first call only learns the bases, by an eigen
    decomposition, and moves nothing: in the eigenbasis of one gradient G' is diagonal up to rounding, and
    dividing by sqrt(V) would blow the rounding up. Scalars and vectors move from the first call on.

    Source: Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson and Kakade 2024, arXiv 2409.11321,
    algorithm 3; the bias corrections are Adam's.

    Args:
        params: Parameters or groups.
        lr: eta, positive.
        betas: beta_1 and beta_2 in [0, 1).
        shampoo_beta: beta_s in [0, 1).
        eps: epsilon > 0.
        weight_decay: lambda >= 0, decoupled.
        every: Steps between two turns of the bases, at least 1.
        max_size: Longest side that gets a basis; a longer one keeps the identity.

    Raises:
        ArgumentError: A number out of its range.

    >>> w = torch.nn.Parameter(torch.eye(2))
    >>> optimizer = SOAP([w], lr=0.1)
    >>> for _ in range(2):
    ...     w.grad = torch.eye(2)
    ...     _ = optimizer.step()
    >>> [[round(x, 3) for x in row] for row in w.tolist()]
    [[0.9, 0.0], [0.0, 0.9]]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        shampoo_beta: float = 0.95,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        every: int = 10,
        max_size: int = 2048,
    ) -> None:
        require(0 < lr < math.inf, "a positive, finite learning rate", lr)
        for name, beta in (("beta_1", betas[0]), ("beta_2", betas[1]), ("shampoo_beta", shampoo_beta)):
            require(0 <= beta < 1, f"{name} in [0, 1)", beta)
        require(eps > 0, "a positive epsilon", eps)
        require(0 <= weight_decay < math.inf, "a weight decay of at least 0", weight_decay)
        require(every >= 1, "at least 1 step between turns of the bases", every)
        settings: dict[str, Any] = {"lr": lr, "betas": betas, "shampoo_beta": shampoo_beta, "eps": eps}
        super().__init__(
            params, {**settings, "weight_decay": weight_decay, "every": every, "max_size": max_size}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group)
        return loss

    def _move(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        G = gradient.reshape(len(gradient), -1) if gradient.ndim >= 2 else gradient.reshape(1, -1)
        sides = [
            side if gradient.ndim >= 2 and 1 < size <= group["max_size"] else ""
            for side, size in zip("LR", G.shape, strict=True)
        ]
        if p not in self.state:
            self.state[p] = state = {"step": torch.zeros(()), "M": torch.zeros_like(G)}
            state["V"] = torch.zeros_like(G)
            for side in filter(None, sides):
                factor = _outer(G, side) * (1 - group["shampoo_beta"])
                state[side] = factor
                # descending, as orthogonal iteration orders its columns
                state["Q" + side] = torch.linalg.eigh(factor).eigenvectors.flip(1).contiguous()
            if any(sides):
                return
        state = self.state[p]
        state["step"] += 1
        t = int(state["step"].item())
        beta_1, beta_2 = group["betas"]
        state["M"].lerp_(G, 1 - beta_1)
        turned = _turn(G, state, sides)
        state["V"].mul_(beta_2).addcmul_(turned, turned, value=1 - beta_2)
        scale = (state["V"] / (1 - beta_2**t)).sqrt_().add_(group["eps"])
        update = _turn_back(_turn(state["M"], state, sides) / scale, state, sides)
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(update.reshape(p.shape), alpha=-group["lr"] / (1 - beta_1**t))
        for side in filter(None, sides):
            state[side].lerp_(_outer(G, side), 1 - group["shampoo_beta"])
            if t % group["every"] == 0:
                state["Q" + side] = torch.linalg.qr(state[side] @ state["Q" + side]).Q


def _outer(G: Tensor, side: str) -> Tensor:
    return G @ G.mT if side == "L" else G.mT @ G


def _turn(G: Tensor, state: dict[str, Tensor], sides: list[str]) -> Tensor:
    """Q_L' G Q_R, the identity where a side has no basis."""
    G = state["QL"].mT @ G if sides[0] else G
    return G @ state["QR"] if sides[1] else G


def _turn_back(G: Tensor, state: dict[str, Tensor], sides: list[str]) -> Tensor:
    """Q_L G Q_R'."""
    G = state["QL"] @ G if sides[0] else G
    return G @ state["QR"].mT if sides[1] else G
