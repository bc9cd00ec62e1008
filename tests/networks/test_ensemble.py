"""K networks at once against K networks alone."""

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.networks import EnsembleDense


def ensemble(members=3, **settings):
    settings = {"widths": (8, 5), "scaling": True, **settings}
    return EnsembleDense(members, 4, 2, generator=torch.Generator().manual_seed(0), **settings).double()


def test_members_computed_together_equal_members_alone():
    together = ensemble()
    torch.nn.init.uniform_(together.scale, 0.5, 2.0)
    x = torch.randn(7, 4, dtype=torch.float64)
    alone = torch.stack([together.member(k)(x) for k in range(3)])
    torch.testing.assert_close(together(x), alone, rtol=1e-12, atol=1e-12)


def test_each_member_may_see_rows_of_its_own():
    together = ensemble()
    x = torch.randn(3, 7, 4, dtype=torch.float64)
    alone = torch.stack([together.member(k)(x[k]) for k in range(3)])
    torch.testing.assert_close(together(x), alone, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_the_sum_is_the_stack_of_the_members_gradients():
    together = ensemble()
    x = torch.randn(7, 4, dtype=torch.float64)
    together(x).square().mean((-2, -1)).sum().backward()
    for k in range(3):
        member = together.member(k)
        member(x).square().mean().backward()
        torch.testing.assert_close(together.weights[1].grad[k], member.layers[1].weight.grad.mT)
        torch.testing.assert_close(together.scale.grad[k], member.scale.grad)


def test_members_differ_at_first():
    together = ensemble()
    assert not torch.equal(together.weights[0][0], together.weights[0][1])


def test_a_member_moves_no_global_stream_and_keeps_the_dtype():
    together = ensemble()
    before = torch.get_rng_state()
    assert together.member(1).layers[0].weight.dtype == torch.float64
    assert torch.equal(before, torch.get_rng_state())


def test_record_makes_an_ensemble_of_the_same_shape():
    assert EnsembleDense(**ensemble().to_record()).to_record() == ensemble().to_record()


def test_bad_members_are_refused():
    with pytest.raises(ArgumentError, match="at least 1 member"):
        EnsembleDense(0, 2, 1)
    with pytest.raises(ArgumentError, match=r"a member in 0\.\.2"):
        ensemble().member(3)
