"""House prices over repeated splits: fivefold beside boosted trees, ridge and quantile boosting, in one run.

Every seed leaves 14 of the 70 zip codes out whole and gives the other sales to `fivefold fit`, which sets a
fifth of them aside. So every split has *unseen rows* and *unseen zip codes*; the peers train on the same rows
as fivefold and are judged on the same ones.

**Peers.** The target is the logarithm of the price for all of them (the scale that fivefold chooses too).

- *trees*: scikit-learn's histogram gradient boosting with its defaults; the zip code is a native category
  where it is known and left out for unseen zip codes, where it would only mislead.
- *ridge*: scaled numbers and one indicator per zip code (none for unseen zip codes), penalty by
  cross-validation.
- *quantile boosting*: conformalised quantile regression (Romano, Patterson and Candes, NeurIPS 2019) with
  the same boosting at the 5% and 95% quantiles, a quarter of the training rows for the conformal step; with
  100 and with 300 trees, of which the narrower in median counts.

A prediction on the logarithm is taken back by exp, times the mean of exp of the training residuals or not: of
the two, every peer gets the better one for every metric. All columns but `id` and the target are used; the
date is a number of days.

**Comparison.** The CSV holds every split. Printed is the geometric mean over splits of fivefold's error over
the peer's with the interval of :func:`common.paired_interval`, corrected for overlapping splits.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

from common import arguments, paired_interval, write

TABLE = Path(__file__).resolve().parent.parent / "examples" / "house_prices.parquet"
LEVEL = 0.9
LEFT_OUT = 14


def errors(truth: Any, found: Any) -> dict[str, float]:
    """RMSE, MAE and RMSLE."""
    import numpy as np

    return {
        "RMSE": float(np.sqrt(np.mean((truth - found) ** 2))),
        "MAE": float(np.mean(np.abs(truth - found))),
        "RMSLE": float(np.sqrt(np.mean((np.log1p(truth) - np.log1p(found)) ** 2))),
    }


def features(frame: Any, zips: bool) -> Any:
    """The columns of the peers, zip code first."""
    found = frame.drop(columns=["id", "price"]).copy()
    found["date"] = (found["date"].astype("datetime64[s]").astype("int64") // 86_400).astype(float)
    codes = found.pop("zipcode")
    if zips:
        found.insert(0, "zipcode", codes.astype("category"))
    return found.astype({name: float for name in found.columns if name != "zipcode"})


def boosting(zips: bool, seed: int, **settings: Any) -> Any:
    """Histogram gradient boosting; the zip code, where given, is a native category."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        categorical_features=["zipcode"] if zips else None, random_state=seed, **settings
    )


def ridge(zips: bool) -> Any:
    """Ridge regression with its usual preparation."""
    import numpy as np
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    places = OneHotEncoder(handle_unknown="ignore")
    prepare = make_column_transformer((places, ["zipcode"] if zips else []), remainder=StandardScaler())
    return make_pipeline(prepare, RidgeCV(np.logspace(-3, 4, 15)))


def best_errors(model: Any, train: tuple[Any, Any], rows: Any, truth: Any) -> dict[str, float]:
    """Errors of a model of the logarithm; of the two ways back the better one for every metric."""
    import numpy as np

    found = np.exp(model.predict(rows))
    smear = float(np.mean(np.exp(train[1] - model.predict(train[0]))))
    ways = [errors(truth, found), errors(truth, smear * found)]
    return {name: min(way[name] for way in ways) for name in ways[0]}


