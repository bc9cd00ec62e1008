"""The gap of a softmax regression, whose scores may be shifted together."""

from dataclasses import replace

import pytest
import torch

from fivefold.objective import DataObjective, Linear
from fivefold.optimize import minimize, self_concordance
from fivefold.optimize.methods import one_method
from fivefold.optimize.methods.class_scores import certify_class_scores, has_class_scores
from fivefold.probability import Bernoulli, Categorical, GaussianPrior


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softmax(prior=1.0, n=300, p=3, K=4, intercept=True):
    X = random(n, p)
    y = (X @ random(p, K, seed=1) + random(n, K, seed=2)).argmax(1)
    tau = GaussianPrior(prior) if prior is not None else None
    return DataObjective(Linear(p, outputs=K, intercept=intercept), Categorical(K), (X, y), tau)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("distance", [1e-6, 1e-4, 1e-3])
def test_the_gap_is_above_the_true_one_and_near_it(distance, intercept):
    F = softmax(intercept=intercept)
    end = minimize(F, "newton", tolerance=1e-12)
    w = end.w + distance * random(F.size, seed=3)
    value, gradient = F.value_and_gradient(w)
    found = certify_class_scores(F, w, gradient, self_concordance(F))
    assert found.holds is True
    true = float(value - end.value)
    assert true <= found.bound
    if distance > 1e-6:  # below, rounding of the values
        assert found.bound < 300 * true


def test_a_shift_of_all_scores_is_what_the_prior_says_of_it():
    F = softmax()
    end = minimize(F, "newton", tolerance=1e-12)
    shift = torch.zeros(F.size, dtype=torch.float64)
    shift[0::3][:4] = 0.5  # the first column's weight of every class
    w = end.w + shift
    value, gradient = F.value_and_gradient(w)
    found = certify_class_scores(F, w, gradient, self_concordance(F))
    # K r (0.5)^2 / 2 with r = 1 / N
    assert float(value - end.value) == pytest.approx(4 * 0.25 / 2 / 300, rel=1e-6)
    assert found.bound == pytest.approx(4 * 0.25 / 2 / 300, rel=1e-4)


def test_some_rows_prove_less_but_no_falsehood():
    F = softmax()
    end = minimize(F, "newton", tolerance=1e-12)
    w = end.w + 1e-5 * random(F.size, seed=3)
    value, gradient = F.value_and_gradient(w)
    whole = certify_class_scores(F, w, gradient, self_concordance(F))
    part = certify_class_scores(F, w, gradient, self_concordance(F), F.on(slice(150)))
    assert float(value - end.value) <= whole.bound < part.bound


def test_the_least_curvature_between_classes_is_a_lower_bound():
    F = softmax(prior=None)
    w = random(F.size, seed=4)
    H = F.hessian(w)
    between = torch.eye(4, dtype=torch.float64) - 0.25
    lower = torch.kron(between, H.least_between_classes())
    # w orders weights first and intercepts last; here class by class
    order = torch.cat([torch.cat([torch.arange(3 * k, 3 * k + 3), torch.tensor([12 + k])]) for k in range(4)])
    rest = H.to_dense()[order][:, order] - lower
    assert float(torch.linalg.eigvalsh(rest)[0]) > -1e-12
    too_much = H.to_dense()[order][:, order] - 3 * lower
    assert float(torch.linalg.eigvalsh(too_much)[0]) < -1e-4


def test_far_from_the_minimum_nothing_is_claimed():
    F = softmax()
    w = 5 * random(F.size, seed=3)
    assert certify_class_scores(F, w, F.gradient(w), self_concordance(F)).holds is None


def test_a_prior_that_differs_between_classes_couples_what_is_kept_apart():
    tau = torch.ones(16, dtype=torch.float64)
    tau[0] = 2.0
    F = softmax(prior=tau)
    assert certify_class_scores(F, F.initial, F.gradient(F.initial), 1.0) is None


def test_only_softmax_regressions_are_looked_at():
    X = random(5, 2)
    assert has_class_scores(softmax())
    assert not has_class_scores(DataObjective(Linear(X), Bernoulli(), (X, [0, 1, 0, 1, 1])))


def test_all_rows_are_asked_where_the_sample_proves_nothing(monkeypatch) -> None:
    """A sample bounds the curvature from below, at times too far; the whole then proves the gap."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6000, 5, generator=generator, dtype=torch.float64)
    scores = x @ torch.randn(5, 3, generator=generator, dtype=torch.float64)
    y = (scores - torch.rand(6000, 3, generator=generator).log().neg().log()).argmax(1)
    asked = []

    def weak(objective, w, gradient, concordance, part=None):
        asked.append(part)
        found = certify_class_scores(objective, w, gradient, concordance, part)
        return found if part is None else replace(found, bound=None, holds=None)

    monkeypatch.setattr(one_method, "certify_class_scores", weak)
    objective = DataObjective(Linear(5, outputs=3), Categorical(3), (x, y), GaussianPrior(1.0))
    end = minimize(objective, "sampled-newton", tolerance=1e-7)
    assert asked[-1] is None
    assert next(c for c in end.certificates if c.claim.startswith("F(w) - min F")).holds
