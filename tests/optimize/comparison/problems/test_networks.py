"""Each network's objective is the loss that training minimises."""

import pytest
import torch

from fivefold.optimize.comparison.problems.networks import network_problems, small_convolutional
from fivefold.optimize.training.losses import cross_entropy_loss

PROBLEMS = network_problems()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_objective_and_training_loss_agree(problem) -> None:
    w = problem.starts[0] * 1.1 + 0.01
    module = problem.module_at(w)
    X, y = problem.data
    loss = cross_entropy_loss if problem.loss == "cross-entropy" else problem.loss
    with torch.no_grad():
        expected = float(loss(module.eval()(X), y))
    assert float(problem.make().value(w)) == pytest.approx(expected, rel=1e-5)


def test_sizes_and_seeds() -> None:
    assert [problem.size for problem in PROBLEMS] == [139, 193, 8970, 1898]
    again, other = network_problems(), network_problems(seed=1)
    for first, same, moved in zip(PROBLEMS, again, other, strict=True):
        assert torch.equal(first.starts, same.starts)
        assert not torch.equal(first.starts, moved.starts)


def test_the_global_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    PROBLEMS[0].module()
    assert torch.equal(before, torch.get_rng_state())


def test_the_convolutional_net_has_the_size_of_its_formula() -> None:
    """9 w + w, 9 w 2 w + 2 w, and 8 w K + K."""
    count = sum(p.numel() for p in small_convolutional(classes=4, width=3).parameters())
    assert count == 9 * 3 + 3 + 9 * 3 * 6 + 6 + 8 * 3 * 4 + 4
