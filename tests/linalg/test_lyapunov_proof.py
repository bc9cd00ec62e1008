import pytest
import torch

from fivefold.linalg import lyapunov_proof as module
from fivefold.linalg.lyapunov_proof import lyapunov_proves, proved_positive

G = torch.Generator().manual_seed(3)


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("limit", [0, 300])
def test_both_ways_to_a_quadratic_form(monkeypatch, discrete, limit):
    monkeypatch.setattr(module, "_BARTELS", limit)
    A = torch.randn(30, 30, generator=G, dtype=torch.float64)
    values = torch.linalg.eigvals(A)
    eye = torch.eye(30).double()
    inside = A * (0.999 / values.abs().max()) if discrete else A - (values.real.max() + 1e-3) * eye
    outside = A * (1.001 / values.abs().max()) if discrete else A - (values.real.max() - 1e-3) * eye
    assert lyapunov_proves(inside, discrete=discrete)
    assert not lyapunov_proves(outside, discrete=discrete)
    shear = torch.diag(torch.full((30,), 0.5 if discrete else -0.5).double()) + 0.6 * eye.roll(1, 1).triu()
    assert lyapunov_proves(shear, discrete=discrete)
    assert not lyapunov_proves(torch.eye(30).double() * (1.0 if discrete else 0.0), discrete=discrete)


def test_proved_positive():
    assert proved_positive(torch.eye(3).double(), torch.full((3, 3), 0.1).double())
    assert not proved_positive(torch.eye(3).double(), torch.full((3, 3), 0.6).double())
    assert not proved_positive(torch.diag(torch.tensor([1.0, 0.0]).double()), torch.zeros(2, 2).double())
    assert not proved_positive(torch.diag(torch.tensor([1.0, 1e-17]).double()), torch.zeros(2, 2).double())
