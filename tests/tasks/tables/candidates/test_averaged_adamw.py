"""AdamW with averaged weights: the steps are AdamW's, the average is that of the formula."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.tasks.tables.candidates.averaged_adamw import AveragedAdamW


def _pull(w, t):
    """A gradient that changes from step to step."""
    w.grad = w.detach() - torch.sin(torch.arange(len(w), dtype=w.dtype) + t)


def _pair(decay):
    made = [torch.nn.Parameter(torch.linspace(1, 3, 4, dtype=torch.float64)) for _ in range(2)]
    groups = [[{"params": [w], "weight_decay": 0.3}] for w in made]
    own = AveragedAdamW(groups[0], 0.05, decay)
    return made, own, torch.optim.AdamW(groups[1], lr=0.05)


@pytest.mark.parametrize("decay", [0.0, 0.8, 0.99])
def test_it_averages_the_iterates_of_adamw(decay):
    """Against PyTorch's AdamW and the recursion in NumPy; 1e-12 is rounding in float64."""
    (w, v), own, plain = _pair(decay)
    average = np.zeros(4)
    for t in range(1, 31):
        for p, optimizer in ((w, own), (v, plain)):
            _pull(p, t)
            optimizer.step()
        average += max(1 - decay, 1 / t) * (v.detach().numpy() - average)
    np.testing.assert_allclose(w.detach().numpy(), v.detach().numpy(), rtol=1e-12)
    own.eval()
    np.testing.assert_allclose(w.detach().numpy(), average, rtol=1e-12)
    assert decay == 0 or np.abs(average - v.detach().numpy()).max() > 1e-3


def test_looking_at_the_average_leaves_the_training_as_it_was():
    """The same bits with and without a look after every step."""
    ends = []
    for looks in (False, True):
        (w, _), own, _ = _pair(0.9)
        for t in range(10):
            own.train()
            _pull(w, t)
            own.step()
            if looks:
                own.eval()
                own.eval()
        own.train()
        ends.append(w.detach().clone())
    assert torch.equal(*ends)


def test_parameters_without_a_gradient_stay():
    (w, idle), _, _ = _pair(0.9)
    own = AveragedAdamW([w, idle], 0.05)
    before = idle.detach().clone()
    _pull(w, 1)
    own.step()
    own.eval()
    assert torch.equal(idle, before)
    assert not torch.equal(w, before)


def test_a_step_from_the_average_is_refused():
    (w, _), own, _ = _pair(0.9)
    own.eval()
    _pull(w, 1)
    with pytest.raises(ArgumentError, match="training mode"):
        own.step()


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ArgumentError, match="a decay in"):
        AveragedAdamW([torch.nn.Parameter(torch.zeros(1))], 0.1, decay)
