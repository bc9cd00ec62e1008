"""BFGS with a dense inverse: the update's identities, and minima beside L-BFGS."""

import pytest
import torch

from fivefold.core import Status
from fivefold.objective import Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.bfgs import DenseQuasiNewton


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spd(n, seed=0):
    M = random(n, n, seed=seed)
    return M @ M.T / n + 0.1 * torch.eye(n, dtype=torch.float64)


def matrix(rule, n, batch=1):
    rows = torch.arange(batch)
    columns = [
        rule.find(torch.zeros(batch, n), e.expand(batch, n), rows)[0]
        for e in torch.eye(n, dtype=torch.float64)
    ]
    return -torch.stack(columns, dim=-1)


def dense(pairs):
    """H by the published product form (Nocedal and Wright, 6.17), from the largest s.y / y.y of the pairs."""
    eye = torch.eye(pairs[0][0].shape[0], dtype=torch.float64)
    H = max(float(a @ b / (b @ b)) for a, b in pairs) * eye
    for a, b in pairs:
        rho = 1 / (a @ b)
        H = (eye - rho * torch.outer(a, b)) @ H @ (eye - rho * torch.outer(b, a)) + rho * torch.outer(a, a)
    return H


def test_the_update_is_the_published_product_and_meets_the_secant_equation():
    n, A = 5, spd(5)
    rule = DenseQuasiNewton()
    pairs = []
    for s in random(4, n, seed=1):
        y = A @ s
        pairs.append((s, y))
        rule.learn(s[None], y[None])
        H = matrix(rule, n)[0]
        torch.testing.assert_close(H, dense(pairs), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(H @ y, s, rtol=1e-10, atol=1e-12)
        assert float(torch.linalg.eigvalsh(H)[0]) > 0


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_directions_not_yet_seen_get_the_largest_scale_of_all_pairs(order):
    eye, curvatures = torch.eye(3, dtype=torch.float64), torch.tensor([64.0, 0.5, 7.0]).double()
    rule = DenseQuasiNewton()
    for j in order:
        rule.learn(eye[j][None], curvatures[j] * eye[j][None])
    expected = torch.diag(torch.tensor([1 / 64, 2.0, 2.0]).double())
    torch.testing.assert_close(matrix(rule, 3)[0], expected, rtol=1e-14, atol=1e-15)


def test_as_many_conjugate_pairs_as_parameters_give_the_inverse():
    n, A = 6, spd(6, seed=3)
    rule = DenseQuasiNewton()
    for s in torch.linalg.eigh(A).eigenvectors.T:
        rule.learn(s[None], (A @ s)[None])
    torch.testing.assert_close(matrix(rule, n)[0], torch.linalg.inv(A), rtol=1e-10, atol=1e-11)


def test_each_point_of_a_batch_has_a_scale_of_its_own():
    n, A = 4, spd(4, seed=4)
    scales = (1.0, 1e6)
    rule, pairs = DenseQuasiNewton(), ([], [])
    for s in random(3, n, seed=6):
        for kept, scale in zip(pairs, scales, strict=True):
            kept.append((s, scale * A @ s))
        rule.learn(s.expand(2, n), torch.stack([kept[-1][1] for kept in pairs]))
    H = matrix(rule, n, 2)
    for row in range(2):
        torch.testing.assert_close(
            scales[row] * H[row], scales[row] * dense(pairs[row]), rtol=1e-9, atol=1e-11
        )


def test_pairs_without_curvature_and_points_that_stayed_are_passed_over():
    n = 3
    rule = DenseQuasiNewton()
    s = random(2, n, seed=2)
    y = torch.stack([-s[0], 2 * s[1]])
    rule.learn(s, y)
    H = matrix(rule, n, 2)
    torch.testing.assert_close(H[0], torch.eye(n, dtype=torch.float64))
    torch.testing.assert_close(H[1], 0.5 * torch.eye(n, dtype=torch.float64))
    rule.learn(torch.zeros_like(s), torch.zeros_like(s))
    torch.testing.assert_close(matrix(rule, n, 2), H)
    rule.reset(torch.tensor([1]))
    torch.testing.assert_close(matrix(rule, n, 2)[1], torch.eye(n, dtype=torch.float64))
    rule.learn(s, s)
    torch.testing.assert_close(matrix(rule, n, 2)[1], torch.eye(n, dtype=torch.float64))


def valley(w):
    return (100 * (w[1:] - w[:-1] ** 2) ** 2 + (1 - w[:-1]) ** 2).sum()


def test_a_badly_scaled_bowl_takes_fewer_evaluations_than_with_the_scale_of_the_newest_pair():
    # curvatures from 1 to 1e6: the first pair knows the steepest direction alone
    c = 10.0 ** torch.linspace(0, 6, 7, dtype=torch.float64)
    F = Objective.from_function(
        lambda w: 0.5 * (c * w**2).sum() + 0.01 * (w**4).sum(), torch.ones(7).double()
    )
    found, short = minimize(F, "bfgs"), minimize(F, "lbfgs")
    assert found.status is Status.CONVERGED
    assert found.evaluations < 0.8 * short.evaluations


@pytest.mark.parametrize("size", [4, 10])
def test_a_curved_valley_takes_fewer_evaluations_than_with_ten_pairs(size):
    start = torch.tensor([-1.2, 1.0] * (size // 2), dtype=torch.float64)
    F = Objective.from_function(valley, start)
    found, short = minimize(F, "bfgs"), minimize(F, "lbfgs", memory=3)
    assert found.status is Status.CONVERGED
    assert found.evaluations < short.evaluations


def test_a_batch_goes_the_way_of_its_points():
    F = Objective.from_function(valley, torch.zeros(4).double())
    starts = random(3, 4, seed=5)
    batch = minimize(F, "bfgs", w0=starts)
    for row in range(3):
        alone = minimize(F, "bfgs", w0=starts[row])
        torch.testing.assert_close(batch.w[row], alone.w, rtol=0, atol=1e-9)
        assert batch.statuses[row] is alone.status


def test_too_many_parameters_are_refused():
    F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(3000))
    with pytest.raises(ValueError, match="parameters"):
        minimize(F, "bfgs")
