"""The Gauss-Newton operator against dense products."""

import pytest
import torch

from fivefold.calculus import GaussNewtonOperator, HessianOperator
from fivefold.core import ArgumentError
from fivefold.linalg import Dense


@pytest.mark.parametrize("kind", ["none", "diagonal", "operator"])
def test_gauss_newton(case, kind):
    J = torch.autograd.functional.jacobian(case.outputs, case.w)
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    curvature, C = {
        "none": (None, torch.eye(4, dtype=torch.float64)),
        "diagonal": ((d := torch.tensor([1.0, 0.0, 2.0, 5.0], dtype=torch.float64)), torch.diag(d)),
        "operator": (Dense(root @ root.mT, symmetric=True, positive=True), root @ root.mT),
    }[kind]
    G = GaussNewtonOperator(case.outputs, case.w, curvature)
    assert G.positive
    assert G.mode == "forward"
    case.contract(G, J.mT @ C @ J)


def test_gauss_newton_is_the_hessian_where_outputs_are_linear(case):
    B = torch.randn(5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    loss = lambda z: (z**4).sum()  # noqa: E731
    G = GaussNewtonOperator(lambda w: B @ w, case.w, 12 * (B @ case.w) ** 2)
    torch.testing.assert_close(
        G.to_dense(), HessianOperator(lambda w: loss(B @ w), case.w).to_dense(), rtol=1e-11, atol=1e-11
    )


def test_float32_stays(case):
    assert GaussNewtonOperator(case.outputs, case.w.float()).to_dense().dtype == torch.float32


@pytest.mark.parametrize(
    ("curvature", "message"),
    [(torch.ones(3), r"curvature of shape \(4, 4\)"), (Dense(torch.ones(4, 4)), "a symmetric curvature")],
)
def test_refuses(case, curvature, message):
    with pytest.raises(ArgumentError, match=message):
        GaussNewtonOperator(case.outputs, case.w, curvature)
