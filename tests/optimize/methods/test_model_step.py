"""Steps by models: what is accepted, what is tried again, and when they give up."""

import pytest
import torch

from fivefold.objective import Objective
from fivefold.optimize.methods.cubic_regularisation import cubic_regularisation
from fivefold.optimize.methods.trust_region import trust_region

MAKERS = [trust_region, cubic_regularisation]


def step(make, fn, w, dense=True):
    F = Objective.from_function(fn, torch.zeros(w.shape[-1]).double())
    moves = make(F, dense=dense)
    return moves, F, moves.move(w, *F.value_and_gradient(w), torch.arange(w.shape[0]))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dense", [True, False])
def test_f_never_rises_and_a_wall_is_not_crossed(make, dense):
    w = torch.tensor([[0.9], [0.5], [1e-3]]).double()
    moves, _, end = step(make, lambda w: (-w.log() - (1 - w).log() + 30 * w).sum(), w, dense)
    value, gradient = end.value, end.gradient
    assert bool((end.step > 0).all())
    for _ in range(12):
        following = moves.move(end.w, value, gradient, torch.arange(3))
        assert bool((following.value <= value + 1e-13).all())
        end, value, gradient = following, following.value, following.gradient
    assert bool(((end.w > 0) & (end.w < 1)).all())
    assert float(end.gradient.abs().max()) < 1e-6


@pytest.mark.parametrize("make", MAKERS)
def test_a_gradient_that_lies_is_not_followed(make):
    F = Objective.from_oracle(lambda w: (float(w @ w), -2 * w), torch.ones(2).numpy())
    w = torch.ones(1, 2).double()
    end = make(F, dense=True).move(w, *F.value_and_gradient(w), torch.tensor([0]))
    assert float(end.value) <= 2.0 + 1e-9
    assert not bool(end.unbounded.any())


@pytest.mark.parametrize("make", MAKERS)
def test_a_point_alone_in_its_domain_stays(make):
    w = torch.ones(1, 1).double()
    _, _, end = step(make, lambda w: torch.where(w[0] == 1, w[0], torch.nan), w)
    assert (end.step.item(), end.w.item()) == (0.0, 1.0)


@pytest.mark.parametrize("make", MAKERS)
def test_rows_keep_their_own_restraint_and_can_forget_it(make):
    w = torch.tensor([[5.0], [0.1]]).double()
    moves, F, first = step(make, lambda w: (w**4).sum(), w)
    kept = moves._number.clone()
    value, gradient = F.value_and_gradient(w)
    moves.move(w, value, gradient, torch.tensor([1]))
    assert moves._number[0] == kept[0]
    moves.reset(torch.tensor([0]))
    assert moves._number.isnan().tolist() == [True, False]
    again = moves.move(w, value, gradient, torch.tensor([0]))
    torch.testing.assert_close(again.w[0], first.w[0])
    moves.learn(w, w)
