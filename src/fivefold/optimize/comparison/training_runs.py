"""Stochastic training as one of the methods of a comparison."""

import torch
from torch import Tensor, nn

from fivefold.core import Budget, require
from fivefold.objective import Objective
from fivefold.optimize.comparison.problems.problem import Problem
from fivefold.optimize.comparison.problems.training_problem import TrainingProblem
from fivefold.optimize.comparison.trace import Recorder
from fivefold.optimize.training.callbacks import Callback, Moment
from fivefold.optimize.training.verb import train

_LOOKS = 4
"""Looks at the whole objective per epoch."""
_EPOCHS = 10**6


class Observer(Callback):
    """Pays for each minibatch its share of a gradient, and keeps F at several moments of an epoch.

    Args:
        problem: What is trained.
        objective: F over all rows.
        recorder: Where to; looking is neither timed nor paid for.
        batch_size: Rows per update.
    """

    def __init__(
        self, problem: TrainingProblem, objective: Objective, recorder: Recorder, batch_size: int
    ) -> None:
        self._problem, self._objective, self._recorder = problem, objective, recorder
        rows = problem.rows
        batches = -(-rows // batch_size)
        self._cost = 1.0 / batches
        self._every = max(1, batches // _LOOKS)

    def on_step(self, moment: Moment) -> None:
        """Pay, and look now and then."""
        self._recorder.pay(self._cost)
        if moment.step % self._every == 0:
            with self._recorder.aside():
                w = self._problem.vector(moment.module)
                value, gradient = self._objective.value_and_gradient(w)
            self._recorder.see(w, value, gradient.norm(dim=-1))


def run_training(
    problem: Problem,
    objective: Objective,
    w0: Tensor,
    budget: Budget,
    seed: int,
    recorder: Recorder,
    *,
    optimizer: str,
) -> Tensor:
    """Train the module of a problem from w0 by minibatches, watched from outside.

    An epoch costs one gradient. The rate stays as it is, because a schedule would have to know when the
    budget ends.

    Args:
        problem: A training problem.
        objective: Its F over all rows.
        w0: The start [P].
        budget: Not looked at: the recorder ends the run.
        seed: Order of the rows.
        recorder: What it pays to.
        optimizer: One that :func:`fivefold.optimize.train` knows.

    Returns:
        The last weights [P].

    Raises:
        ArgumentError: The problem has no module to train.
    """
    del budget
    trainable = isinstance(problem, TrainingProblem)
    require(trainable, "a problem with a module for a stochastic optimizer", type(problem).__name__)
    assert isinstance(problem, TrainingProblem)
    module: nn.Module = problem.module_at(w0)
    observer = Observer(problem, objective, recorder, problem.batch_size)
    train(
        module,
        problem.data,
        loss=problem.loss,
        optimizer=optimizer,
        epochs=_EPOCHS,
        batch_size=problem.batch_size,
        learning_rate=problem.learning_rate,
        schedule="constant",
        callbacks=[observer],
        seed=seed,
    )
    with torch.no_grad():
        return problem.vector(module)
