"""The race: paired differences, who leaves, who leads, what a replay repeats, and when a blend is entered."""

from dataclasses import dataclass

import numpy as np
import pytest

from fivefold.core import Budget, Clock, NumericalError, Status
from fivefold.tasks.tables.candidates.problem import Fitted, Problem
from fivefold.tasks.tables.choose import YARDSTICK, Entry, add_blend, leader, paired, race
from fivefold.tasks.tables.kinds import ColumnType, Kind
from fivefold.tasks.tables.plan import Plan
from fivefold.tasks.tables.predictors import ConstantPredictor
from fivefold.tasks.tables.schema import Schema
from fivefold.tasks.tables.splits import Splitter
from fivefold.tasks.tables.table import Table
from fivefold.tasks.tables.target import Target


@dataclass
class _Truth:
    """Predicts column ``own`` plus ``bias``."""

    own: str
    bias: float

    def eta(self, table):
        return table.column(self.own)[:, None] + self.bias

    def state(self):
        return {}


@dataclass
class _Method:
    name: str
    own: str = "truth"
    bias: float = 0.0
    fails: bool = False
    least_rows: int = 1
    description: str = ""

    def cost(self, rows, columns, outputs, exact=True):
        return 1.0

    def fit(self, problem):
        if self.fails:
            raise NumericalError("a factor", "none")
        return Fitted(_Truth(self.own, self.bias), Status.CONVERGED)


def _problem(n=200, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    noise = generator.normal(size=(3, n))
    table = Table({"truth": truth, "a": truth + noise[0], "b": truth + noise[1]})
    schema = Schema(tuple(ColumnType(name, Kind.NUMBER, "") for name in table.names))
    return Problem(table, schema, Target("y", "gaussian"), truth + 0.1 * noise[2])


def _race(methods, problem=None, plan=None, splitter=None, **options):
    problem = problem or _problem()
    plan = plan or Plan(0, 1, 60.0, 5, options.pop("repetitions", 2), [m.name for m in methods])
    events = []
    clock = options.pop("clock", Clock(Budget(seconds=1e6)))
    kept = options.pop("kept", ())
    say = lambda e, d: events.append((e, d))  # noqa: E731
    entries = race(problem, splitter or Splitter(0), methods, plan, clock, say, kept)
    return entries, plan, events


def test_the_paired_difference_has_the_error_of_a_mean():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 50)) + np.array([[1.0], [0.0]])
    counts = np.full(50, 2.0)
    counts[:10] = 0
    first, second = (Entry(_Method("m"), 2 * v, counts, np.zeros((50, 1))) for v in (a, b))
    mean, error = paired(first, second, None)
    d = (a - b)[10:]
    assert mean == pytest.approx(d.mean())
    assert error == pytest.approx(d.std(ddof=1) / np.sqrt(40))
    none = Entry(_Method("m"), a, np.zeros(50), np.zeros((50, 1)))
    assert paired(none, second, None) == (0.0, float("inf"))


def test_the_error_with_clusters_is_that_of_their_sums():
    """Differences equal within 10 clusters of 20: the error is that of 10 numbers (divided by 10, not 9)."""
    effect = np.random.default_rng(1).normal(size=10)
    d = np.repeat(effect, 20)
    a, b = (Entry(_Method("m"), v, np.ones(200), np.zeros((200, 1))) for v in (d, np.zeros(200)))
    _, error = paired(a, b, np.repeat(np.arange(10), 20))
    assert error == pytest.approx(effect.std() / np.sqrt(10))


def test_every_method_is_judged_on_the_same_rows_with_the_loss_of_the_family():
    problem = _problem()
    entries, plan, _ = _race([_Method("a", "a"), _Method("b", "b")], problem)
    for name in "ab":
        assert (entries[name].counts == 2).all()
        expected = (problem.table.column(name) - problem.y) ** 2
        np.testing.assert_allclose(entries[name].per_row(), expected)
        np.testing.assert_allclose(entries[name].eta[:, 0], problem.table.column(name))
        assert len(entries[name].predictors) == 5
    assert len(plan.done) == 20


def test_who_clearly_loses_leaves_and_the_rest_run_to_the_end():
    methods = [_Method("good"), _Method("nearly", bias=1e-4), _Method("bad", bias=2.0)]
    entries, plan, _ = _race(methods)
    assert "loses to good" in entries["bad"].out
    assert plan.dropped["bad"] == entries["bad"].out
    assert not entries["nearly"].out
    assert sum(name == "bad" for name, _, _ in plan.done) == 1
    assert leader(entries).candidate.name == "good"


