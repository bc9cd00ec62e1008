"""One short training at a fixed rate, on a copy, that can be continued."""

import copy
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivefold.core import ArgumentError, child_seed, torch_generator
from fivefold.optimize.training.data import Batch, Rows
from fivefold.optimize.training.optimizers import OptimizerFactory, make_optimizer, parameter_groups

_BLOWN_UP = 1e4


def copy_module(module: nn.Module) -> nn.Module:
    """A copy without gradients, in training mode as the module is set for it.

    Raises:
        ArgumentError: The module cannot be copied.

    >>> copy_module(nn.Linear(1, 1)).weight.grad is None
    True
    """
    try:
        copied = copy.deepcopy(module)
    except Exception as error:
        raise ArgumentError(
            "a module that copy.deepcopy can copy",
            f"{type(module).__name__}: {error}",
            "keep no computed tensors with a graph as attributes",
        ) from error
    for p in copied.parameters():
        p.grad = None
    return copied.train()


class RateProbe:
    """A training at one rate, from a module's present weights.

    Probes of one seed meet the same batches in the same order and the same dropout, so that their losses
    differ by the rate alone.

    Args:
        module: Copied; left as it is.
        rows: The training's rows.
        loss: ``loss(output, *targets)``.
        optimizer: A name, or a function of groups, as :func:`fivefold.optimize.train` takes it.
        rate: The fixed rate; a function's groups are set to it.
        weight_decay: As in ``train``.
        seed: Order of the rows and dropout.

    >>> from fivefold.optimize.training.data import open_rows
    >>> X = torch.ones(4, 1)
    >>> rows = open_rows((X, X), 2, torch.device("cpu"))
    >>> probe = RateProbe(nn.Linear(1, 1), rows, lambda out, y: (out - y).square().mean(), "sgd", 0.1)
    >>> probe.advance(6)
    >>> len(probe.losses), probe.losses[-1] < probe.losses[0]
    (6, True)
    """

    def __init__(
        self,
        module: nn.Module,
        rows: Rows,
        loss: Callable[..., Tensor],
        optimizer: str | OptimizerFactory,
        rate: float,
        *,
        weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.module, self.rate, self.losses = copy_module(module), rate, list[float]()
        self._rows, self._loss, self._seed = rows, loss, seed
        named = [(name, p) for name, p in self.module.named_parameters() if p.requires_grad]
        groups = parameter_groups(named, weight_decay)
        self.optimizer: Optimizer = make_optimizer(optimizer, groups, rate, named[0][1].device, self.module)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._generator = torch_generator(seed, "probe", "order")
        self._batches: Iterator[Batch] = iter(())
        self.failed = False

    def advance(self, steps: int) -> None:
        """Make further updates; where a loss blew up, the rest count as infinite."""
        torch.manual_seed(child_seed(self._seed, "probe", "dropout", len(self.losses)))
        for _ in range(steps):
            self.losses.append(math.inf if self.failed else self._step())

    def _step(self) -> float:
        batch = next(self._batches, None)
        if batch is None:
            self._batches = self._rows.epoch(self._generator)
            batch = next(self._batches)
        self.optimizer.zero_grad(set_to_none=True)
        value = self._loss(self.module(batch[0]), *batch[1:])
        loss = value.detach().mean().item()
        first = self.losses[0] if self.losses else loss
        self.failed = not math.isfinite(loss) or abs(loss) > _BLOWN_UP * max(abs(first), 1.0)
        if self.failed:
            return math.inf
        value.sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss
