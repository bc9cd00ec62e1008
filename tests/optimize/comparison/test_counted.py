"""What each evaluation costs, that results do not change, and that the kind of objective stays."""

import pytest
import torch

from fivefold.linalg import LinearOperator
from fivefold.networks import DenseNetwork
from fivefold.objective import DataObjective, Linear, Objective, OracleObjective, ResidualObjective
from fivefold.optimize import minimize
from fivefold.optimize.comparison.counted import count_evaluations
from fivefold.optimize.comparison.trace import Recorder
from fivefold.probability import Bernoulli, Categorical, GaussianPrior

P = 4
W = torch.linspace(-0.5, 0.7, P, dtype=torch.float64)


def rows(n: int = 12) -> torch.Tensor:
    return torch.randn(n, P - 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def objectives() -> dict[str, Objective]:
    X = rows()
    y = (X[:, 0] > 0).long()
    return {
        "function": Objective.from_function(lambda w: (w**4).sum() + w.prod(), W),
        "residuals": Objective.from_residuals(lambda w: torch.cat([w**2 - 1, w[:2] * w[2:]]), W),
        "oracle": Objective.from_oracle(lambda w: (float((w**4).sum()), 4 * w**3), W.numpy()),
        "linear": DataObjective(Linear(X), Bernoulli(), (X, y), GaussianPrior(1.0)),
    }


def twin_of(F: Objective, **limits: float) -> tuple[Objective, Recorder]:
    recorder = Recorder(F.initial, **limits)
    return count_evaluations(F, recorder), recorder


@pytest.mark.parametrize("kind", ["function", "residuals", "oracle", "linear"])
def test_results_are_the_objectives_own(kind: str) -> None:
    F = objectives()[kind]
    twin, _ = twin_of(F)
    assert isinstance(twin, type(F))
    assert torch.equal(twin.value(W), F.value(W))
    for mine, theirs in zip(twin.value_and_gradient(W), F.value_and_gradient(W), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(twin.hessian(W) @ W, F.hessian(W) @ W)
    assert torch.equal(twin.hessian(W).to_dense(), F.hessian(W).to_dense())


@pytest.mark.parametrize("kind", ["function", "residuals", "oracle", "linear"])
def test_costs(kind: str) -> None:
    twin, recorder = twin_of(objectives()[kind])

    def cost(call) -> float:
        before = recorder.gradients
        call()
        return recorder.gradients - before

    H = twin.hessian(W)
    batch = W.expand(5, P)
    assert cost(lambda: twin.value(W)) == pytest.approx(1 / 3)
    assert cost(lambda: twin.value_and_gradient(W)) == pytest.approx(1.0)
    assert cost(lambda: twin.value_and_gradient(batch)) == pytest.approx(5.0)
    assert cost(lambda: twin.hessian(W)) == 0.0
    assert cost(lambda: H @ W) == pytest.approx(2.0)
    assert cost(lambda: H @ torch.eye(P, dtype=torch.float64)[:, :3]) == pytest.approx(6.0)
    # the Gram matrix of three columns costs less than one gradient, which is the least that is asked
    assert cost(H.to_dense) == pytest.approx(1.0 if kind == "linear" else 2.0 * P)


def test_jacobians_and_gauss_newton_cost_their_products() -> None:
    twin, recorder = twin_of(objectives()["residuals"])
    assert isinstance(twin, ResidualObjective)
    J = twin.jacobian(W)
    _ = J @ W
    assert recorder.gradients == 1.0
    _ = J.H @ torch.ones(6, dtype=torch.float64)
    assert recorder.gradients == 2.0
    _ = J.to_dense()
    assert recorder.gradients == 6.0
    _ = J.H.to_dense()
    assert recorder.gradients == 10.0  # its shorter side too
    _ = twin.gauss_newton(W) @ W
    assert recorder.gradients == 12.0
    twin.residuals(W)
    assert recorder.gradients == pytest.approx(12 + 1 / 3)
    assert float(recorder.trace("").value[-1]) == pytest.approx(float(twin.value(W)))


def test_a_share_of_the_rows_costs_that_share_and_is_not_recorded() -> None:
    F = objectives()["linear"]
    twin, recorder = twin_of(F)
    assert isinstance(twin, DataObjective)
    part = twin.on(slice(3))
    part.value_and_gradient(W)
    assert recorder.gradients == 0.25
    _ = part.hessian(W) @ W
    assert recorder.gradients == 0.75
    part.on([0]).value_and_gradient(W)
    assert recorder.gradients == pytest.approx(0.75 + 1 / 12)
    _ = part.fisher(W) @ W, part.gauss_newton(W) @ W
    assert recorder.gradients == pytest.approx(1.75 + 1 / 12)
    twin.predictor(W)
    _ = twin.jacobian(W) @ W
    assert recorder.gradients == pytest.approx(1.75 + 1 / 12 + 1 / 3 + 1)
    assert recorder.trace("").value.numel() == 0


def test_gram_matrices_of_several_classes_cost_their_operations() -> None:
    X = torch.randn(30, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = torch.arange(30) % 3
    F = DataObjective(Linear(X, outputs=3), Categorical(3), (X, y), GaussianPrior(1.0))
    twin, recorder = twin_of(F)
    H = twin.hessian(F.initial)
    H.to_dense()
    assert recorder.gradients == pytest.approx(40 / 12 * 6)
    H.kronecker()
    assert recorder.gradients == pytest.approx(40 / 12 * 7)


def test_a_network_is_counted_too() -> None:
    torch.manual_seed(0)
    X = rows().float()
    F = DataObjective(
        DenseNetwork(P - 1, 2, (3,), activation="tanh"), Categorical(2), (X, torch.arange(12) % 2)
    )
    twin, recorder = twin_of(F)
    twin.value_and_gradient(F.initial)
    _ = twin.hessian(F.initial) @ F.initial
    assert recorder.gradients == 3.0


def test_the_original_is_left_alone() -> None:
    F = objectives()["function"]
    twin, recorder = twin_of(F)
    F.value_and_gradient(W)
    F.hessian(W).to_dense()
    assert recorder.gradients == 0.0
    assert type(F) is not type(twin)


def test_a_minimisation_is_seen_from_outside() -> None:
    F = objectives()["oracle"]
    assert isinstance(F, OracleObjective)
    twin, recorder = twin_of(F)
    end = minimize(twin, "lbfgs", examine=False)
    trace = recorder.trace("")
    assert trace.value.numel() == int(recorder.gradients)
    assert trace.best == float(end.value)
    assert torch.equal(trace.w, end.w)


def test_an_objective_of_a_users_own_class() -> None:
    class Own(Objective):
        def _value(self, w):
            return (w * w).sum(-1)

        def _value_and_gradient(self, w):
            return self._value(w), 2 * w

        def _hessian(self, w) -> LinearOperator:
            raise ArithmeticError("none")

    twin, recorder = twin_of(Own(W))
    assert torch.equal(twin.value_and_gradient(W)[1], 2 * W)
    # its gradient asks for its value: that is within the price
    assert recorder.gradients == 1.0
    assert recorder.trace("").value.numel() == 1