def quantile_boosting(
    train: tuple[Any, Any], parts: list[Any], zips: bool, seed: int
) -> list[tuple[Any, Any]]:
    """Lower and upper bounds for every part, of the narrower of two settings."""
    import numpy as np

    x, y = train
    order = np.random.default_rng(seed).permutation(len(y))
    held, fitted = order[: len(y) // 4], order[len(y) // 4 :]
    answers = []
    for trees in (100, 300):
        low, high = (
            boosting(zips, seed, loss="quantile", quantile=q, max_iter=trees).fit(x.iloc[fitted], y[fitted])
            for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
        )
        score = np.maximum(low.predict(x.iloc[held]) - y[held], y[held] - high.predict(x.iloc[held]))
        rank = math.ceil((len(held) + 1) * LEVEL) - 1
        slack = float(np.partition(score, rank)[rank])
        answers.append([(np.exp(low.predict(p) - slack), np.exp(high.predict(p) + slack)) for p in parts])
    return min(answers, key=lambda a: float(np.median(a[0][1] - a[0][0])))


def interval_row(truth: Any, mean: Any, low: Any, high: Any) -> dict[str, float]:
    """Coverage, that of the fifths of predicted price, and widths."""
    import numpy as np

    inside = (truth >= low) & (truth <= high)
    fifths = [float(inside[part].mean()) for part in np.array_split(np.argsort(mean), 5)]
    return {
        "coverage": float(inside.mean()),
        "lowest_fifth": min(fifths),
        "highest_fifth": max(fifths),
        "median_width": float(np.median(high - low)),
        "mean_width": float(np.mean(high - low)),
    }


def one_split(frame: Any, seed: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of errors and of intervals."""
    import numpy as np

    from fivefold.tasks.tables.fit import fit, split
    from fivefold.tasks.tables.prepare import prepare

    codes = np.sort(frame["zipcode"].unique())
    gone = np.random.default_rng(seed).choice(codes, LEFT_OUT, replace=False)
    known, outside = frame[~frame["zipcode"].isin(gone)], frame[frame["zipcode"].isin(gone)]
    start = time.perf_counter()
    model = fit(known, "price", seed=seed)
    seconds = time.perf_counter() - start
    _, train_rows, test_rows, _ = split(prepare(known, "price"), seed, False)
    train, inside = known.iloc[train_rows], known.iloc[test_rows]
    y = np.log(train["price"].to_numpy(dtype=float))
    accuracy, coverage = [], []
    for part, rows, zips in (("unseen rows", inside, True), ("unseen zip codes", outside, False)):
        truth = rows["price"].to_numpy(dtype=float)
        x, at = features(train, zips), features(rows, zips)
        own = model.predict_table(rows.drop(columns="price"), LEVEL)
        own_errors = errors(truth, own.mean)
        trees = best_errors(boosting(zips, seed).fit(x, y), (x, y), at, truth)
        line = best_errors(ridge(zips).fit(x, y), (x, y), at, truth)
        method = model.record if zips else {"candidates": []}
        chosen = next((c["name"] for c in method["candidates"] if c["verdict"] == "chosen"), "newcomers")
        for metric, value in own_errors.items():
            accuracy.append(
                {
                    "seed": seed,
                    "part": part,
                    "rows": len(rows),
                    "metric": metric,
                    "fivefold": value,
                    "trees": trees[metric],
                    "ridge": line[metric],
                    "method": chosen,
                    "seconds": round(seconds, 1),
                }
            )
        ((low, high),) = quantile_boosting((x, y), [at], zips, seed)
        for name, mean, bounds in (
            ("fivefold", own.mean, (own.low, own.high)),
            ("quantile boosting", (low + high) / 2, (low, high)),
        ):
            found = interval_row(truth, mean, *bounds)
            coverage.append({"seed": seed, "part": part, "method": name, **found})
    return accuracy, coverage


def report(accuracy: list[Any], coverage: list[Any]) -> None:
    """Print ratios with their intervals."""
    held_out = {"unseen rows": 0.25, "unseen zip codes": LEFT_OUT / (70 - LEFT_OUT)}

    def ratio(values: list[float], part: str) -> str:
        mean, low, high = (math.exp(v) for v in paired_interval(values, held_out=held_out[part]))
        return f"{mean:.3f} (95% interval {low:.3f} to {high:.3f})"

    for part in held_out:
        for metric in ("RMSE", "MAE", "RMSLE"):
            for peer in ("trees", "ridge"):
                rows = [r for r in accuracy if (r["part"], r["metric"]) == (part, metric)]
                values = [math.log(r["fivefold"] / r[peer]) for r in rows]
                if len(values) > 1:
                    print(f"{part} {metric}: fivefold / {peer} {ratio(values, part)}, {len(values)} splits")
        own, peer = (
            [r for r in coverage if (r["part"], r["method"]) == (part, name)]
            for name in ("fivefold", "quantile boosting")
        )
        values = [math.log(a["median_width"] / b["median_width"]) for a, b in zip(own, peer, strict=True)]
        if len(values) > 1:
            print(f"{part} median width: fivefold / quantile boosting {ratio(values, part)}")
        for name, rows in (("fivefold", own), ("quantile boosting", peer)):
            mean = sum(r["coverage"] for r in rows) / len(rows)
            print(
                f"{part} coverage of {name}: mean {mean:.3f}, from {min(r['coverage'] for r in rows):.3f} to "
                f"{max(r['coverage'] for r in rows):.3f}; fifths from "
                f"{min(r['lowest_fifth'] for r in rows):.3f} to {max(r['highest_fifth'] for r in rows):.3f}"
            )


def main() -> None:
    """Fit, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10, help="splits")
    options = arguments(__doc__, parser)
    import duckdb
    import torch

    torch.set_num_threads(options.threads)
    frame = duckdb.sql(f"SELECT * FROM '{TABLE}'").df()
    accuracy: list[dict[str, object]] = []
    coverage: list[dict[str, object]] = []
    for seed in range(options.seeds):
        errors_here, intervals_here = one_split(frame, seed)
        accuracy += errors_here
        coverage += intervals_here
        print(f"seed {seed}: {errors_here[0]['seconds']} s", flush=True)
        # written after every split, so that what was measured is not lost
        write("house_prices", accuracy, threads=options.threads)
        write("house_prices_intervals", coverage, threads=options.threads)
    report(accuracy, coverage)


if __name__ == "__main__":
    main()
