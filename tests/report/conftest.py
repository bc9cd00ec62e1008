"""Two records of real fits, made with scikit-learn: house prices and breast cancer."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler

_ROWS, _TEST, _LEVEL = 3000, 900, 0.9


def _bounds(draws: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"low": float(low), "high": float(high)}


def _wilson(hits: int, n: int) -> dict[str, float]:
    z = 1.96
    centre, half = (hits / n + z * z / (2 * n)), z * np.sqrt(hits * (n - hits) / n**3 + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return {"value": hits / n, "low": float((centre - half) / scale), "high": float((centre + half) / scale)}


def _compare(
    truth: np.ndarray,
    predictions: list[tuple[str, str, np.ndarray]],
    losses: dict[str, Any],
    lower: dict[str, bool],
) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(200)]
    scores, boots = [], {}
    for name, role, prediction in predictions:
        metrics = {}
        for metric, loss in losses.items():
            sampled = np.array([loss(truth[d], prediction[d]) for d in draws])
            boots[role, metric] = sampled
            metrics[metric] = {"value": float(loss(truth, prediction)), **_bounds(sampled)}
        scores.append({"name": name, "role": role, "metrics": metrics})
    main = next(iter(losses))
    value = {s["role"]: s["metrics"][main]["value"] for s in scores}
    difference = boots["chosen", main] - boots["yardstick", main]
    return {
        "rows": len(truth),
        "level": 0.95,
        "metrics": list(losses),
        "lower_is_better": lower,
        "scores": scores,
        "paired": {
            "against": "boosted trees",
            "metric": main,
            "difference": value["chosen"] - value["yardstick"],
            **_bounds(difference),
            "sentence": "",
        },
        "sentence": "",
    }


def make_regression_record(parquet: Path) -> dict[str, Any]:
    """A record of house prices: splines on the logarithm beside ridge, boosted trees and a constant."""
    with duckdb.connect() as connection:  # its own: the shared one may be in use
        table = connection.sql(
            f"select * from '{parquet}' order by hash(id || cast(date as varchar)) limit {_ROWS}"
        ).fetchnumpy()
    names = [
        "sqft_living",
        "grade",
        "sqft_above",
        "sqft_basement",
        "sqft_living15",
        "bedrooms",
        "bathrooms",
        "floors",
        "waterfront",
        "view",
        "condition",
        "yr_built",
        "lat",
        "long",
    ]
    x = np.column_stack([np.asarray(table[n], dtype=float) for n in names])
    zip_code = np.array([str(z) for z in table["zipcode"]])
    price = np.asarray(table["price"], dtype=float)
    both = np.concatenate([x, zip_code.astype(float)[:, None]], axis=1)
    train, test = slice(0, _ROWS - _TEST), slice(_ROWS - _TEST, _ROWS)
    half = slice(1400, _ROWS - _TEST)
    wide = list(range(len(names)))
    splines = make_column_transformer(
        (make_pipeline(StandardScaler(), SplineTransformer(n_knots=5)), [0, 1, 4, 11, 12, 13]),
        (StandardScaler(), wide),
        (OneHotEncoder(handle_unknown="ignore"), [len(names)]),
    )
    chosen = make_pipeline(splines, FunctionTransformer(), Ridge(3.0)).fit(both[:1400], np.log(price[:1400]))
    ridge = make_pipeline(StandardScaler(), Ridge(10.0)).fit(x[train], price[train])
    trees = HistGradientBoostingRegressor(max_iter=60, random_state=0).fit(x[train], price[train])
    predict = lambda rows: np.exp(chosen.predict(rows))  # noqa: E731
    mean = predict(both[test])
    ratio = np.abs(np.log(price[half]) - chosen.predict(both[half]))
    width = np.quantile(ratio, _LEVEL)
    low, high = mean * np.exp(-width), mean * np.exp(width)
    truth = price[test]
    inside = (truth >= low) & (truth <= high)
    losses = {
        "RMSE": lambda y, p: np.sqrt(np.mean((y - p) ** 2)),
        "MAE": lambda y, p: np.mean(np.abs(y - p)),
        "R²": lambda y, p: 1 - np.sum((y - p) ** 2) / np.sum((y - y.mean()) ** 2),
    }
    lower = {"RMSE": True, "MAE": True, "R²": False}
    predictions = [
        ("fivefold: log-splines", "chosen", mean),
        ("boosted trees", "yardstick", trees.predict(x[test])),
        ("ridge", "ridge", ridge.predict(x[test])),
        ("constant", "constant", np.full(_TEST, price[train].mean())),
    ]
    section = _compare(truth, predictions, losses, lower)
    section["unit"] = "$"
    section["sentence"] = section["paired"]["sentence"] = (
        "The chosen model and the boosted trees were compared on the same 900 rows, by a paired bootstrap."
    )
    held = np.isin(zip_code[test], np.unique(zip_code)[::7])
    groups = _compare(truth[held], [(n, r, p[held]) for n, r, p in predictions], losses, lower)
    groups |= {
        "column": "zipcode",
        "levels": 10,
        "unit": "$",
        "sentence": (
            "With 10 of 70 zip codes left out of the fit whole, the error is larger: the "
            "place itself carries information."
        ),
    }
    order = np.array_split(np.argsort(mean), 5)
    standard = (x[train] - x[train].mean(0)) / x[train].std(0)
    spectrum = np.linalg.svd(standard, compute_uv=False)
    share = spectrum**2 / np.sum(spectrum**2)
    rng = np.random.default_rng(0)
    base = losses["RMSE"](truth, mean)
    drivers = []
    for j, name in enumerate([*names, "zipcode"]):
        shuffled = both[test].copy()
        shuffled[:, j] = rng.permutation(shuffled[:, j])
        worse = predict(shuffled)
        change = []
        for _ in range(60):
            d = rng.integers(0, _TEST, _TEST)
            change.append(losses["RMSE"](truth[d], worse[d]) - losses["RMSE"](truth[d], mean[d]))
        driver = {
            "name": name,
            "importance": float(losses["RMSE"](truth, worse) - base),
            **_bounds(np.array(change)),
            "unit": "RMSE",
            "curve": None,
            "levels": None,
        }
        if name in {"sqft_living", "lat", "grade", "yr_built", "long", "sqft_living15"}:
            grid = np.quantile(x[test][:, j], np.linspace(0.02, 0.98, 14))
            rows = both[test][:100]
            y = []
            for value in grid:
                changed = rows.copy()
                changed[:, j] = value
                y.append(float(predict(changed).mean()))
            bend = [0.03 + 0.05 * abs(2 * k / 13 - 1) for k in range(14)]
            driver["curve"] = {
                "x": grid.tolist(),
                "y": y,
                "low": [v * (1 - b) for v, b in zip(y, bend, strict=True)],
                "high": [v * (1 + b) for v, b in zip(y, bend, strict=True)],
                "xlabel": name,
                "ylabel": "price",
            }
        if name == "zipcode":
            levels = []
            for z in np.unique(zip_code[test])[:9]:
                changed = both[test][:100].copy()
                changed[:, j] = float(z)
                v = float(predict(changed).mean())
                levels.append({"name": str(z), "value": v, "low": 0.95 * v, "high": 1.05 * v})
            driver["levels"] = sorted(levels, key=lambda r: -r["value"])
        drivers.append(driver)
    drivers.sort(key=lambda d: -d["importance"])
    value = {s["role"]: s["metrics"]["RMSE"] for s in section["scores"]}
    coverage = _wilson(int(inside.sum()), _TEST)
    return {
        "version": 1,
        "title": "price from 15 columns of house_prices.parquet",
        "headline": (
            "Prices of unseen houses are predicted with a typical error of "
            f"${value['chosen']['value']:,.0f}, less than half that of a constant guess "
            "and close to boosted trees."
        ),
        "warnings": [
            (
                "The rows carry a date and were split at random: later sales may be "
                "predicted worse. --time date measures it."
            ),
            "sqft_above and sqft_basement add up to sqft_living: their separate effects cannot be told.",
        ],
        "data": {
            "source": "house_prices.parquet",
            "rows": _ROWS,
            "columns": len(names) + 1,
            "target": "price",
            "task": "regression",
            "classes": [],
            "dropped": ["id: an identifier, different in almost every row"],
        },
        "test": section,
        "groups": groups,
        "intervals": {
            "level": _LEVEL,
            "coverage": coverage,
            "median_width": float(np.median(high - low)),
            "by_fifth": [
                {
                    "from": float(mean[p].min()),
                    "to": float(mean[p].max()),
                    "rows": len(p),
                    **{
                        ("coverage" if k == "value" else k): v
                        for k, v in _wilson(int(inside[p].sum()), len(p)).items()
                    },
                    "median_width": float(np.median((high - low)[p])),
                }
                for p in order
            ],
            "by_group": [
                {
                    "group": z,
                    "rows": int((zip_code[test] == z).sum()),
                    "coverage": float(inside[zip_code[test] == z].mean()),
                    "median_width": float(np.median((high - low)[zip_code[test] == z])),
                }
                for z in np.unique(zip_code[test])
            ],
            "group_column": "zipcode",
        },
        "classification": None,
        "scatter": {
            "observed": truth[:500].tolist(),
            "predicted": mean[:500].tolist(),
            "low": low[:500].tolist(),
            "high": high[:500].tolist(),
            "log": True,
        },
        "certificates": [
            {
                "claim": "The coefficients are the minimum of the penalised squared error to a relative 1e-8",
                "kind": "proof",
                "holds": "yes",
                "bound": 1e-8,
                "value": 3.1e-13,
                "assumptions": ["the penalty is positive, so the objective is strongly convex"],
                "method": "gradient norm over the strong-convexity constant",
            },
            {
                "claim": "90% intervals cover at least 90% of new rows like these",
                "kind": "statistical",
                "holds": "no",
                "bound": 0.9,
                "value": coverage["value"],
                "assumptions": ["new rows are exchangeable with the rows of this table"],
                "method": "Wilson 95% interval on 900 rows that no fit has seen",
            },
            {
                "claim": "The chosen model is at least as accurate as the boosted trees on unseen zip codes",
                "kind": "statistical",
                "holds": "unknown",
                "bound": 0.0,
                "value": section["paired"]["difference"],
                "assumptions": [],
                "method": "paired bootstrap 95% interval on the test rows",
            },
            {
                "claim": "No column repeats the target",
                "kind": "indicator",
                "holds": "yes",
                "bound": None,
                "value": None,
                "assumptions": [],
                "method": "rank correlation below 0.999 for every column",
            },
        ],
        "candidates": [
            {
                "name": "log-splines",
                "description": "Gaussian on the logarithm; cubic splines, shrunken categories",
                "score": 0.1873,
                "standard_error": 0.0031,
                "metric": "RMSE of the logarithm",
                "seconds": 2.31,
                "verdict": "chosen",
                "reason": "smallest mean loss on held-out rows over 10 folds",
                "status": "converged",
            },
            {
                "name": "boosted trees",
                "description": "scikit-learn's histogram gradient boosting",
                "score": 0.1891,
                "standard_error": 0.0034,
                "metric": "RMSE of the logarithm",
                "seconds": 4.8,
                "verdict": "yardstick",
                "reason": "0.7 standard errors worse than log-splines over 10 folds",
                "status": "converged",
            },
            {
                "name": "dense network",
                "description": "two hidden layers of 64, ensemble of 3",
                "score": 0.1962,
                "standard_error": 0.0040,
                "metric": "RMSE of the logarithm",
                "seconds": 14.2,
                "verdict": "rejected",
                "reason": "2.9 standard errors worse than log-splines over 5 folds",
                "status": "out of budget",
                "training": {
                    "optimizer": "adamw",
                    "schedule": "cosine",
                    "rate": 0.003,
                    "sentence": "Trained by AdamW with a peak rate of 0.003, 24 epochs.",
                },
            },
            {
                "name": "log-linear",
                "description": "Gaussian on the logarithm; plain effects",
                "score": 0.2312,
                "standard_error": 0.0036,
                "metric": "RMSE of the logarithm",
                "seconds": 0.41,
                "verdict": "rejected",
                "reason": "11.4 standard errors worse than log-splines over 10 folds",
                "status": "converged",
            },
            {
                "name": "ridge",
                "description": "penalty by marginal likelihood",
                "score": 0.2688,
                "standard_error": 0.0042,
                "metric": "RMSE of the logarithm",
                "seconds": 0.2,
                "verdict": "rejected",
                "reason": "16.2 standard errors worse than log-splines over 10 folds",
                "status": "converged",
            },
            {
                "name": "constant",
                "description": "the mean",
                "score": 0.527,
                "standard_error": 0.0066,
                "metric": "RMSE of the logarithm",
                "seconds": 0.01,
                "verdict": "baseline",
                "reason": "out after 2 folds: far behind",
                "status": "converged",
            },
            {
                "name": "Fourier features",
                "description": "",
                "score": None,
                "standard_error": None,
                "metric": "RMSE of the logarithm",
                "seconds": None,
                "verdict": "rejected",
                "reason": "not tried: the budget of 60 s did not reach",
                "status": "not tried",
            },
        ],
        "table": {
            "columns": [
                {
                    "name": n,
                    "kind": "number" if n != "waterfront" else "boolean",
                    "reason": "all values are numbers",
                    "missing": 0 if j % 5 else 7,
                    "distinct": len(np.unique(x[:, j])),
                    "summary": (
                        f"{x[:, j].min():,.6g} to {x[:, j].max():,.6g}, median {np.median(x[:, j]):,.6g}"
                    ),
                    "histogram": np.histogram(x[:, j], 16)[0].tolist(),
                }
                for j, n in enumerate(names)
            ]
            + [
                {
                    "name": "zipcode",
                    "kind": "category",
                    "reason": "70 whole numbers of five digits that name places",
                    "missing": 0,
                    "distinct": 70,
                    "summary": "98103 (84), 98115 (81), 98052 (79)",
                    "histogram": sorted(np.unique(zip_code, return_counts=True)[1].tolist(), reverse=True)[
                        :16
                    ],
                }
            ],
            "spectrum": spectrum.tolist(),
            "condition": float(spectrum[0] / spectrum[-1]),
            "effective_rank": float(np.exp(-np.sum(share * np.log(np.maximum(share, 1e-300))))),
            "collinear": [
                {
                    "columns": ["sqft_living", "sqft_above", "sqft_basement"],
                    "sentence": "sqft_living = sqft_above + sqft_basement, up to rounding.",
                }
            ],
            "duplicates": "No test row repeats a training row.",
            "leaks": [],
            "findings": [
                {
                    "code": "collinear",
                    "title": "Three columns carry the same information",
                    "evidence": "sqft_living equals sqft_above + sqft_basement in all 3,000 rows.",
                    "confidence": "high",
                    "cause": "The parts were recorded beside their sum.",
                    "fix": (
                        "Nothing for prediction; drop one of them before reading "
                        "coefficients (--drop sqft_above)."
                    ),
                }
            ],
        },
        "drivers": drivers,
        "risks": [
            {
                "title": "Rows unlike these",
                "text": (
                    "Every figure here is about rows drawn like the rows of this table. "
                    "Inputs are held inside the range seen in training; nothing measures "
                    "the error outside it."
                ),
            },
            {
                "title": "A new zip code",
                "text": (
                    "For zip codes that training has not seen, the error is larger and "
                    "the intervals are not made for that."
                ),
            },
            {
                "title": "The future",
                "text": "The rows were split at random, not by date. The error on later sales may be larger.",
            },
        ],
        "plan": {
            "seed": 0,
            "folds": 5,
            "repeats": 2,
            "candidates": {
                "log-splines": {"knots": 5, "folds": 10},
                "dense network": {"folds": 5, "epochs": 40},
            },
            "test_rows": _TEST,
        },
        "environment": {
            "fivefold": "0.1.0",
            "python": "3.11.7",
            "numpy": np.__version__,
            "machine": "x86_64",
            "threads": "2",
        },
        "seconds": 41.7,
        "command": (
            "fivefold fit examples/house_prices.parquet --target price --group zipcode --budget 60s --seed 0"
        ),
    }


def make_classification_record() -> dict[str, Any]:
    """A record of breast cancer: logistic regression beside boosted trees and a constant."""
    data = load_breast_cancer()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = data.data[order], data.target[order]
    train, test = slice(0, 350), slice(350, None)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000)).fit(x[train], y[train])
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(x[train], y[train])
    p, q, truth = model.predict_proba(x[test])[:, 1], trees.predict_proba(x[test])[:, 1], y[test]
    constant = np.full(len(truth), y[train].mean())
    losses = {
        "log loss": lambda t, p: -np.mean(np.log(np.clip(np.where(t == 1, p, 1 - p), 1e-12, None))),
        "accuracy": lambda t, p: np.mean((p > 0.5) == t),
        "Brier score": lambda t, p: np.mean((p - t) ** 2),
    }
    test_section = _compare(
        truth,
        [
            ("fivefold: logistic", "chosen", p),
            ("boosted trees", "yardstick", q),
            ("constant", "constant", constant),
        ],
        losses,
        {"log loss": True, "accuracy": False, "Brier score": True},
    )
    test_section["sentence"] = "On these rows the chosen model is better than the boosted trees."
    confusion = [[int(np.sum((truth == i) & ((p > 0.5) == j))) for j in (0, 1)] for i in (0, 1)]
    bins = []
    for low in np.arange(0, 1, 0.1):
        at = (p >= low) & (p < low + 0.1)
        if at.sum() > 1:
            share = _wilson(int(truth[at].sum()), int(at.sum()))
            bins.append(
                {
                    "predicted": float(p[at].mean()),
                    "observed": share["value"],
                    "rows": int(at.sum()),
                    "low": share["low"],
                    "high": share["high"],
                }
            )
    hits = int(np.sum(np.where(truth == 1, p, 1 - p) > 0.2))
    names = list(data.feature_names)
    spread = np.abs(model[-1].coef_[0])
    spectrum = np.linalg.svd((x - x.mean(0)) / x.std(0), compute_uv=False)
    return {
        "version": 1,
        "title": "diagnosis from 30 columns of breast_cancer.csv",
        "headline": (
            "97% of unseen tumours are classified correctly, and the probabilities are "
            "nearly calibrated; boosted trees do worse."
        ),
        "warnings": [],
        "data": {
            "source": "breast_cancer.csv",
            "rows": len(y),
            "columns": 30,
            "target": "diagnosis",
            "task": "classification",
            "classes": ["malignant", "benign"],
            "dropped": [],
        },
        "test": test_section,
        "groups": None,
        "intervals": None,
        "classification": {
            "confusion": confusion,
            "reliability": bins,
            "sets": {
                "level": 0.9,
                "coverage": _wilson(hits, len(truth)),
                "mean_size": 1.03,
                "sizes": {"1": len(truth) - 7, "2": 7},
            },
            "calibration_error": float(
                sum(b["rows"] * abs(b["predicted"] - b["observed"]) for b in bins) / len(truth)
            ),
        },
        "scatter": None,
        "certificates": [
            {
                "claim": "The coefficients minimise the penalised log loss to a relative 1e-8",
                "kind": "proof",
                "holds": "yes",
                "bound": 1e-8,
                "value": 2e-11,
                "assumptions": ["strong convexity"],
                "method": "Newton decrement",
            }
        ],
        "candidates": [
            {
                "name": "logistic",
                "description": "Bernoulli, plain effects",
                "score": 0.083,
                "standard_error": 0.011,
                "metric": "log loss",
                "seconds": 0.4,
                "verdict": "chosen",
                "reason": "smallest mean loss",
                "status": "converged",
            },
            {
                "name": "boosted trees",
                "description": "",
                "score": 0.11,
                "standard_error": 0.02,
                "metric": "log loss",
                "seconds": 1.9,
                "verdict": "yardstick",
                "reason": "1.4 standard errors worse",
                "status": "converged",
            },
        ],
        "table": {
            "columns": [
                {
                    "name": n,
                    "kind": "number",
                    "reason": "all values are numbers",
                    "missing": 0,
                    "distinct": len(np.unique(x[:, j])),
                    "summary": f"{x[:, j].min():.4g} to {x[:, j].max():.4g}",
                    "histogram": np.histogram(x[:, j], 16)[0].tolist(),
                }
                for j, n in enumerate(names)
            ],
            "spectrum": spectrum.tolist(),
            "condition": float(spectrum[0] / spectrum[-1]),
            "effective_rank": 6.1,
            "collinear": [],
            "duplicates": "",
            "leaks": [],
            "findings": [],
        },
        "drivers": [
            {
                "name": names[j],
                "importance": float(spread[j] / 20),
                "low": float(spread[j] / 20 - 0.01),
                "high": float(spread[j] / 20 + 0.012),
                "unit": "log loss",
                "curve": None,
                "levels": None,
            }
            for j in np.argsort(-spread)
        ],
        "risks": [
            {"title": "Rows unlike these", "text": "Every figure here is about rows drawn like these."}
        ],
        "plan": {"seed": 0},
        "environment": {"fivefold": "0.1.0"},
        "seconds": 8.2,
        "command": "fivefold fit breast_cancer.csv --target diagnosis",
    }


@pytest.fixture(scope="session")
def regression_source(examples: Path) -> dict[str, Any]:
    return make_regression_record(examples / "house_prices.parquet")


@pytest.fixture(scope="session")
def classification_source() -> dict[str, Any]:
    return make_classification_record()


@pytest.fixture
def regression_record(regression_source: dict[str, Any]) -> dict[str, Any]:
    """The record of house prices, a fresh copy each time."""
    from copy import deepcopy

    return deepcopy(regression_source)


@pytest.fixture
def classification_record(classification_source: dict[str, Any]) -> dict[str, Any]:
    """The record of breast cancer, a fresh copy each time."""
    from copy import deepcopy

    return deepcopy(classification_source)
