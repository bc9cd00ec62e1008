"""A dense network: an ensemble trained by minibatches on the plain effects of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from fivefold.core import FivefoldError, child_seed, numpy_generator, torch_generator
from fivefold.networks import EnsembleDense
from fivefold.optimize import Training, train
from fivefold.optimize.training.callbacks import Callback
from fivefold.tasks.tables.basis import Basis, plain_blocks
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.candidates.recipe import OF_CLASSES, OF_NUMBERS, Recipe
from fivefold.tasks.tables.candidates.watched import NOTES, failed, told, watching
from fivefold.tasks.tables.predictors import NetworkPredictor
from fivefold.tasks.tables.target import Target

_STEP = 4e7
"""What a step costs whatever its size, in operations of the nominal machine (0.4 milliseconds)."""


def _loss(target: Target) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """Return the weighted mean loss [K] of ``(outputs [K, n, q], targets [n], offsets [n], weights [n])``."""

    def squared(out: Tensor, y: Tensor, offset: Tensor) -> Tensor:
        return (out[..., 0] - y) ** 2

    def counts(out: Tensor, y: Tensor, offset: Tensor) -> Tensor:
        eta = (out[..., 0] + offset).clamp(-30, 30)
        return eta.exp() - y * eta

    def positive(out: Tensor, y: Tensor, offset: Tensor) -> Tensor:
        # half of the gamma deviance; y is a logarithm here. Beyond 20 times the mean it goes on as a line:
        # at the start a few such gradients would dominate AdamW's memory of their squares
        z = y - out[..., 0]
        near = z.clamp(max=3.0).exp()
        return near * (1 + (z - 3.0).clamp(min=0.0)) - z - 1

    def binary(out: Tensor, y: Tensor, offset: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out[..., 0], y.expand(out.shape[:-1]), reduction="none")

    def classes(out: Tensor, y: Tensor, offset: Tensor) -> Tensor:
        labels = y.long().repeat(out.shape[0])
        return F.cross_entropy(out.flatten(0, 1), labels, reduction="none").reshape(out.shape[:-1])

    own = {
        "poisson": counts,
        "gamma": positive,
        "bernoulli": binary,
        "categorical": classes,
        "ordinal": classes,
    }.get(target.family, squared)

    def loss(out: Tensor, y: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
        return (weight * own(out, y, offset)).mean(-1)

    return loss


@dataclass(frozen=True)
class NetworkCandidate:
    """An ensemble of dense networks with a learned scale per input.

    Args:
        members: Networks trained together.
        widths: Units of the hidden layers.
        epochs: Passes over the rows; each network keeps its weights of the one that is best for it on a
            tenth of the rows held back.
        recipe: How they are trained; by default what was best for numbers, or for classes.
    """

    members: int = 4
    widths: tuple[int, ...] = (128, 128)
    epochs: int = 24
    recipe: Recipe | None = None
    name: str = "dense network"
    least_rows: int = 500

    @property
    def description(self) -> str:
        """One sentence for the report; how they were trained stands in the record of each fit."""
        units = ", ".join(map(str, self.widths))
        return f"{self.members} dense networks (hidden layers of {units} units); their mean predicts."

    def cost(self, rows: int, columns: int, outputs: int, exact: bool = True) -> float:
        """Return a rough number of floating-point operations of one fit: all epochs, and a fee per step."""
        sizes = (columns, *self.widths, outputs)
        weights = sum(a * b for a, b in pairwise(sizes))
        epochs, batch = self._schedule(rows)
        return epochs * (5.0 * rows * weights * self.members + _STEP * rows / batch)

    def _schedule(self, rows: int) -> tuple[int, int]:
        """Return the epochs and the rows of a batch; few rows are seen more often."""
        return self.epochs if rows > 3000 else 4 * self.epochs, min(256, max(16, rows // 20))

    def fit(self, problem: Problem) -> Fitted:
        """Train on nine tenths of the rows, and choose the epoch by the rest."""
        encoder, rows = problem.encoded()
        basis = Basis(tuple(plain_blocks(rows)))
        x = torch.from_numpy(basis.design(rows))
        gaussian, gamma = problem.target.exact, problem.target.family == "gamma"
        centre = float(problem.y.mean()) if gaussian else 0.0
        centre = float(np.log(problem.y.mean())) if gamma else centre
        scale = float(problem.y.std()) or 1.0 if gaussian else 1.0
        nothing, even = np.zeros(problem.rows), np.ones(problem.rows)
        y, offset, weight = (
            torch.from_numpy(values.astype(np.float32))
            for values in (
                ((np.log(problem.y) if gamma else problem.y) - centre) / scale,
                nothing if problem.offset is None else problem.offset,
                even if problem.weights is None else problem.weights,
            )
        )
        order = numpy_generator(problem.seed, "network", "held back").permutation(problem.rows)
        held = torch.from_numpy(np.sort(order[: max(1, problem.rows // 10)]))
        kept = torch.from_numpy(np.sort(order[max(1, problem.rows // 10) :]))
        parts = [(x[part], y[part], offset[part], weight[part]) for part in (kept, held)]

        def trained(callbacks: Sequence[Callback]) -> tuple[EnsembleDense, Training]:
            module = EnsembleDense(
                self.members,
                basis.size,
                problem.target.outputs,
                self.widths,
                "silu",
                scaling=True,
                generator=torch_generator(problem.seed, "network", "weights"),
            )
            return module, self.trained(module, parts[0], parts[1], problem, callbacks)

        module, training, seen = self._watched(trained) if problem.notes.get(NOTES) else (*trained(()), {})
        predictor = NetworkPredictor(encoder, basis, module.arrays(), "silu", centre, scale)
        told = self.told(training, problem.target) | seen
        return Fitted(predictor, training.status, (), {"training": told})

    def _watched(
        self, trained: Callable[[Sequence[Callback]], tuple[EnsembleDense, Training]]
    ) -> tuple[EnsembleDense, Training, dict[str, Any]]:
        """Train under observation, which changes no bit; where watching fails, train again without it."""
        seen = watching()
        try:
            with seen:
                module, training = trained([seen])
            record = seen.record
            found = told(seen.findings(), record.count, len(record.steps), self.name)
        except FivefoldError:
            raise
        except Exception as error:  # of watching: a fit must not fail by it
            return (*trained(()), {"watch": failed(error)})
        return module, training, {"watch": found}

    def trained(
        self,
        module: EnsembleDense,
        rows: tuple[Tensor, ...],
        held: tuple[Tensor, ...],
        problem: Problem,
        callbacks: Sequence[Callback] = (),
    ) -> Training:
        """Train the members by the recipe.

        Args:
            module: The members with their first weights.
            rows: ``(X, y, offsets, weights)`` that train.
            held: The same of the rows that choose the epoch.
            problem: Where the rows come from.
            callbacks: Listeners to the training.
        """
        epochs, batch = self._schedule(problem.rows)
        recipe = self._recipe(problem.target)
        return train(
            module,
            rows,
            loss=_loss(problem.target),
            optimizer=recipe.maker(),
            schedule=recipe.schedule,
            learning_rate=recipe.rate,
            weight_decay=recipe.decay,
            epochs=epochs,
            batch_size=batch,
            validation=held,
            callbacks=callbacks,
            seed=child_seed(problem.seed, "network", "batches"),
        )

    def _recipe(self, target: Target) -> Recipe:
        return self.recipe or (OF_CLASSES if target.classes else OF_NUMBERS)

    def told(self, training: Training, target: Target) -> dict[str, Any]:
        """Return what the report says of a training, as plain values."""
        return {
            **self._recipe(target).to_record(),
            "epochs": len(training.history.get("loss", [])) - 1,
            "steps": training.steps,
            "best_epoch": [min(training.best_epoch), max(training.best_epoch)],
        }
