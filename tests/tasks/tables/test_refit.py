"""A fit of rows drawn from a table: all rows teach the coefficients, none that tests or calibrates does."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError, Budget, DataError
from fivefold.inference import gaussian_evidence
from fivefold.tasks.tables import refit as refitting
from fivefold.tasks.tables.drawing import draw
from fivefold.tasks.tables.fit import fit
from fivefold.tasks.tables.model import load
from fivefold.tasks.tables.numbered import ChangedError, MemoryRows
from fivefold.tasks.tables.refit import Roles, linear_members, rows_to_refit
from fivefold.tasks.tables.table import Table

N, DRAWN = 8000, 1000


def _columns(n=N, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n))
    c = rng.choice(np.array(["u", "v", "w"], dtype=object), n)
    y = 3 * x - z + 2 * (c == "u") + noise * rng.normal(size=n) - 10
    return {"x": x, "z": z, "c": c, "w": rng.uniform(0.5, 2, n), "t": np.arange(n, dtype=float), "y": y}


@pytest.fixture(scope="module")
def table():
    return Table(_columns())


class _Seen:
    """Keeps what the refit was given and what came of it."""

    def __init__(self, patch):
        self.calls = []
        original = refitting.finish

        def finish(outcome, sample, *rest):
            found, said = original(outcome, sample, *rest)
            self.calls.append((outcome, sample, found, said))
            return found, said

        patch.setattr("fivefold.tasks.tables.fit.finish", finish)


@pytest.fixture(scope="module")
def drawn(table):
    with pytest.MonkeyPatch.context() as patch:
        seen = _Seen(patch)
        model = fit(table, "y", budget="3s", seed=1, rows=DRAWN, drop=["w", "t"])
    return model, *seen.calls[0]


def test_all_rows_but_those_that_test_and_calibrate_teach_the_coefficients(table, drawn):
    """The coefficients of the same basis in memory, on exactly those rows, in double precision."""
    _, before, sample, after, said = drawn
    name = before.chosen.candidate.name
    members = linear_members(before.fits[name].predictor)
    assert members
    numbers = np.setdiff1d(np.arange(N), np.union1d(sample.chosen[before.test], sample.fresh))
    assert f"{len(numbers):,} rows, every row but those" in said[1]
    rows = before.prepared.schema.apply(table.take(numbers))
    y = torch.from_numpy(table.column("y")[numbers])
    for old, new in zip(members, linear_members(after.fits[name].predictor), strict=True):
        design = torch.from_numpy(old.basis.design(old.encoder.transform(rows)).astype(np.float64))
        whole = gaussian_evidence(design, y, old.basis.sizes, tolerance=1e-6)
        eta = whole.w[0] + design @ whole.w[1:]
        np.testing.assert_allclose(new.eta(rows)[:, 0], eta.numpy(), atol=2e-3)
        assert np.abs(old.eta(rows)[:, 0] - eta.numpy()).max() > 0.02  # the draw alone says something else
    certificate = after.fits[name].certificates[0]
    assert certificate.holds
    assert f"{len(numbers):,} rows" in certificate.assumptions[0]


def test_the_report_says_what_was_drawn_and_what_it_cost(drawn):
    model, _, _, _, said = drawn
    first = model.record["warnings"][0]
    assert first.startswith(f"{N:,} rows; {DRAWN:,} drawn at random were used, because --rows asks")
    assert model.record["warnings"][1:4] == said[:3]
    assert "duplicates and leaks are about the drawn rows" in said[0]
    assert "rows that nothing was trained on, RMSE is" in said[2]
    assert "after the refit to the other rows" in said[2]
    sampling = model.plan["sampling"]
    assert model.plan["budget"] == 3
    assert sampling["rows"] == N
    assert sampling["drawn"] == DRAWN
    assert model.record["data"]["sampling"] == sampling


def test_intervals_cover_new_rows_as_they_claim(drawn):
    """1,000 rows calibrate and 20,000 judge: the coverage has a spread of one percent."""
    model = drawn[0]
    new = _columns(20_000, seed=9)
    low, high = model.predict_interval(new, 0.9)
    assert ((low <= new["y"]) & (new["y"] <= high)).mean() == pytest.approx(0.9, abs=0.03)
    error = np.sqrt(np.mean((model.predict(new) - new["y"]) ** 2))
    assert error < 1.03


def test_the_scores_are_those_of_rows_that_nothing_has_seen(table, drawn):
    """By hand: residuals of the final predictor on the rows kept aside, over the spread of the race."""
    _, before, sample, after, _ = drawn
    rows = table.take(sample.fresh)
    eta = after.model.predictor.eta(before.prepared.schema.apply(rows))[:, 0]
    spread = before.model.intervals.spread(before.prepared.schema.apply(rows))
    scores = np.sort((rows.column("y") - eta) / spread)
    np.testing.assert_allclose(after.model.intervals.scores, scores, rtol=1e-12)
    assert not set(sample.fresh) & set(sample.chosen)
    assert after.model.intervals.spread is before.model.intervals.spread


def test_a_replay_draws_the_same_rows_and_gives_the_same_bits(table, drawn, tmp_path):
    model = drawn[0]
    path = model.save(tmp_path / "m")
    new = _columns(100, seed=9)
    assert np.array_equal(load(path).predict(new), model.predict(new))
    again = fit(table, "y", budget="0.01s", seed=5, replay=path, drop=["w", "t"])
    assert np.array_equal(again.predict(new), model.predict(new))
    for a, b in zip(again.predict_interval(new, 0.8), model.predict_interval(new, 0.8), strict=True):
        assert np.array_equal(a, b)
    assert again.plan["sampling"] == model.plan["sampling"]
    with pytest.raises(DataError, match="from which the plan drew"):
        fit(table.take(slice(0, 5000)), "y", replay=path)


def test_csv_and_parquet_give_one_model_and_later_rows_are_not_seen(table, tmp_path, monkeypatch):
    """With a time the rows after the last training row stay out of the refit, and no rows are kept aside."""
    con = duckdb.connect()
    con.register("rows", dict(table.columns) | {"c": table.column("c").astype(str)})
    for form in ("csv", "parquet"):
        con.execute(f"copy (select * from rows) to '{tmp_path}/t.{form}' (format {form})")
    seen = _Seen(monkeypatch)
    models = [
        fit(tmp_path / f"t.{form}", "y", budget="90s", rows=300, time="t", weight="w", drop=["z"])
        for form in ("csv", "parquet")
    ]
    new = _columns(100, seed=9)
    assert np.array_equal(models[0].predict(new), models[1].predict(new))
    assert models[0].plan == models[1].plan
    before, sample, after, said = seen.calls[0]
    assert not len(sample.fresh)
    last = int(before.prepared.times[before.train].max())
    certificate = after.fits[before.chosen.candidate.name].certificates[0]
    assert f"over {last + 1:,} rows" in certificate.assumptions[0]
    assert after.model.intervals is before.model.intervals
    assert len(said) == 2


def test_classes_are_trained_by_the_draw_and_calibrated_on_fresh_rows():
    rng = np.random.default_rng(3)
    x = rng.normal(size=N)
    label = np.where(x + rng.normal(size=N) > 0, "yes", "no").astype(object)
    label[[5, 77, 1234, 4321, 6000, 7000]] = "seldom"
    table = Table({"x": x, "k": label})
    model = fit(table, "k", budget="2s", rows=800)
    assert model.classes == ("no", "seldom", "yes")
    p = model.predict_proba({"x": rng.normal(size=2000)})
    assert p[:, 1].mean() < 0.01  # six rows of 8,000, all of which were drawn
    warnings = " ".join(model.record["warnings"])
    assert "is of the family categorical" in warnings or "is not linear" in warnings
    assert "fewer than 50 rows" in warnings
    new = rng.normal(size=4000)
    truth = np.where(new + rng.normal(size=4000) > 0, "yes", "no")
    inside = [t in s for t, s in zip(truth, model.predict_set({"x": new}, 0.9), strict=True)]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


def test_the_budget_bounds_the_refit(table, drawn):
    _, before, sample, _, _ = drawn
    members = linear_members(before.fits[before.chosen.candidate.name].predictor)
    rest = N - len(sample.chosen) - len(sample.fresh)
    assert rows_to_refit(sample, members, Budget(60)) == rows_to_refit(sample, members, Budget()) == rest
    few = rows_to_refit(sample, members, Budget(1e-3))
    assert 0 < few < rest
    numbers = refitting._other_rows(sample, few, seed=0)
    assert len(numbers) == few
    assert not set(numbers) & (set(sample.chosen) | set(sample.fresh))
    assert refitting._other_rows(sample, rest, seed=0) is None


def test_cells_that_contradict_the_draw_end_the_refit_and_a_changed_file_ends_the_fit(drawn, monkeypatch):
    _, before, sample, _, _ = drawn

    def finish():
        return refitting.finish(before, sample, Roles(), Budget(3), 1, lambda event, details: None)

    def contradict(*_):
        raise DataError("a number in every row", "words")

    monkeypatch.setattr(refitting, "as_problem", contradict)
    monkeypatch.setattr(refitting, "LEAST_FRESH", 10**9)
    kept = replace(sample, fresh=sample.fresh[:0])
    outcome, said = refitting.finish(before, kept, Roles(), Budget(3), 1, lambda event, details: None)
    assert "could not be fitted to the other rows (expected a number" in said[1]
    assert outcome.model is before.model

    def change(*_):
        raise ChangedError("the file", "another")

    monkeypatch.setattr(refitting, "as_problem", change)
    with pytest.raises(ChangedError):
        finish()


def test_later_rows_need_positive_weights(table, drawn):
    _, before, _, _, _ = drawn
    rows = table.take(slice(0, 10))
    for bad in (np.zeros(10), np.full(10, np.nan), np.array(["a"] * 10, dtype=object)):
        broken = Table({**rows.columns, "w": bad})
        with pytest.raises(DataError, match="positive numbers in 'w'"):
            refitting.as_problem(broken, before.prepared, before.problem, Roles(weight="w"), np.inf)


def test_rows_without_a_target_are_left_out(table, drawn):
    _, before, _, _, _ = drawn
    rows = table.take(slice(0, 10))
    gaps = Table({**rows.columns, "y": np.where(np.arange(10) < 4, np.nan, rows.column("y"))})
    assert refitting.as_problem(gaps, before.prepared, before.problem, Roles(), np.inf).rows == 6
    late = refitting.as_problem(rows, before.prepared, before.problem, Roles(time="x"), 0.0)
    assert late.rows == int((rows.column("x") <= 0).sum())


@pytest.mark.parametrize("rows", [0, -1, "few", 99])
def test_a_number_of_rows_that_is_none_is_refused_before_anything_is_read(rows):
    with pytest.raises(ArgumentError, match="at least 100, or all"):
        fit("nowhere.csv", "y", rows=rows)


def test_a_sample_below_the_least_number_of_rows_is_refused(table):
    with pytest.raises(DataError, match="groups"):
        draw(MemoryRows(Table({"g": np.repeat([1.0, 2.0, 3.0], 1000)})), 100, 0, group="g")


def test_whole_groups_are_drawn_and_counts_are_trained_by_the_draw():
    rng = np.random.default_rng(5)
    x, exposure = rng.normal(size=N), rng.uniform(0.5, 2, N)
    columns = {"x": x, "g": rng.integers(0, 400, N).astype(float), "e": exposure}
    line = fit(Table({**columns, "y": x + rng.normal(size=N)}), "y", budget="1s", rows=1000, group="g")
    warnings = line.record["warnings"]
    assert "drawn at random in whole groups of g" in warnings[0]
    assert "every row but those that test and calibrate" in warnings[2]
    counts = rng.poisson(exposure * np.exp(0.3 * x)).astype(float)
    model = fit(Table({**columns, "y": counts}), "y", budget="1s", rows=1000, exposure="e", drop=["g"])
    assert "is of the family poisson" in model.record["warnings"][2]
    low, high = model.predict_interval(columns, 0.9)
    assert ((low <= counts) & (counts <= high)).mean() > 0.85
