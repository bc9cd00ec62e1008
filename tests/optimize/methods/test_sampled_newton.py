"""L-BFGS from the Hessian of some rows: the same minima as Newton, its model of the curvature, its bounds."""

import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.objective import DataObjective, Linear, Objective
from fivefold.optimize import minimize
from fivefold.optimize.methods.directions import QuasiNewton
from fivefold.optimize.methods.sampled_newton import LEAST_SHARE, ROWS_PER_COLUMN, SampledNewton, suits
from fivefold.probability import Bernoulli, Categorical, Gaussian, GaussianPrior, Poisson

COLUMNS = 4
ROWS = LEAST_SHARE * ROWS_PER_COLUMN * (COLUMNS + 1)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(name, *, intercept=True, prior=1.0, rows=ROWS, mix=2.0, weights=None, columns=COLUMNS):
    generator = torch.Generator().manual_seed(1)
    X = random(rows, columns) @ (torch.eye(columns) + mix * torch.ones(columns, columns)).double() + 0.5
    likelihood = {"bernoulli": Bernoulli(), "categorical": Categorical(3), "poisson": Poisson()}[name]
    model = Linear(columns, outputs=likelihood.outputs, intercept=intercept)
    w = 0.1 * random(model.size, seed=2)
    y = likelihood.sample(model.predictor(w, X), generator)
    return DataObjective(
        model, likelihood, (X, y), None if prior is None else GaussianPrior(prior), weights=weights
    )


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "poisson"])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_minimum_is_newtons(name, intercept):
    F = objective(name, intercept=intercept)
    found = minimize(F, "sampled-newton", tolerance=1e-9)
    known = minimize(F, "newton", tolerance=1e-11)
    assert found.status is Status.CONVERGED
    assert float(found.value) == pytest.approx(float(known.value), rel=1e-13)
    torch.testing.assert_close(F.predictor(found.w), F.predictor(known.w), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "poisson"])
def test_the_proven_gap_holds_and_is_no_empty_promise(name):
    F = objective(name)
    rough, known = minimize(F, "sampled-newton", tolerance=1e-4), minimize(F, "newton", tolerance=1e-11)
    gap = rough.certificates[2]
    assert gap.holds is True
    true = float(rough.value - known.value)
    assert 0 < true <= gap.bound < 1e-3


def test_few_passes_where_lbfgs_needs_many():
    F = objective("bernoulli")
    found, plain = (
        minimize(F, "sampled-newton", tolerance=1e-7),
        minimize(F, "lbfgs", tolerance=1e-7, examine=False),
    )
    assert found.evaluations <= 12  # two of them to see that plain L-BFGS is slow
    assert plain.evaluations > 2 * found.evaluations


@pytest.mark.parametrize("mix", [30.0, 100.0])
def test_nearly_separable_classes_let_the_sample_grow(mix):
    """The scores reach hundreds, and few rows have any curvature."""
    F = objective("bernoulli", mix=mix, columns=10, rows=2 * LEAST_SHARE * ROWS_PER_COLUMN * 11)
    direction = SampledNewton(F)
    first = direction.part.rows
    found, newton = minimize(F, "sampled-newton", tolerance=1e-7), minimize(F, "newton", tolerance=1e-7)
    assert found.status is Status.CONVERGED
    assert found.evaluations <= 2 * newton.evaluations
    direction.reset(torch.tensor([0]))
    assert direction.part.rows == 4 * first
    for _ in range(3):
        direction.reset(torch.tensor([0]))
    assert direction.part is F


def test_several_outputs_live_by_their_pairs_and_no_more_rows():
    """The Kronecker product stays a model however many rows it is made of: it is not Newton."""
    F = objective("categorical", mix=30.0, columns=10, rows=2 * LEAST_SHARE * ROWS_PER_COLUMN * 11)
    found, plain = minimize(F, "sampled-newton", tolerance=1e-7), minimize(F, "lbfgs", tolerance=1e-7)
    assert found.status is Status.CONVERGED
    assert found.evaluations < plain.evaluations / 4
    direction = SampledNewton(F)
    rows = torch.tensor([0])
    w, g = torch.zeros(1, F.size).double(), random(1, F.size)
    for _ in range(4):  # a gradient that does not fall
        direction.find(w, g, rows)
        direction.learn(1e-3 * random(1, F.size, seed=4), 1e-3 * random(1, F.size, seed=4))
    assert direction.part.rows == ROWS_PER_COLUMN * 11
    for _ in range(3):
        direction.reset(rows)
    direction.learn(random(1, F.size, seed=5), random(1, F.size, seed=5))
    assert direction.part is F
    assert len(direction._memory.pairs) == 5


def test_a_batch_of_starts_ends_at_one_point():
    F = objective("poisson")
    found = minimize(F, "sampled-newton", w0=0.05 * random(3, F.size, seed=5), tolerance=1e-9)
    assert found.statuses == (Status.CONVERGED,) * 3
    torch.testing.assert_close(found.w, found.w[:1].expand(3, -1), rtol=0, atol=1e-7)


