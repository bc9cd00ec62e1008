import torch

from fivefold.linalg.condition_estimate import inverse_norm_estimate


def test_within_a_factor_of_three_below_the_truth():
    g = torch.Generator().manual_seed(3)
    A = torch.randn(40, 12, 12, generator=g, dtype=torch.float64) + 2
    inverse = torch.linalg.inv(A)
    truth = inverse.abs().sum(dim=-2).amax(dim=-1)
    estimate = inverse_norm_estimate(
        lambda b: torch.linalg.solve(A, b), lambda b: torch.linalg.solve(A.mT, b), A
    )
    assert bool((estimate <= truth * (1 + 1e-9)).all())
    assert bool((estimate >= truth / 3).all())


def test_a_solve_that_is_not_finite_gives_infinity():
    eye = torch.eye(3)
    assert inverse_norm_estimate(lambda b: b * torch.nan, lambda b: b, eye).item() == float("inf")
