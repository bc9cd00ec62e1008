"""The quadratic model with an l1 penalty, solved by sweeps over coordinates and solves on their support."""

import math

import numpy as np
import torch
from torch import Tensor

from fivefold.optimize.methods.l1_penalty import L1Penalty

_ROUNDS = 1000
_EPS, _TINY = 2.0**-52, 1e-290

Array = np.ndarray


def minimise_l1_quadratic(
    H: Tensor, gradient: Tensor, w: Tensor, penalty: L1Penalty, tolerance: float, rounds: int = _ROUNDS
) -> Tensor:
    r"""Return the minimiser z [P] of the quadratic model of F at w plus the penalty.

    .. math:: q(z) = g^\top (z - w) + \tfrac12 (z - w)^\top H (z - w) + \sum_j \lambda_j |z_j|

    A round is one sweep of coordinate descent, which finds who is 0 and the signs of the others, and one
    solve of the equations on that support with those signs; the path there holds a coordinate at 0 that
    would change its sign. q falls in every round. Signs settle after a few rounds, and the answer is then
    exact to rounding, however small lambda and whatever the conditioning, where sweeps alone would creep.
    Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate
    descent", 2010 (the sweep); Lee, Battle, Raina and Ng, "Efficient sparse coding algorithms", 2007 (the
    solve); Andrew and Gao, "Scalable training of L1-regularized log-linear models", 2007 (the path).

    The loop over coordinates runs in NumPy and float64 on the processor, whatever the device: tensor
    operations on single numbers would cost ten times as much.

    Args:
        H: A positive semidefinite matrix [P, P].
        gradient: g [P].
        w: Where the model was made [P], and the first z.
        penalty: With weights lambda [P].
        tolerance: Largest |z - prox(z - grad)| of the answer.
        rounds: Most rounds.

    >>> H, zero = torch.eye(2), torch.zeros(2)
    >>> minimise_l1_quadratic(H, torch.tensor([-3.0, 0.5]), zero, L1Penalty(torch.ones(2)), 1e-6).tolist()
    [2.0, 0.0]
    """
    matrix, g, start, weights = (
        t.detach().to("cpu", torch.float64).numpy() for t in (H, gradient, w, penalty.weights)
    )
    free, held = np.nonzero(weights == 0)[0], np.nonzero(weights > 0)[0]
    if not len(free):
        return torch.from_numpy(_search(matrix, g, start, weights, tolerance, rounds)).to(w)
    # what has no penalty follows the rest; for an intercept this centres the columns
    across = matrix[np.ix_(free, held)]
    follow = _least_squares(matrix[np.ix_(free, free)], np.column_stack([across, g[free]]))
    z = start.copy()
    if len(held):
        reduced = matrix[np.ix_(held, held)] - across.T @ follow[:, :-1]
        push = g[held] - across.T @ follow[:, -1]
        z[held] = _search(reduced, push, start[held], weights[held], tolerance, rounds)
    z[free] -= follow[:, :-1] @ (z[held] - start[held]) + follow[:, -1]
    return torch.from_numpy(z).to(w)


def _search(H: Array, g: Array, start: Array, weights: Array, tolerance: float, rounds: int) -> Array:
    """The same, where every coordinate has a penalty."""
    z, slope, diagonal, lam = start.copy(), g.copy(), H.diagonal().tolist(), weights.tolist()
    for number in range(rounds):
        shifted = z - slope
        wanted = np.sign(shifted) * np.maximum(np.abs(shifted) - weights, 0.0)
        if np.linalg.norm(z - wanted) <= tolerance:
            break
        moved = _sweep(H, z, slope, diagonal, lam, (z != 0) | (np.abs(slope) > weights))
        moved |= _solve_on_support(H, z, slope, weights)
        if number % 10 == 9:  # what the updates have lost to rounding
            slope = g + H @ (z - start)
        if not moved:
            break
    return z


def _least_squares(H: Array, b: Array) -> Array:
    """The shortest x with H x = b, for a positive semidefinite H."""
    if len(H) == 1:
        return b / H if H[0, 0] > 0 else np.zeros_like(b)
    x: Array = np.linalg.lstsq(H, b, rcond=None)[0]
    return x


def _sweep(H: Array, z: Array, slope: Array, diagonal: list[float], lam: list[float], where: Array) -> bool:
    """Minimise over one coordinate after the other, in place; whether any moved."""
    moved = False
    for j in np.flatnonzero(where).tolist():
        h = diagonal[j]
        if h <= 0:
            continue
        old = z.item(j)
        v = old * h - slope.item(j)
        size = abs(v) - lam[j]
        change = (math.copysign(size, v) / h if size > 0 else 0.0) - old
        if abs(change) > _EPS * abs(old):
            z[j] = old + change
            slope += change * H[j]
            moved = True
    return moved


def _solve_on_support(H: Array, z: Array, slope: Array, weights: Array) -> bool:
    """Solve for the coordinates that are not 0, signs held, in place; whether that was lower."""
    active = np.nonzero(z)[0]
    if not len(active):
        return False
    x, lam = z[active], weights[active]
    sign = np.sign(x)
    block = H[np.ix_(active, active)]
    step = _newton_step(block, slope[active] + lam * sign)
    # the way to the first change of sign is always lower: where the support is dependent, and the step
    # long, one coordinate leaves it so
    reach = np.divide(-x, step, out=np.full_like(x, np.inf), where=step * sign < 0)
    first = float(np.min(reach))
    for t in (1.0, 0.5, 0.25, 0.125, min(first, 1.0)):
        trial = x + t * step
        trial[(trial * sign <= 0) | (reach <= t)] = 0.0
        change = trial - x
        linear = float(slope[active] @ change + lam @ (np.abs(trial) - np.abs(x)))
        fall = linear + 0.5 * float(change @ block @ change)
        if fall < 0 and fall <= 1e-4 * linear:
            z[active] = trial
            slope += change @ H[active]
            return True
    return False


def _newton_step(H: Array, push: Array) -> Array:
    """-H^-1 push, with H raised by what rounding may hide."""
    raised = H.copy()
    raised.flat[:: len(H) + 1] += max(1e2 * _EPS * float(np.trace(H)), _TINY)
    step: Array = -np.linalg.solve(raised, push)
    return step