def test_weights_and_a_column_that_the_sample_hardly_contains():
    F = objective("bernoulli", prior=None)
    X, y = F._path.rows.X.clone(), F._path.rows.y
    rare = torch.zeros(ROWS, 1, dtype=torch.float64)
    rare[:6] = 1.0
    rare[6:9] = -1.0
    y[:9] = torch.tensor([1.0, 0.0] * 4 + [1.0], dtype=y.dtype)
    weights = torch.rand(ROWS, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    rows = torch.cat([X, rare], dim=1)
    more = torch.cat([rows, rows[:2000]])
    F = DataObjective(
        Linear(COLUMNS + 1),
        Bernoulli(),
        (more, torch.cat([y, y[:2000]])),
        weights=torch.cat([weights, weights[:2000]]),
    )
    found, known = minimize(F, "sampled-newton", tolerance=1e-8), minimize(F, "newton", tolerance=1e-11)
    assert found.status is Status.CONVERGED
    assert float(found.value) == pytest.approx(float(known.value), abs=1e-10)
    assert found.evaluations < 40


def test_the_model_of_one_output_is_the_samples_hessian():
    F = objective("bernoulli")
    direction = SampledNewton(F)
    w = 0.1 * random(F.size, seed=9)
    B = direction._make(w)
    H = direction.part.hessian(w).to_dense()
    v = random(F.size, seed=10)
    torch.testing.assert_close(B.apply(v), H @ v, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(H @ B.solve(v), v, rtol=1e-8, atol=1e-8)


def test_the_model_of_several_outputs_is_exact_where_rows_are_alike():
    F = objective("categorical")
    direction = SampledNewton(F)
    w = torch.zeros(F.size, dtype=torch.float64)
    B, H = direction._make(w), direction.part.hessian(w).to_dense()
    # the prior leaves the intercepts flat, where the model has its mean
    H = H + torch.diag(torch.where(torch.arange(F.size) >= 3 * COLUMNS, 1 / F.scale, 0.0).double())
    v = random(F.size, seed=10)
    torch.testing.assert_close(B.apply(v), H @ v, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(H @ B.solve(v), v, rtol=1e-6, atol=1e-6)


def test_the_lower_bound_is_below_the_whole_hessian_and_not_idle():
    F = objective("poisson")
    w = 0.1 * random(F.size, seed=9)
    bound = SampledNewton(F).lower_bound(w)
    true = float(torch.linalg.eigvalsh(F.hessian(w).to_dense())[0])
    assert true / (4 * LEAST_SHARE) < bound.lowest < true


def test_a_wrong_model_is_given_up_and_a_right_one_kept():
    F = objective("bernoulli")
    direction = SampledNewton(F)
    w = torch.zeros(1, F.size, dtype=torch.float64)
    for _ in range(3):  # a gradient that does not fall ends the plain steps
        assert direction._models == {}
        direction.find(w, F.gradient(w), torch.tensor([0]))
    s = random(1, F.size)
    B = direction._models[0]
    direction.learn(s, B.apply(s[0])[None])
    assert direction._models == {0: B}
    direction.learn(s, 2 * B.apply(s[0])[None])
    assert direction._models == {}
    direction.find(w, F.gradient(w), torch.tensor([0]))
    direction.reset(torch.tensor([0]))
    assert direction._models == {}


def test_a_singular_sample_is_factorized_all_the_same():
    X = torch.ones(ROWS, 2, dtype=torch.float64)
    X[:, 1] = 2.0
    y = (torch.rand(ROWS, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    F = DataObjective(Linear(2), Bernoulli(), (X, y))
    found = minimize(F, "sampled-newton", tolerance=1e-8)
    assert found.status is Status.CONVERGED
    p = float(y.mean())
    assert torch.sigmoid(F.predictor(found.w)).max().item() == pytest.approx(p, abs=1e-7)


def test_only_what_suits_is_taken():
    assert suits(objective("bernoulli"))
    assert not suits(objective("bernoulli", rows=ROWS - 1))
    assert not suits(Objective.from_function(lambda w: w @ w, torch.zeros(2)))
    X = random(ROWS, COLUMNS)
    assert not suits(DataObjective(Linear(X), Gaussian(), (X, X[:, 0])))
    uneven = torch.ones(3 * (COLUMNS + 1), dtype=torch.float64)
    uneven[0] = 100.0
    assert not suits(objective("categorical", prior=uneven))
    assert suits(objective("categorical", prior=None))
    with pytest.raises(ArgumentError, match="many rows per column"):
        minimize(objective("bernoulli", rows=ROWS - 1), "sampled-newton")


def test_alike_columns_need_no_sample():
    F = objective("bernoulli", mix=0.1)
    found, plain = (
        minimize(F, method, tolerance=1e-7, examine=None) for method in ("sampled-newton", "lbfgs")
    )
    assert found.status is Status.CONVERGED
    torch.testing.assert_close(found.w, plain.w, atol=1e-6, rtol=0)


def test_plain_steps_are_those_of_lbfgs_until_one_is_slow():
    F = objective("bernoulli")
    direction, plain = SampledNewton(F), QuasiNewton(10)
    w, rows = torch.zeros(1, F.size).double(), torch.tensor([0])
    g = F.gradient(w)
    for power in range(4):  # a gradient that falls by half a step's share
        fallen = 0.3**power * g
        torch.testing.assert_close(direction.find(w, fallen, rows)[0], plain.find(w, fallen, rows)[0])
        s = 0.1 * random(1, F.size, seed=power)
        direction.learn(s, 2 * s)
        plain.learn(s, 2 * s)
    assert direction._models == {}
    direction.find(w, 0.3**3 * g, rows)
    assert list(direction._models) == [0]
