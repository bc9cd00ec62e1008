"""Names to runners."""

import pytest
import torch

from fivefold.core import ArgumentError, Budget
from fivefold.optimize.comparison.methods import find_runner
from fivefold.optimize.comparison.peers import PEERS
from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import small_problems
from fivefold.optimize.comparison.trace import Recorder
from fivefold.optimize.methods.registry import METHODS


@pytest.mark.parametrize("name", ["auto", *METHODS, *PEERS, "train:adamw"])
def test_every_name_has_a_runner(name: str) -> None:
    assert callable(find_runner(name))


def test_a_function_runs_as_it_is() -> None:
    problem = small_problems()[0]
    F = problem.make()
    runner = find_runner(lambda objective, w0, budget: w0 + budget.seconds)
    end = runner(problem, F, F.initial, Budget(seconds=2.0), 0, Recorder(F.initial))
    assert torch.equal(end, F.initial + 2)


def test_an_own_method_goes_on_below_its_default_tolerance() -> None:
    """F of the size 1e-12, where a gradient norm of 1e-8 says nothing."""
    from fivefold.objective import Objective

    start = torch.tensor([-1.2, 1.0], dtype=torch.float64)
    F = Objective.from_function(lambda w: 1e-12 * ((1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2), start)
    problem = small_problems()[0]
    end = find_runner("lbfgs")(problem, F, start, Budget(), 0, Recorder(start))
    assert torch.allclose(end, torch.ones(2, dtype=torch.float64), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "near"), [("lbfg", "lbfgs"), ("scipy:BFG", "scipy:BFGS"), ("train:", "train")]
)
def test_an_unknown_name_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ArgumentError, match=f"nearest is '{near}"):
        find_runner(name)