def test_the_yardstick_stays_and_leads_only_on_request():
    methods = [_Method("ours", "a"), _Method("other", "b"), _Method(YARDSTICK)]
    entries, _, _ = _race(methods)
    assert (entries[YARDSTICK].counts == 2).all()
    assert leader(entries).candidate.name in {"ours", "other"}
    assert leader(entries, allow_trees=True).candidate.name == YARDSTICK


def test_a_yardstick_that_loses_is_judged_on_every_row_too():
    entries, _, _ = _race([_Method("good"), _Method("same", bias=1e-5), _Method(YARDSTICK, bias=5.0)])
    assert not entries[YARDSTICK].out
    assert (entries[YARDSTICK].counts == 2).all()


def test_a_method_that_fails_is_out_and_says_why():
    entries, plan, _ = _race([_Method("good"), _Method("broken", fails=True)])
    assert "failed: expected a factor" in entries["broken"].out
    assert plan.dropped["broken"] == entries["broken"].out
    assert all(name != "broken" for name, _, _ in plan.done)


def test_predictions_that_are_not_finite_are_a_failure():
    entries, _, _ = _race([_Method("good"), _Method("broken", bias=float("inf"))])
    assert "finite predictions" in entries["broken"].out


def test_a_lone_contender_is_not_judged_again():
    entries, plan, _ = _race([_Method("good"), _Method("bad", bias=3.0)], repetitions=4)
    assert {repetition for _, repetition, _ in plan.done} == {0}
    assert (entries["good"].counts == 1).all()


def test_a_replay_makes_the_fits_of_the_record_and_no_others():
    methods = [_Method("good"), _Method("nearly", "a"), _Method("bad", bias=2.0)]
    entries, plan, events = _race(methods)
    stored = Plan.from_record(plan.to_record())
    again, followed, repeated = _race(methods, plan=stored, clock=Clock(Budget(seconds=1e-9)))
    assert [d for e, d in repeated if e == "fit"] == [d for e, d in events if e == "fit"]
    assert followed.done == plan.done
    for name, entry in entries.items():
        assert np.array_equal(again[name].losses, entry.losses)
        assert again[name].out == entry.out
    assert leader(again).candidate.name == leader(entries).candidate.name


def test_who_leaves_after_the_last_fold_is_out_of_the_replay_too():
    """All its fits are in the record, so that only the record's reason tells that it left."""
    problem = _problem()
    late = np.where(Splitter(0).assign(200, 2, "fold", 0) == 1, 3.0, 0.0)
    table = Table({**problem.table.columns, "late": problem.table.column("truth") + late})
    problem = Problem(table, problem.schema, problem.target, problem.y)
    methods = [_Method("good"), _Method("nearly", bias=1e-4), _Method("late", "late")]
    plan = Plan(0, 1, 60.0, 2, 1, [m.name for m in methods])
    entries, plan, _ = _race(methods, problem, plan)
    assert "loses to good" in entries["late"].out
    assert (entries["late"].counts == 1).all()
    again, _, _ = _race(methods, problem, Plan.from_record(plan.to_record()))
    assert again["late"].out == entries["late"].out


def test_a_spent_budget_leaves_one_whole_race_of_the_leader():
    """The clock may drop what is expensive, never the leader."""
    clock = Clock(Budget(seconds=1e-9))
    entries, plan, _ = _race([_Method("good"), _Method("nearly", "a")], clock=clock, repetitions=1)
    assert (leader(entries).counts == 1).all()
    assert set(plan.dropped) <= {"nearly"}


def test_rows_before_the_first_fold_in_time_are_not_judged():
    splitter = Splitter(0, times=np.arange(200.0))
    entries, _, _ = _race([_Method("a", "a"), _Method("b", "b")], splitter=splitter)
    assert (entries["a"].counts[:33] == 0).all()
    assert np.isnan(entries["a"].eta[:33]).all()
    assert (entries["a"].counts[34:] == 1).all()
    assert add_blend(entries, _problem()) is not None


def test_two_methods_with_independent_errors_are_blended():
    problem = _problem(600)
    entries, _, _ = _race([_Method("a", "a"), _Method("b", "b")], problem)
    blend = add_blend(entries, problem)
    assert blend is not None
    assert not blend.out
    assert leader(entries) is blend
    # errors of variance 1 that do not correlate: half and half, variance one half
    np.testing.assert_allclose(blend.candidate.weights, 0.5, atol=0.1)
    assert blend.mean == pytest.approx(0.5 * entries["a"].mean, rel=0.2)
    assert 0 < blend.seconds < 5  # its own; its members count theirs
    # a row is judged with the weights of the other half: a mean of the two, with one weight for each half
    share = ((blend.eta - entries["b"].eta) / (entries["a"].eta - entries["b"].eta))[:, 0]
    for half in (share[::2], share[1::2]):
        np.testing.assert_allclose(half, half[0], atol=1e-6)
        assert 0.3 < half[0] < 0.7
    np.testing.assert_allclose(
        blend.predictors[0].eta(problem.table),
        sum(w * problem.table.column(n)[:, None] for w, n in zip(blend.candidate.weights, "ab", strict=True)),
    )


