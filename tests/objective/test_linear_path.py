"""The hand-written path of linear models against the general one, and identities."""

import pytest
import torch

from fivefold.calculus import gradient_check
from fivefold.objective import DataObjective, Linear
from fivefold.probability import Categorical, Gaussian, GaussianPrior, Poisson

TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def test_linear_path_is_the_general_path(small, pair):
    linear, general = pair
    w = small.points(linear)
    assert linear.size == general.size
    value, slope = linear.value_and_gradient(w)
    expected, direction = general.value_and_gradient(w)
    torch.testing.assert_close(value, expected, **TIGHT)
    torch.testing.assert_close(slope, direction, **TIGHT)
    torch.testing.assert_close(linear.value(w), value, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(linear.predictor(w), general.predictor(w), **TIGHT)
    for method in ("hessian", "gauss_newton", "fisher", "jacobian", "kernel"):
        A, B = getattr(linear, method)(w), getattr(general, method)(w)
        assert A.shape == B.shape
        assert A.symmetric == B.symmetric
        torch.testing.assert_close(A.to_dense(), B.to_dense(), **TIGHT)


def test_operators_contract(small, pair):
    """to_dense, products on vectors and batches, and the adjoint say the same."""
    linear, general = pair
    w = small.points(linear)
    for objective in (linear, general):
        for method in ("hessian", "gauss_newton", "fisher", "jacobian", "kernel"):
            A = getattr(objective, method)(w)
            dense = A.to_dense()
            m, n = A.shape
            generator = torch.Generator().manual_seed(1)
            X = torch.randn(2, n, 3, generator=generator, dtype=torch.float64)
            Y = torch.randn(2, m, 3, generator=generator, dtype=torch.float64)
            torch.testing.assert_close(A @ X, dense @ X, **TIGHT)
            torch.testing.assert_close(A @ X[0, :, 0], dense @ X[0, :, 0], **TIGHT)
            torch.testing.assert_close(A.H @ Y, dense.mT @ Y, **TIGHT)
            if A.positive:
                assert float(torch.linalg.eigvalsh(dense).min()) >= -1e-10


def test_gauss_newton_is_the_hessian_of_a_linear_model(small, pair):
    linear, general = pair
    w = small.points(linear)
    torch.testing.assert_close(
        general.gauss_newton(w).to_dense(), general.hessian(w).to_dense(), rtol=1e-10, atol=1e-10
    )
    assert linear.hessian(w).positive == linear.likelihood.convex


def test_gradient_passes_the_gradient_check(small, pair):
    linear, _ = pair
    check = gradient_check(linear.value, small.points(linear), gradient=linear.gradient)
    assert check.holds is True


def test_batch_is_the_loop(small, pair):
    linear, general = pair
    w = small.points(linear, 3, 2)
    for objective in (linear, general):
        value, slope = objective.value_and_gradient(w)
        eta = objective.predictor(w)
        alone = objective.value(w)
        for i in range(3):
            for j in range(2):
                one, direction = objective.value_and_gradient(w[i, j])
                torch.testing.assert_close(value[i, j], one, **TIGHT)
                torch.testing.assert_close(alone[i, j], one, **TIGHT)
                torch.testing.assert_close(slope[i, j], direction, **TIGHT)
                torch.testing.assert_close(eta[i, j], objective.predictor(w[i, j]), **TIGHT)
    assert (linear.batching, general.batching) == ("matrix products", "vmap")
    X = torch.randn(linear.size, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for method in ("hessian", "fisher"):
        A = getattr(linear, method)(w)
        assert A.shape == (3, 2, linear.size, linear.size)
        dense, product, adjoint = A.to_dense(), A @ X, A.H @ X
        for i in range(3):
            for j in range(2):
                one = getattr(linear, method)(w[i, j]).to_dense()
                torch.testing.assert_close(dense[i, j], one, **TIGHT)
                torch.testing.assert_close(product[i, j], one @ X, **TIGHT)
                torch.testing.assert_close(adjoint[i, j], one @ X, **TIGHT)


def test_float32_data_stay_float32_and_agree(small):
    F, _ = small.both(Poisson(), "weights and offset")
    X, y = small.data(Poisson())
    single = DataObjective(
        Linear(X), Poisson(), (X.float(), y), **small.options("weights and offset", Poisson(), F.size)
    )
    w = small.points(F)
    value, slope = single.value_and_gradient(w)
    assert value.dtype == slope.dtype == single.hessian(w).to_dense().dtype == torch.float32
    # float32 has 7 digits; a sum of 23 products loses one.
    torch.testing.assert_close(slope.double(), F.gradient(w), rtol=1e-5, atol=1e-5)


def test_translation_of_a_categorical_predictor_changes_nothing(small):
    F, _ = small.both(Categorical(3), "plain")
    w = small.points(F)
    named = F.unravel(w)
    moved = F.ravel({"weight": named["weight"] + 0.3, "bias": named["bias"] - 1.7})
    torch.testing.assert_close(F.value(moved), F.value(w), **TIGHT)
    assert float(torch.linalg.eigvalsh(F.hessian(w).to_dense())[0]) == pytest.approx(0.0, abs=1e-12)


def test_ridge_solution_has_zero_gradient(small):
    """The closed form of ridge regression with a free intercept: normal equations of the centred data."""
    X, y = small.data(Gaussian(sd=0.5))
    F = DataObjective(Linear(X), Gaussian(sd=0.5), (X, y), GaussianPrior(3.0))
    centred, target = X - X.mean(0), y - y.mean()
    beta = torch.linalg.solve(centred.mT @ centred + 3.0 * 0.25 * torch.eye(small.P), centred.mT @ target)
    w = torch.cat([beta, (y.mean() - X.mean(0) @ beta)[None]])
    assert float(F.gradient(w).abs().max()) < 1e-12
    step = torch.linalg.solve(F.hessian(F.initial).to_dense(), F.gradient(F.initial))
    torch.testing.assert_close(F.initial - step, w, rtol=1e-11, atol=1e-11)


def test_a_planted_error_is_seen(small):
    """A Hessian that forgets the weights is not the general path's."""
    linear, general = small.both(Poisson(), "weights and offset")
    w = small.points(linear)
    X, y = small.data(Poisson())
    kwargs = small.options("weights and offset", Poisson(), linear.size)
    del kwargs["weights"]
    forgetful = DataObjective(Linear(X), Poisson(), (X, y), **kwargs)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(forgetful.hessian(w).to_dense(), general.hessian(w).to_dense(), **TIGHT)


@pytest.mark.parametrize("intercept", [True, False])
def test_norms_and_squares_of_the_design(intercept):
    X = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    F = DataObjective(Linear(X, intercept=intercept), Poisson(), (X, torch.arange(9.0)))
    J = F.jacobian(F.initial)
    design = J.to_dense()
    torch.testing.assert_close(J.row_norms(), design.norm(dim=1), rtol=1e-14, atol=0)
    torch.testing.assert_close(J.column_squares(), design.square().mean(0), rtol=1e-14, atol=0)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_kronecker_form_is_the_hessian_of_one_output_and_at_zero(intercept):
    X = torch.randn(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one = DataObjective(Linear(X, intercept=intercept), Poisson(), (X, torch.arange(30.0)))
    H = one.hessian(torch.full((one.size,), 0.3, dtype=torch.float64))
    C, A = H.kronecker()
    torch.testing.assert_close(torch.kron(C, A), H.to_dense(), **TIGHT)
    several = DataObjective(
        Linear(X, outputs=4, intercept=intercept), Categorical(4), (X, torch.arange(30) % 4)
    )
    H = several.hessian(several.initial)
    C, A = H.kronecker()
    v = torch.randn(several.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model = several.model
    torch.testing.assert_close(H @ v, model.from_blocks(C @ model.to_blocks(v) @ A), **TIGHT)


def test_an_expansion_is_its_three_parts(small, pair):
    """At the start, where no product is made, and away from it; on both paths."""
    for objective in pair:
        for w in (objective.initial, small.points(objective)):
            at = objective.expand(w)
            value, gradient = objective.value_and_gradient(w)
            torch.testing.assert_close(at.value, value, **TIGHT)
            torch.testing.assert_close(at.gradient, gradient, **TIGHT)
            torch.testing.assert_close(at.hessian().to_dense(), objective.hessian(w).to_dense(), **TIGHT)


def test_an_expansion_keeps_its_point(small, likelihood):
    """Neither a write to the point nor another expansion changes the Hessian that is made later."""
    X, y = small.data(likelihood)
    F = DataObjective(Linear(X, outputs=likelihood.outputs), likelihood, (X, y), GaussianPrior(1.5))
    w = small.points(F)
    known = F.hessian(w.clone()).to_dense()
    at = F.expand(w)
    w += 1.0
    other = F.expand(w)
    torch.testing.assert_close(at.hessian().to_dense(), known, **TIGHT)
    torch.testing.assert_close(other.hessian().to_dense(), F.hessian(w).to_dense(), **TIGHT)
    streamed = DataObjective(F.model, likelihood, (X, y), F.prior, batch=5)
    torch.testing.assert_close(streamed.expand(w).hessian().to_dense(), F.hessian(w).to_dense(), **TIGHT)


def test_a_quadratic_objective_makes_its_hessian_once(small):
    likelihood = Gaussian(sd=0.7)
    X, y = small.data(likelihood)
    F = DataObjective(Linear(X), likelihood, (X, y), GaussianPrior(1.5))
    first, second = F.hessian(F.initial), F.hessian(small.points(F))
    assert first is second
    dense = first.to_dense()
    dense += 1.0  # a copy, so that nobody can spoil it
    design = torch.cat([X, torch.ones(small.N, 1, dtype=torch.float64)], dim=1)
    known = (design.mT @ design / 0.7**2 + torch.diag(F.prior.precision)) / small.N
    torch.testing.assert_close(second.to_dense(), known, **TIGHT)
    part = F.on([0, 1, 2])
    assert not torch.allclose(part.hessian(part.initial).to_dense(), known)
