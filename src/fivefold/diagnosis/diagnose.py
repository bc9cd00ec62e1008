"""Say why something does not train or does not hold up: the verb."""

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fivefold.core import ArgumentError, Budget, DataError, require
from fivefold.diagnosis.dossier import dossier
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.replay import is_replay, replayed_findings
from fivefold.diagnosis.saved import saved_findings
from fivefold.diagnosis.script.run import run_script
from fivefold.diagnosis.trial.verb import try_fixes as run_trials
from fivefold.diagnosis.watch import Watch, watch
from fivefold.optimize.training.verb import train

OPTIONS = (
    "args=, budget= and try_fixes= go with a script; loss=, optimizer= and epochs= with a module and its "
    "data; deep= with either"
)
WATCHED = "ask for it when it begins: watch(model, optimizer, deep=True)"
AGAIN = "diagnose the script itself again"


def diagnose(
    target: Any,
    *,
    args: Sequence[str] = (),
    loss: str | Callable[..., Any] | None = None,
    optimizer: str | Callable[..., Any] = "adamw",
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    epochs: int = 10,
    budget: str | float | Budget | None = None,
    deep: bool = False,
    seed: int = 0,
    try_fixes: bool | str | float | Budget = False,
) -> Findings:
    r"""Say what is wrong with a training, most costly first.

    A script runs in a process of its own, unedited, and is watched while it trains. A module with data is
    copied, and the copy trained for a short time by :func:`fivefold.train`. A folder that ``fit`` saved
    tells what was found when it was made. A :class:`~fivefold.diagnosis.watch.Watch` tells what it saw.

    Args:
        target: The path of a script, of a file that makes an operation again, the folder of a fivefold
            artifact, what :func:`fivefold.watch` gave, or
            ``(module, (X, y))``, as :func:`fivefold.train` takes them.
        args: What follows the script on its command line.
        loss: The loss of a module with data, as for :func:`fivefold.train`.
        optimizer: Its optimizer, as there.
        learning_rate: Its rate, positive.
        batch_size: Its rows per update, at least 1.
        epochs: Its passes over the rows, at least 1.
        budget: Time after which a script is stopped (none by default), or a short training ends (30 s by
            default).
        deep: Look at some updates in depth too, as ``watch(deep=True)`` does: curvature along the step,
            sharpness times rate against the optimizer's edge of stability, and the gradient's noise.
        seed: Of the short training, and of what a script does not seed itself where fixes are tried.
        try_fixes: Apply the fixes to copies of a script, run them beside it and measure the effect
            (:func:`fivefold.diagnosis.trial.verb.try_fixes`); a time bounds all these runs together.

    Returns:
        The findings, ranked; ``notes`` says what could not be seen, ``trials`` what became of the fixes.

    Raises:
        ArgumentError: The target is none of these, lacks its loss, or has nothing left to look at in depth.
        DataError: There is no such file, or it is no Python script.
        ArtifactError: The folder is no artifact, or damaged.

    >>> import torch
    >>> X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    >>> net = nn.Linear(3, 1)
    >>> found = diagnose((net, (X, X[:, :1])), loss="squared", epochs=1)
    >>> isinstance(found, Findings)
    True
    """
    if isinstance(target, Watch):
        require(not deep, "a script, or a module with its data, to look at in depth", "a Watch", WATCHED)
        return target.findings()
    if isinstance(target, str | os.PathLike):
        place = Path(target)
        if place.is_dir() or is_replay(place):
            require(not deep, "a script to look at in depth", str(place), AGAIN)
            return saved_findings(place) if place.is_dir() else replayed_findings(place)
        if not place.exists() and not place.suffix:
            raise DataError(
                "a script or the folder of a saved model", f"nothing at {str(place)!a}", "check the path"
            )
        outcome = run_script(target, args, budget=budget, deep=deep)
        found = outcome.findings
        if try_fixes is not False:
            time = None if try_fixes is True else try_fixes
            outcome.trials = run_trials(target, args, outcome, budget=time, seed=seed)
        record = dossier(found, found.notes, outcome=outcome, arguments=args)
        return Findings(found, found.notes, record, outcome.trials, outcome.replays)
    require(try_fixes is False, "a script where fixes are to be tried", type(target).__name__)
    if isinstance(target, tuple) and len(target) == 2 and isinstance(target[0], nn.Module):
        require(
            loss is not None,
            "a loss beside a module with data",
            None,
            'give loss="cross-entropy", or a function',
        )
        assert loss is not None
        limit = Budget.parse("30s" if budget is None else budget)
        # The copy is trained for this alone: half of the time may go to looks in depth.
        seen = watch(overhead=0.5, deep=True) if deep else watch()
        with seen:
            train(
                copy.deepcopy(target[0]),
                target[1],
                loss=loss,
                optimizer=optimizer,
                learning_rate=learning_rate,
                batch_size=batch_size,
                epochs=epochs,
                callbacks=[seen],
                budget=limit,
                seed=seed,
            )
        return seen.findings()
    raise ArgumentError(
        "the path of a script, the folder of a saved model, a Watch, or (module, (X, y))",
        type(target).__name__,
        OPTIONS,
    )
