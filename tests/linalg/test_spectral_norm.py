import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Diagonal, norm_bound
from fivefold.linalg.spectral_norm import block_norm_bound

G = torch.Generator().manual_seed(6)


def test_bounds_the_norm_and_stays_close():
    for shape in ((80, 50), (50, 80), (12, 3)):
        M = 2 + torch.randn(shape, generator=G, dtype=torch.float64)
        for seed in range(20):
            bound = norm_bound(Dense(M), seed=seed)
            assert 1.0 <= bound / float(torch.linalg.matrix_norm(M, 2)) < 1.2


def test_flat_spectra_and_loose_failure():
    d = torch.linspace(0.9, 1.0, 2000, dtype=torch.float64)
    tight = norm_bound(Diagonal(d), failure=1e-9)
    loose = norm_bound(Diagonal(d), failure=1e-3)
    assert 1.0 <= loose < tight < 1.4
    assert norm_bound(Diagonal(d), steps=1) >= 1.0
    assert norm_bound(Diagonal(torch.zeros(50, dtype=torch.float64))) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"), [({"failure": 0.0}, "failure"), ({"steps": 0}, "one step")]
)
def test_bad_input(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        norm_bound(Diagonal([1.0]), **arguments)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_block_bound_holds_and_tightens(power):
    A = torch.randn(300, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    true = float(torch.linalg.matrix_norm(A, 2))
    bounds = [block_norm_bound(Dense(A), power=power, seed=seed) for seed in range(20)]
    assert min(bounds) >= true
    assert max(bounds) <= (8 * 200**0.5 * 1.2) ** (1 / (2 * power + 1)) * true
    assert block_norm_bound(Dense(1e-200 * A), power=power) == pytest.approx(1e-200 * bounds[0], rel=1e-6)


def test_the_block_bound_of_zero_is_zero():
    assert block_norm_bound(Dense(torch.zeros(5, 4))) == 0.0
