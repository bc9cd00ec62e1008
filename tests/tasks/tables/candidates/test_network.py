"""Dense networks: what they learn, offsets, weights, bits."""

import math

import numpy as np
import pytest
import torch

from fivefold.optimize import Callback, train
from fivefold.tasks.tables.candidates.network import NetworkCandidate, _loss
from fivefold.tasks.tables.candidates.problem import Problem
from fivefold.tasks.tables.candidates.recipe import Recipe
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target

SCHEMA = Schema((ColumnType("a", Kind.NUMBER, ""), ColumnType("b", Kind.NUMBER, "")))
SMALL = NetworkCandidate(members=2, widths=(32,), epochs=15)


def _problem(family, y, x, weights=None, offset=None):
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r"), "ordinal": ("p", "q", "r")}.get(
        family, ()
    )
    table = Table({"a": x[0], "b": x[1]})
    return Problem(table, SCHEMA, Target("y", family, classes), y, weights, offset, 3)


def _x(n=800):
    return np.random.default_rng(0).normal(size=(2, n))


def test_a_product_is_learned_far_from_zero():
    x = _x()
    y = 1000 + 50 * x[0] * x[1]
    eta = SMALL.fit(_problem("gaussian", y, x)).predictor.eta(Table({"a": x[0], "b": x[1]}))
    assert np.sqrt(np.mean((eta[:, 0] - y) ** 2)) < 0.3 * y.std()


@pytest.mark.parametrize("family", ["bernoulli", "categorical", "ordinal"])
def test_classes_are_learned(family):
    x = _x()
    inside = x[0] ** 2 + x[1] ** 2 < 1.4
    y = np.where(inside, 1.0, np.where(x[0] > 0, 2.0, 0.0)) if family != "bernoulli" else inside.astype(float)
    problem = _problem(family, y, x)
    eta = SMALL.fit(problem).predictor.eta(problem.table)
    assert eta.shape == (800, problem.target.outputs)
    assert (problem.target.mean(eta).argmax(1) == y).mean() > 0.9


def test_positive_numbers_far_from_one_are_learned_as_means():
    x = _x(2000)
    rate = 12.0 + 0.6 * x[0]
    y = np.random.default_rng(1).gamma(5.0, np.exp(rate) / 5.0)
    problem = _problem("gamma", y, x)
    eta = SMALL.fit(problem).predictor.eta(problem.table)[:, 0]
    assert np.sqrt(np.mean((eta - rate) ** 2)) < 0.1


def test_the_loss_of_positive_numbers_is_half_the_deviance():
    y, eta = torch.tensor([0.5, 3.0, 20.0]), torch.tensor([[0.1, 1.5, 2.0]])
    found = _loss(Target("y", "gamma"))(eta[..., None], y.log(), torch.zeros(3), torch.ones(3))
    deviance = Target("y", "gamma").loss(eta[0, :, None].numpy(), y.numpy())
    assert float(found) == pytest.approx(deviance.mean() / 2, rel=1e-5)


def test_counts_are_learned_as_rates_beside_an_exposure():
    x = _x(2000)
    generator = np.random.default_rng(1)
    offset = np.log(generator.uniform(0.2, 10, 2000))
    rate = 0.5 + 0.6 * x[0]
    y = generator.poisson(np.exp(rate + offset)).astype(float)
    problem = _problem("poisson", y, x, offset=offset)
    eta = SMALL.fit(problem).predictor.eta(problem.table)[:, 0]
    assert np.sqrt(np.mean((eta - rate) ** 2)) < 0.2


def test_rows_of_small_weight_hardly_count():
    x = _x()
    y = np.where(np.arange(800) % 2 == 0, 1.0, 5.0)
    weights = np.where(np.arange(800) % 2 == 0, 1.998, 0.002)
    problem = _problem("gaussian", y, x, weights=weights)
    assert SMALL.fit(problem).predictor.eta(problem.table).mean() == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "bernoulli", "categorical"])
