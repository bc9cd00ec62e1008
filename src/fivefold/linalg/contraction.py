"""Powers of an operator that provably shrink every vector: then its spectral radius is below one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fivefold.linalg.compose import Product
from fivefold.linalg.operator import LinearOperator
from fivefold.linalg.spectral_ends import spectral_ends

_UNIT = 2.0**-53
_STEPS = 20  # of Lanczos: leaves a tenth on the norm, which the next power makes up for


@dataclass(frozen=True, eq=False)
class Contraction:
    """A power and its norm.

    Args:
        power: k.
        norm: A bound of the norm of the k-th power; 1 or more where no power was found to shrink.
        products: Products with the operator or its adjoint; 0 for a matrix.
    """

    power: int
    norm: float
    products: int

    @property
    def radius(self) -> float:
        r"""The bound :math:`\|A^k\|^{1/k}` of the spectral radius."""
        return self.norm ** (1 / self.power) if 0 < self.norm < math.inf else self.norm


def dense_contraction(A: Tensor, squarings: int = 14) -> Contraction:
    r"""Square a matrix until a norm of its power is below one, with the rounding bounded.

    .. math:: \rho(A) \le \|A^k\|^{1/k}, \qquad \hat M_{j+1} = \mathrm{fl}(\hat M_j^2), \quad
              e_{j+1} \le 2 e_j \|\hat M_j\| + e_j^2 + \gamma_n \|\hat M_j\|_F^2

    Source: I. M. Gelfand, Mat. Sbornik 9 (1941).

    Args:
        A: ``[n, n]`` in float64.
        squarings: The most, so that k is at most two to this power.

    >>> dense_contraction(torch.tensor([[0.5, 4.0], [0.0, 0.5]]).double()).power
    8
    """
    n = A.shape[0]
    gamma = (n + 4) * _UNIT * 1.01
    M, error, best = A, 0.0, Contraction(1, math.inf, 0)
    for j in range(squarings + 1):
        size = M.abs()
        frobenius = float(torch.linalg.matrix_norm(M)) * (1 + n * _UNIT)
        rows, columns = float(size.sum(dim=1).max()), float(size.sum(dim=0).max())
        # Each of them bounds the spectral radius of any matrix within the error in the Frobenius norm.
        norm = min(frobenius + error, min(rows, columns) * (1 + n * _UNIT) + error * math.sqrt(n))
        found = Contraction(2**j, norm, 0)
        best = found if found.radius < best.radius else best
        if norm < 1 or not (error <= 1e3 and frobenius < 1e100) or j == squarings:
            break
        error = 2 * error * frobenius + error**2 + gamma * frobenius**2
        M = M @ M
    return best


def sampled_contraction(
    A: LinearOperator, *, products: int, failure: float = 1e-6, seed: int = 0
) -> Contraction:
    r"""Bound the norms of the powers 1, 2, 4, ... of an operator until one is below one.

    .. math:: \|A^k\|_2^2 = \lambda_{\max}\big((A^k)^\top A^k\big)

    bounded by Lanczos with a stated probability; the failures allowed to the powers add up to ``failure``. A
    product is taken to err by at most :math:`\eta \|A\| \|x\|` with :math:`\eta = 10 \sqrt n \, \varepsilon`;
    over k products that is :math:`k \eta \|A\| g^2` with g the largest norm of a power on the way.

    Source: as :func:`fivefold.linalg.spectral_ends.spectral_ends`.

    Args:
        A: ``[n, n]`` with an adjoint.
        products: The most products that may be spent.
        failure: Probability that the bound is wrong.
        seed: Of Lanczos.

    >>> from fivefold.linalg import Diagonal
    >>> sampled_contraction(Diagonal(torch.linspace(-0.9, 0.9, 2000).double()), products=2000).norm < 1
    True
    """
    n = A.shape[0]
    eta = 10 * math.sqrt(n) * float(torch.finfo(A.dtype).eps)
    spent, j, growth, first = 0, 0, 1.0, 0.0
    best = Contraction(1, math.inf, 0)
    while spent + 2 * _STEPS * 2**j <= products:
        k = 2**j
        powered = A if k == 1 else Product(*([A] * k))
        squared = Product(powered.adjoint(), powered, positive=True)
        ends = spectral_ends(squared, steps=_STEPS, failure=failure / 2 ** (j + 1), seed=seed + j)
        spent += 2 * ends.products * k
        norm = math.sqrt(max(ends.high, 0.0))
        first = norm if k == 1 else first
        rounding = k * eta * first * growth**2
        found = Contraction(k, norm + rounding, spent)
        best = found if found.radius < best.radius else best
        if found.norm < 1 or not rounding < 1 or ends.highest > 1e60:
            break
        growth *= max(1.0, found.norm)
        j += 1
    return Contraction(best.power, best.norm, spent)
