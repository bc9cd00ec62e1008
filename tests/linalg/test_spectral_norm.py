import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Diagonal, norm_bound

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
