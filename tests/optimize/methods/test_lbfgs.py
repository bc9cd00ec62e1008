"""The two-loop recursion against the dense BFGS update."""

import torch

from fivefold.optimize.methods.lbfgs import Memory


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pairs(count=4, size=6, seed=0):
    A = random(size, size, seed=seed)
    H = A @ A.T + torch.eye(size)
    s = random(count, size, seed=seed + 1)
    return s, s @ H


def dense(s, y):
    """H_k by the product form of the BFGS update, Nocedal and Wright, equation 6.17."""
    eye = torch.eye(s.shape[1], dtype=torch.float64)
    H = (s[-1] @ y[-1]) / (y[-1] @ y[-1]) * eye
    for a, b in zip(s, y, strict=True):
        rho = 1 / (a @ b)
        V = eye - rho * torch.outer(b, a)
        H = V.T @ H @ V + rho * torch.outer(a, a)
    return H


def test_direction_equals_the_dense_update_for_each_point_of_a_batch():
    one, two = pairs(seed=0), pairs(seed=10)
    memory = Memory(10)
    for k in range(4):
        memory.push(torch.stack([one[0][k], two[0][k]]), torch.stack([one[1][k], two[1][k]]))
    g = random(2, 6, seed=5)
    expected = torch.stack([-dense(*one) @ g[0], -dense(*two) @ g[1]])
    torch.testing.assert_close(memory.direction(g), expected, rtol=1e-10, atol=1e-10)


def test_only_the_newest_pairs_are_kept():
    s, y = pairs(count=5)
    memory = Memory(3)
    for a, b in zip(s, y, strict=True):
        memory.push(a[None], b[None])
    g = random(1, 6, seed=5)
    torch.testing.assert_close(memory.direction(g)[0], -dense(s[2:], y[2:]) @ g[0], rtol=1e-10, atol=1e-10)


def test_pairs_without_positive_curvature_are_refused_point_by_point():
    s, y = pairs(count=2)
    memory = Memory(5)
    memory.push(s[:1].expand(3, -1).clone(), torch.stack([y[0], -y[0], 0 * y[0]]))
    g = random(3, 6, seed=5)
    expected = torch.stack([-dense(s[:1], y[:1]) @ g[0], -g[1], -g[2]])
    torch.testing.assert_close(memory.direction(g), expected)
    assert memory.known().tolist() == [True, False, False]
    assert Memory(5).known() is None


def test_a_point_that_did_not_move_is_left_as_it_was():
    s, y = pairs(count=1)
    memory = Memory(5)
    memory.push(s, y)
    g = random(1, 6, seed=5)
    before = memory.direction(g)
    memory.push(0 * s, 0 * y)
    torch.testing.assert_close(memory.direction(g), before)


def test_forgetting_one_point_leaves_the_other():
    s, y = pairs(count=1)
    memory = Memory(5)
    memory.push(s.expand(2, -1).clone(), y.expand(2, -1).clone())
    memory.forget(torch.tensor([1]))
    g = random(1, 6, seed=5).expand(2, -1)
    direction = memory.direction(g)
    torch.testing.assert_close(direction[0], -dense(s, y) @ g[0])
    torch.testing.assert_close(direction[1], -g[1])
    Memory(5).forget(torch.tensor([0]))