def test_losses_are_those_of_the_family_up_to_constants(family):
    """Slopes by finite differences of the losses that choose methods (a deviance is twice as steep)."""
    classes = {"bernoulli": ("n", "y"), "categorical": ("p", "q", "r"), "ordinal": ("p", "q", "r")}.get(
        family, ()
    )
    target = Target("y", family, classes)
    generator = np.random.default_rng(2)
    out = generator.normal(size=(2, 9, target.outputs))
    y, offset, weight = (
        np.arange(9.0) % (len(classes) or 9),
        generator.normal(size=9),
        generator.uniform(1, 2, 9),
    )
    offset = offset if family == "poisson" else np.zeros(9)
    step = 1e-5 * generator.normal(size=out.shape)

    def reference(o):
        rows = [target.loss(member + offset[:, None], y) for member in o]
        return np.mean([np.mean(weight * r) for r in rows]) / (2 if family == "poisson" else 1)

    tensors = [torch.from_numpy(v) for v in (y, offset, weight)]
    own = [float(_loss(target)(torch.from_numpy(out + s), *tensors).mean()) for s in (step, -step)]
    assert own[0] - own[1] == pytest.approx(reference(out + step) - reference(out - step), rel=1e-4)


def test_the_same_seed_gives_the_same_bits():
    x = _x(500)
    problem = _problem("gaussian", x[0] * x[1], x)
    quick = NetworkCandidate(members=2, widths=(8,), epochs=2)
    first, second = (quick.fit(problem).predictor.eta(problem.table) for _ in range(2))
    assert np.array_equal(first, second)


def test_what_is_told_is_what_ran(monkeypatch):
    """The record against the arguments that `train` got, and against the optimizer's own rates."""
    x = _x(500)
    problem = _problem("gaussian", x[0] * x[1], x)
    given, peaks = {}, []

    class Listens(Callback):
        def on_backward(self, moment):
            peaks.append(moment.optimizer.param_groups[0]["lr"])

    def spied(*args, **settings):
        given.update(settings)
        return train(*args, **settings | {"callbacks": [*settings.get("callbacks", ()), Listens()]})

    monkeypatch.setattr("fivefold.tasks.tables.candidates.network.train", spied)
    chosen = Recipe("nadam", "one-cycle", 7e-3, 0.2, "Because.")
    quick = NetworkCandidate(members=2, widths=(8,), epochs=2, recipe=chosen)
    told = quick.fit(problem).details["training"]
    assert (told["optimizer"], told["schedule"]) == (given["optimizer"], given["schedule"])
    assert told["rate"] == given["learning_rate"] == pytest.approx(max(peaks), rel=0.02)
    assert told["epochs"] == given["epochs"] == 8
    assert told["steps"] == len(peaks) == 8 * math.ceil(450 / given["batch_size"])
    assert told["decay"] == given["weight_decay"] == 0.2
    assert 0 <= told["best_epoch"][0] <= told["best_epoch"][1] <= 8
    assert told["why"] == "Because."


def test_its_description_says_its_sizes_and_nothing_of_how_it_was_trained():
    said = NetworkCandidate(members=3, widths=(16, 8)).description
    assert "3 dense networks" in said
    assert "16, 8 units" in said
    assert "Adam" not in said


def test_its_cost_counts_operations_and_steps():
    few, many = NetworkCandidate(members=2, widths=(8,)), NetworkCandidate(members=4, widths=(8,))
    weights = 5 * 8 + 8 * 1
    # 4,000 rows: 24 epochs of 20 steps with 200 rows each
    assert few.cost(4000, 5, 1) == 24 * (5 * 4000 * weights * 2 + 20 * 4e7)
    assert many.cost(4000, 5, 1) - few.cost(4000, 5, 1) == 24 * 5 * 4000 * weights * 2
    # few rows are seen four times as often, in small batches
    assert few.cost(400, 5, 1) == 96 * (5 * 400 * weights * 2 + 20 * 4e7)
