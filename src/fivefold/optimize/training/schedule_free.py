"""Schedule-free SGD and AdamW: averaging takes the place of a learning-rate schedule."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from fivefold.core import require


class _ScheduleFree(Optimizer):
    """The three sequences, for a direction d_t that a subclass gives."""

    def __init__(self, params: Iterable[Any], settings: dict[str, Any]) -> None:
        require(0 < settings["lr"] < math.inf, "a positive, finite learning rate", settings["lr"])
        require(0 <= settings["momentum"] <= 1, "an interpolation beta in [0, 1]", settings["momentum"])
        require(0 <= settings["weight_decay"] < math.inf, "a weight decay >= 0", settings["weight_decay"])
        require(settings["warmup_steps"] >= 0, "at least 0 warm-up steps", settings["warmup_steps"])
        super().__init__(params, {**settings, "steps": 0, "weight_sum": 0.0, "training": True})

    def train(self) -> None:
        """Let the parameters hold y, at which gradients are taken."""
        self._switch(True)

    def eval(self) -> None:
        """Let the parameters hold the average x, which is what one evaluates, saves and uses."""
        self._switch(False)

    @torch.no_grad()
    def _switch(self, training: bool) -> None:
        for group in self.param_groups:
            if group["training"] != training:
                group["training"] = training
                for p in group["params"]:
                    if p in self.state:
                        state = self.state[p]
                        p.copy_(state["x"])
                        if training:  # y = x + (1 - beta) (z - x)
                            p.lerp_(state["z"], 1 - group["momentum"])

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move z along the direction, and x and y after it.

        Raises:
            ArgumentError: The parameters hold the average; call ``train()`` first.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            require(group["training"], "training mode for a step", "evaluation mode", "call .train() first")
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            for p in params:
                if p not in self.state:
                    self.state[p] = {"z": p.detach().clone(), "x": p.detach().clone(), **self._memory(p)}
            group["steps"] += 1
            rate = group["lr"] * min(1.0, group["steps"] / max(1, group["warmup_steps"]))
            rate *= self._correction(group)
            group["weight_sum"] += rate**2
            share = rate**2 / group["weight_sum"] if group["weight_sum"] > 0 else 1.0
            directions = self._directions(params, [p.grad for p in params], group)
            z = [self.state[p]["z"] for p in params]
            x = [self.state[p]["x"] for p in params]
            if group["weight_decay"]:  # at y, where the parameters stand
                torch._foreach_add_(z, params, alpha=-rate * group["weight_decay"])
            torch._foreach_add_(z, directions, alpha=-rate)
            torch._foreach_lerp_(x, z, share)
            torch._foreach_copy_(params, x)
            torch._foreach_lerp_(params, z, 1 - group["momentum"])
        return loss

    def _memory(self, parameter: Tensor) -> dict[str, Tensor]:
        del parameter
        return {}

    def _correction(self, group: dict[str, Any]) -> float:
        del group
        return 1.0

    def _directions(
        self, params: list[Tensor], gradients: list[Tensor | None], group: dict[str, Any]
    ) -> list[Tensor]:
        del params, group
        return [g for g in gradients if g is not None]


class ScheduleFreeSGD(_ScheduleFree):
    r"""SGD whose averaged iterate needs no schedule.

    .. math::
        y_t = (1 - \beta) z_t + \beta x_t, \qquad z_{t+1} = z_t - \gamma_t (\nabla f(y_t) + \lambda y_t), \\
        x_{t+1} = (1 - c_{t+1}) x_t + c_{t+1} z_{t+1}, \qquad
        c_{t+1} = \gamma_t^2 / \textstyle\sum_{i \le t} \gamma_i^2, \quad
        \gamma_t = \gamma \min(1, t / T_{warm})

    so that x is the mean of z_2, ..., z_{t+1} with weights gamma_i^2. Parameters hold y in training;
    ``eval()`` puts x there and ``train()`` puts y back, bit for bit (x and z are both kept, for one more copy
    of the weights). Statistics of batch norm belong to y: recalibrate them after ``eval()``.

    Source: Defazio, Yang, Mehta, Mishchenko, Khaled and Cutkosky 2024, "The road less scheduled",
    arXiv 2405.15682, equations 3 to 5.

    Args:
        params: Parameters or groups.
        lr: The rate gamma, positive; often 10 to 50 times that of a scheduled SGD.
        momentum: The interpolation beta in [0, 1]; 0 is Polyak averaging, 1 primal averaging.
        weight_decay: lambda >= 0.
        warmup_steps: T_warm >= 0.

    Raises:
        ArgumentError: A number out of its range.

    >>> w = torch.nn.Parameter(torch.tensor([4.0]))
    >>> optimizer = ScheduleFreeSGD([w], lr=0.5)
    >>> for _ in range(300):
    ...     w.grad = w.detach() - 1
    ...     _ = optimizer.step()
    >>> optimizer.eval()
    >>> round(w.item(), 2)
    1.0
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "warmup_steps": warmup_steps})


class ScheduleFreeAdamW(_ScheduleFree):
    r"""AdamW whose averaged iterate needs no schedule.

    As :class:`ScheduleFreeSGD` with beta_1 for beta, and

    .. math::
        v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \qquad
        \gamma_t = \gamma \sqrt{1 - \beta_2^t} \min(1, t / T_{warm}), \\
        z_{t+1} = z_t - \gamma_t \bigl(g_t / (\sqrt{v_t} + \epsilon) + \lambda y_t\bigr)

    Source: Defazio et al. 2024, arXiv 2405.15682, algorithm 1.

    Args:
        params: Parameters or groups.
        lr: The rate gamma, positive.
        betas: Interpolation beta_1 in [0, 1] and the decay beta_2 of the second moment in [0, 1).
        eps: epsilon > 0.
        weight_decay: lambda >= 0, decoupled.
        warmup_steps: T_warm >= 0.

    Raises:
        ArgumentError: A number out of its range.

    >>> w = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = ScheduleFreeAdamW([w], lr=0.1)
    >>> w.grad = torch.tensor([2.0])
    >>> _ = optimizer.step()
    >>> round(w.item(), 4)  # the first step is gamma times the sign of the gradient
    0.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2.5e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
    ) -> None:
        require(0 <= betas[1] < 1, "a second decay in [0, 1)", betas[1])
        require(eps > 0, "a positive epsilon", eps)
        settings = {"lr": lr, "momentum": betas[0], "weight_decay": weight_decay}
        super().__init__(
            params, {**settings, "warmup_steps": warmup_steps, "second_decay": betas[1], "eps": eps}
        )

    def _memory(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"v": torch.zeros_like(parameter)}

    def _correction(self, group: dict[str, Any]) -> float:
        return math.sqrt(1 - float(group["second_decay"]) ** group["steps"])

    def _directions(
        self, params: list[Tensor], gradients: list[Tensor | None], group: dict[str, Any]
    ) -> list[Tensor]:
        g = [each for each in gradients if each is not None]
        v = [self.state[p]["v"] for p in params]
        torch._foreach_mul_(v, group["second_decay"])
        torch._foreach_addcmul_(v, g, g, value=1 - group["second_decay"])
        roots = torch._foreach_sqrt(v)
        torch._foreach_add_(roots, group["eps"])
        return list(torch._foreach_div(g, roots))
