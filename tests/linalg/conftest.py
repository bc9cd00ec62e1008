"""What the tests of random estimates share: spectra, an operator that shows its products alone, and rates."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fivefold.linalg import LinearOperator

N = 300
_G = torch.Generator().manual_seed(11)
_BASIS = torch.linalg.qr(torch.randn(N, N, generator=_G, dtype=torch.float64)).Q
_INDEX = torch.arange(1, N + 1, dtype=torch.float64)
_BULK = torch.rand(N, generator=_G, dtype=torch.float64)


def _topped(*values, bulk=0.1 + _BULK):
    return torch.cat([torch.tensor(values, dtype=torch.float64), bulk[len(values) :]])


SPECTRA = {
    "fast decay": _INDEX**-2,
    "slow decay": _INDEX**-0.5,
    "ten outliers": _topped(*np.linspace(100, 1000, 10)),
    "flat": 0.5 + _BULK,
    "one outlier": _topped(1e4),
    "more outliers than sketches": _topped(*[1e3] * 21),
    "signs": _topped(1e3, -990.0, 500.0, -400.0),
    "one tiny": _topped(1e-12, bulk=1 + 1e-3 * _BULK),
    "three outliers": _topped(5.0, 7.0, 9.0),
    "near signs": _topped(-3.0, 4.0, bulk=_BULK - 0.5),
}


class Lazy(LinearOperator):
    """Products only, so that nothing is known; with noise they change from call to call."""

    def __init__(self, matrix, symmetric=True, noise=0.0, positive=False):
        super().__init__(matrix.shape, dtype=matrix.dtype, symmetric=symmetric, positive=positive)
        self.matrix, self.noise = matrix, noise

    def _matmat(self, X):
        return self.matrix @ X * (1 + self.noise * torch.rand(()).item())

    def _adjoint(self):
        return Lazy(self.matrix.mT, symmetric=False)


def matrix(values):
    A = (_BASIS * values) @ _BASIS.mT
    return (A + A.mT) / 2


def wilson_top(hits, runs, z=1.959964):
    """Upper end of the 95% interval of a rate."""
    p = hits / runs
    centre, half = p + z * z / (2 * runs), z * math.sqrt(p * (1 - p) / runs + z * z / (4 * runs**2))
    return (centre + half) / (1 + z * z / runs)


def covering_runs(call, truth, least=100, most=200):
    """Runs of ``call(seed)``, and whether their 95% intervals hold the truth at that rate.

    A first half that covers at 95% ends it. A method that covers at 90% has a chance of 6% to get by so; one
    that covers at 95% goes on to ``most`` runs in 44% of all cases. There Wilson's interval decides.
    """
    runs, hits = [], 0
    for seed in range(most):
        run = call(seed)
        low, high = run.interval()
        runs.append(run)
        hits += bool(low <= truth <= high)
        if seed + 1 == least and hits >= 0.95 * least:
            break
    return runs, wilson_top(hits, len(runs)) >= 0.95


@pytest.fixture(scope="session")
def stochastic():
    return SimpleNamespace(
        n=N,
        basis=_BASIS,
        index=_INDEX,
        bulk=_BULK,
        spectra=SPECTRA,
        Lazy=Lazy,
        matrix=matrix,
        lazy=lambda name: Lazy(matrix(SPECTRA[name])),
        wilson_top=wilson_top,
        covering_runs=covering_runs,
    )
