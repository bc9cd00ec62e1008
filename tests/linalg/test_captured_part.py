import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg.captured_part import captured, captured_rows
from fivefold.linalg.probes import Prober


def model(stochastic, name, k=12, directions=4):
    prober = Prober(stochastic.lazy(name), 1, "test")
    Z = prober.sphere(k)
    Y = prober.apply(Z)
    return prober, captured(prober, Z, Y, torch.linalg.svd(Y, full_matrices=False)[0][:, :directions])


@pytest.mark.parametrize("name", ["fast decay", "ten outliers", "signs"])
def test_the_model_and_its_rest_make_up_the_operator(stochastic, name):
    A = stochastic.matrix(stochastic.spectra[name])
    prober, part = model(stochastic, name)
    assert prober.products == 16
    assert torch.allclose(A @ part.Q, part.AQ, atol=1e-9 * float(A.norm()))
    eye = torch.eye(len(A), dtype=torch.float64)
    rest = part.rest_of_any(eye, A)
    dense = A - rest
    assert float(dense.trace()) == pytest.approx(part.trace, rel=1e-9, abs=1e-9)
    assert torch.allclose(dense.diagonal(), part.diagonal, atol=1e-9 * float(A.norm()))
    assert float((rest @ part.Q).abs().max()) < 1e-9 * float(A.norm())
    assert torch.allclose(rest, rest.mT, atol=1e-9 * float(A.norm()))
    Z = prober.sphere(3, part.Q)
    assert torch.allclose(part.rest(Z, A @ Z), rest @ Z, atol=1e-9 * float(A.norm()))
    if name == "signs":  # the block is indefinite
        assert part.F.shape[1] == 0
    else:  # Nyström's rest of a positive matrix is positive and smaller
        values = torch.linalg.eigvalsh(rest)
        assert float(values.min()) > -1e-9 * float(A.norm())
        assert float(values.sum()) < float(A.trace()) - float((part.Q * part.AQ).sum())


def test_rows_of_an_operator_that_is_not_symmetric(stochastic):
    A = stochastic.matrix(stochastic.spectra["flat"]) + torch.triu(stochastic.basis, 1)
    prober = Prober(stochastic.Lazy(A, symmetric=False), 0, "test")
    Z = prober.signs(3)
    Q = stochastic.basis[:, :5]
    part = captured_rows(prober, Z, A @ Z, Q)
    assert prober.products == 5
    assert torch.allclose(part.diagonal, (Q @ Q.mT @ A).diagonal(), atol=1e-12)
    assert torch.allclose(part.rest_of_any(Z, A @ Z), A @ Z - Q @ (Q.mT @ (A @ Z)), atol=1e-10)
    with pytest.raises(ArgumentError, match="do not change between calls"):
        captured_rows(prober, Z, 1.1 * A @ Z, Q)