def test_a_blend_that_gains_nothing_is_not_taken():
    problem = _problem(600)
    entries, _, _ = _race([_Method("a", "a"), _Method("twin", "a", bias=1e-9)], problem)
    blend = add_blend(entries, problem)
    assert blend is None or blend.out
    assert leader(entries).candidate.name in {"a", "twin"}


def test_the_yardstick_is_blended_only_on_request():
    problem = _problem(600)
    entries, _, _ = _race([_Method("a", "a"), _Method("constant", "b"), _Method(YARDSTICK, "b")], problem)
    assert add_blend(dict(entries), problem) is None
    allowed = add_blend(dict(entries), problem, allow_trees=True)
    assert {m.name for m in allowed.candidate.members} == {"a", YARDSTICK}


def test_a_blend_can_be_fitted():
    problem = _problem(600)
    entries, _, _ = _race([_Method("a", "a"), _Method("b", "b")], problem)
    blend = add_blend(entries, problem)
    fitted = blend.candidate.fit(problem)
    weighted = sum(w * entries[n].eta for w, n in zip(blend.candidate.weights, "ab", strict=True))
    np.testing.assert_allclose(fitted.predictor.eta(problem.table), weighted)


def test_the_halves_of_the_exchange_do_not_divide_a_group():
    problem = _problem(600)
    codes = np.arange(600) // 60
    entries, _, _ = _race([_Method("a", "a"), _Method("b", "b")], problem)
    blend = add_blend(entries, problem, clusters=codes)
    share = ((blend.eta - entries["b"].eta) / (entries["a"].eta - entries["b"].eta))[:, 0]
    for code in range(10):
        np.testing.assert_allclose(share[codes == code], share[codes % 2 == code % 2][0], atol=1e-6)


def test_methods_to_be_shown_are_judged_on_every_fold_though_they_lost():
    methods = [_Method("good"), _Method("bad", bias=9.0)]
    entries, _, _ = _race(methods, kept=("bad",))
    assert "loses to good" in entries["bad"].out
    assert (entries["bad"].counts == entries["good"].counts).all()
    assert leader(entries).candidate.name == "good"


def test_the_constant_predictor_serves_as_a_member():
    assert ConstantPredictor(np.zeros(1)).eta(Table({"x": np.zeros(2)})).tolist() == [[0.0], [0.0]]


class _Slow(_Method):
    """Advances a clock by one second a fit."""

    ticks = None

    def fit(self, problem):
        self.ticks[0] += 1.0
        return super().fit(problem)


def _timed(names, seconds, monkeypatch, **options):
    ticks = [0.0]
    monkeypatch.setattr(_Slow, "ticks", ticks)
    clock = Clock(Budget(seconds=seconds), now=lambda: ticks[0])
    return _race([_Slow(name) for name in names], clock=clock, **options)


def test_a_budget_spent_in_a_later_repetition_drops_nobody(monkeypatch):
    """Ten fits a repetition; the brake at 0.75 of 18 s falls into the second one."""
    entries, plan, _ = _timed(["good", "also"], 18.0, monkeypatch, repetitions=3)
    assert not plan.dropped
    assert not any(e.out for e in entries.values())
    np.testing.assert_array_equal(entries["good"].counts, entries["also"].counts)
    assert entries["good"].counts.min() == 1
    assert entries["good"].counts.max() == 2


def test_a_budget_spent_before_a_method_was_tried_leaves_it_out(monkeypatch):
    entries, plan, _ = _timed(["good", "late"], 1.0, monkeypatch, repetitions=1)
    assert plan.dropped == {"late": "the budget was spent before it could be tried"}
    assert (entries["good"].counts == 1).all()
    assert not entries["late"].counts.any()


def test_a_method_that_was_judged_on_every_row_is_not_dropped_for_time(monkeypatch):
    """The ninth of ten fits passes the brake: nothing is left to save."""
    _, plan, _ = _timed(["good", "also"], 12.0, monkeypatch, repetitions=1)
    assert not plan.dropped
