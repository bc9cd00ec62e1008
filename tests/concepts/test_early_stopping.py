"""Early stopping: a torch loop that keeps its best state, and shrinkage as the closed forms say."""

import copy

import numpy as np
import pytest
import torch

import fivefold as ff
from fivefold.concepts.early_stopping import early_stopping, kept, kept_by_ridge

GENERATOR = np.random.default_rng(0)
X, HELD_X = GENERATOR.normal(size=(20, 15)), GENERATOR.normal(size=(40, 15))
TRUTH = 0.3 * GENERATOR.normal(size=15)
Y, HELD_Y = X @ TRUTH + GENERATOR.normal(size=20), HELD_X @ TRUTH + GENERATOR.normal(size=40)


def slope(w: np.ndarray) -> np.ndarray:
    return X.T @ (X @ w - Y) / len(Y)


def held_out(w: np.ndarray) -> float:
    return float(np.mean((HELD_X @ w - HELD_Y) ** 2))


@pytest.mark.parametrize("patience", [1, 20])
def test_fast_path(patience: int) -> None:
    model = torch.nn.Linear(15, 1, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses, waited = [float(np.mean(HELD_Y**2))], 0
    best = copy.deepcopy(model.state_dict())
    while waited < patience:
        optimizer.zero_grad()
        (0.5 * (model(torch.tensor(X))[:, 0] - torch.tensor(Y)) ** 2).mean().backward()
        optimizer.step()
        with torch.no_grad():
            loss = float(((model(torch.tensor(HELD_X))[:, 0] - torch.tensor(HELD_Y)) ** 2).mean())
        waited = waited + 1 if loss >= min(losses) else 0
        losses.append(loss)
        best = best if waited else copy.deepcopy(model.state_dict())
    w, found = early_stopping(slope, held_out, np.zeros(15), 0.1, patience, 5000)
    np.testing.assert_allclose(found, losses, rtol=1e-10)
    np.testing.assert_allclose(w, best["weight"][0].numpy(), rtol=1e-9, atol=1e-12)
    assert held_out(w) == pytest.approx(min(losses), rel=1e-12)


@pytest.mark.parametrize("patience", [1, 20])
def test_train_stops_there_too(patience: int) -> None:
    model = torch.nn.Linear(15, 1, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    trained = ff.train(
        model,
        (torch.tensor(X), torch.tensor(Y)[:, None]),
        loss="squared",  # without the half that the slope above has: half the rate
        optimizer=lambda groups: torch.optim.SGD(groups, lr=0.05),
        schedule="constant",
        epochs=5000,
        batch_size=20,
        validation=(torch.tensor(HELD_X), torch.tensor(HELD_Y)[:, None]),
        patience=patience,
    )
    w, losses = early_stopping(slope, held_out, np.zeros(15), 0.1, patience, 5000)
    np.testing.assert_allclose(trained.history["validation"].numpy(), losses, rtol=1e-10)
    np.testing.assert_allclose(model.weight.detach().numpy()[0], w, rtol=1e-9, atol=1e-12)


def test_stopping_here_is_better_than_the_minimum() -> None:
    w, losses = early_stopping(slope, held_out, np.zeros(15), 0.1, 50, 5000)
    answer = np.linalg.lstsq(X, Y, rcond=None)[0]
    assert held_out(w) < 0.9 * held_out(answer)
    assert losses[-1] > losses.min()


def test_so_much_is_kept_of_each_axis() -> None:
    values, vectors = np.linalg.eigh(X.T @ X / len(Y))
    answer = vectors.T @ np.linalg.lstsq(X, Y, rcond=None)[0]
    w, _ = early_stopping(slope, lambda w: -float(np.linalg.norm(w)), np.zeros(15), 0.1, 99, 25)
    np.testing.assert_allclose(vectors.T @ w, kept(values, 0.1, 25) * answer, atol=1e-12)


def test_a_ridge_keeps_so_much_too() -> None:
    values, vectors = np.linalg.eigh(X.T @ X / len(Y))
    penalised = np.concatenate([X, np.sqrt(0.4 * len(Y)) * np.eye(15)])
    w = ff.linalg.lstsq(penalised, np.concatenate([Y, np.zeros(15)])).x
    answer = vectors.T @ np.linalg.lstsq(X, Y, rcond=None)[0]
    np.testing.assert_allclose(vectors.T @ w, kept_by_ridge(values, 0.4) * answer, atol=1e-10)
    # at the strength 1/(ηt) the two differ by at most max 1 − e⁻ˣ − x/(1 + x) = 0.204, for small η
    gap = kept(values, 0.1, 40) - kept_by_ridge(values, 1.0 / (0.1 * 40))
    assert np.max(np.abs(gap)) < 0.22


def test_it_goes_to_the_end_where_nothing_gets_worse() -> None:
    _, losses = early_stopping(lambda w: w, lambda w: float(w[0] ** 2), np.array([8.0]), 0.5, 3, 12)
    assert len(losses) == 13
