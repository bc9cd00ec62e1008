import torch

from fivefold.linalg.forward_error import InputRounding, computed_error, factor_error, input_error
from fivefold.linalg.refinement import Pair, Problem

G = torch.Generator().manual_seed(11)


def ill(m, n, decay):
    Q = torch.linalg.qr(torch.randn(m, n, generator=G, dtype=torch.float64)).Q
    V = torch.linalg.qr(torch.randn(n, n, generator=G, dtype=torch.float64)).Q
    return Q @ torch.diag(10.0 ** (-decay * torch.arange(n) / (n - 1)).double()) @ V + 0.0


def test_the_bound_holds_for_wrong_solutions_and_is_not_idle():
    for decay in (0, 3, 6):
        X = ill(30, 5, decay)
        truth = torch.arange(1.0, 6.0).double()[:, None]
        Y = X @ truth
        R = torch.linalg.qr(X).R
        s = torch.linalg.svdvals(R)
        wrong = truth + 1e-3 * torch.randn(5, 1, generator=G, dtype=torch.float64)
        z = Pair(wrong, torch.zeros_like(wrong))
        problem = Problem(X, None, Y)
        r = problem.residual(z)
        g = problem.gradient(r)
        bound = computed_error(problem, R, factor_error(s, 30, 5), z, r, torch.zeros_like(Y), g)
        error = (wrong - truth).abs()
        assert bool((error <= bound).all())
        assert float((bound / error.norm()).min()) < 10.0 ** (decay + 1)


def test_nothing_is_promised_where_the_factor_is_noise():
    X = ill(30, 5, 3)
    R = torch.linalg.qr(X).R
    s = torch.tensor([1.0, 1e-15])
    one = torch.ones(5, 1).double()
    theta = factor_error(s, 30, 5)
    assert theta > 0.5
    no = torch.zeros(30, 1).double()
    z, r = Pair(one, 0 * one), Pair(no, no)
    assert torch.isinf(computed_error(Problem(X, None, no), R, theta, z, r, no, one)).all()
    assert factor_error(torch.tensor([1.0, 0.0]), 30, 5) == float("inf")


def test_perturbed_input_moves_the_solution_by_less_than_the_bound():
    X, Y = ill(40, 4, 4) + 1 / 3, torch.randn(40, 1, generator=G, dtype=torch.float64) + 1 / 7
    Q, R = torch.linalg.qr(X)
    z = torch.linalg.lstsq(X, Y).solution
    big = 2.0**20  # a perturbation that dwarfs the rounding of the reference
    rounding = InputRounding.found(X, None, Y, torch.ones(4).double(), 1.0)
    bound = big * input_error(rounding, Q, R, z, Y - X @ z)
    moved = []
    for _ in range(20):
        noise = [
            big * t * (2 * torch.rand(t.shape, generator=G, dtype=torch.float64) - 1)
            for t in (rounding.of_matrix, rounding.of_y)
        ]
        moved.append((torch.linalg.lstsq(X + noise[0], Y + noise[1]).solution - z).abs())
    worst = torch.stack(moved).amax(dim=0)
    assert bool((worst <= bound).all())
    assert float((bound / worst).max()) < 100  # not idle
