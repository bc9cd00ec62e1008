import pytest
import torch

from fivefold.linalg.captured_part import captured
from fivefold.linalg.probes import Prober
from fivefold.linalg.schur_complement import SchurComplement


def test_determinants_multiply_and_the_smallest_eigenvalue_does_not_fall(stochastic):
    values = stochastic.spectra["ten outliers"]
    A = stochastic.lazy("ten outliers")
    prober = Prober(A, 2, "test")
    Z = prober.sphere(15)
    Y = prober.apply(Z)
    part = captured(prober, Z, Y, torch.linalg.svd(Y, full_matrices=False)[0][:, :10])
    S = SchurComplement(A, part)
    dense = S.to_dense()
    assert dense.shape == (len(values) - 25, len(values) - 25)
    assert torch.allclose(dense, dense.mT, atol=1e-9)
    total = float(torch.linalg.slogdet(part.Q.mT @ part.AQ)[1] + torch.linalg.slogdet(dense)[1])
    assert total == pytest.approx(float(values.log().sum()), rel=1e-9)
    ends = torch.linalg.eigvalsh(dense)
    assert float(ends[0]) >= float(values.min()) - 1e-9
    assert float(ends[-1]) < 10  # the outliers, 100 to 1000, are gone
    assert S.H is S or torch.allclose(S.H.to_dense(), dense.mT)
