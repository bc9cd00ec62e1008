"""Classification over repeated splits: fivefold beside logistic regression and boosted trees, in one run.

**Tables.** scikit-learn's breast cancer (569 rows, 30 numbers, 2 classes) and wine (178 rows, 13 numbers, 3
classes), and `examples/credit_data.csv` (4,454 loans, 14 columns of which 5 are categories, gaps in 6, 2
classes).

**Splits.** Every seed is one stratified split, three quarters for training; all methods see the same rows.

**Methods.** fivefold is `fivefold.Classifier` with `--budget` (its default is 60 s; less may end its race
early). The peers, each as a practitioner sets it up:

- *logistic regression*: numbers imputed by the median with an indicator of the gap, then scaled; categories
  one-hot (a gap is a level); the penalty from 10 by 5-fold cross-validation on log loss.
- *boosted trees*: scikit-learn's histogram gradient boosting with its defaults; categories and gaps native.
- *tuned trees*: the same, with learning rate (0.03, 0.1), leaves (4, 16) and the number of trees (up to 300,
  in steps of 20) chosen by 5-fold cross-validation on log loss.
- *calibrated trees*: the tuned trees with a temperature by 5-fold cross-validation
  (`CalibratedClassifierCV`).

**Metrics**, all on test rows. Log loss; Brier score (squared error summed over the classes); accuracy;
expected calibration error of the most probable class: rows sorted by confidence into bins of equal size (one
per 25 rows, 2 to 10 bins), mean of |accuracy - mean confidence| weighted by size. That error is biased
upwards where rows are few, so that the summary also has it with the test rows of all splits pooled (10 bins,
20 from 5,000 rows). For fivefold: coverage and mean size of the 90% prediction sets. What is claimed is
coverage of at least about 90% of new rows on average, not in every split: a set is never empty, so a table
that is easy is covered more often.

**Comparison.** The differences fivefold - peer on the same test rows are averaged over splits, with the
interval of :func:`common.paired_interval`: splits of one table overlap, so that the plain t interval is too
short (Nadeau and Bengio, 2003):

    mean(d) +- t(n - 1) s sqrt(1 / n + n_test / n_train)

`results/classification.csv` has every split and method, `results/classification_summary.csv` the
differences.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import arguments, paired_interval, write

CREDIT = Path(__file__).resolve().parent.parent / "examples" / "credit_data.csv"
TEST_SHARE = 0.25
LEVEL = 0.9
LOSSES = ("log_loss", "brier", "accuracy", "calibration_error")
Fit = Callable[[Any, Any, int], Any]


def tables(wanted: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Name, data frame and labels of every table."""
    import pandas as pd
    from sklearn.datasets import load_breast_cancer, load_wine

    for name, load in (("breast cancer", load_breast_cancer), ("wine", load_wine)):
        if name in wanted:
            bunch = load(as_frame=True)
            yield name, bunch.data, bunch.target_names[bunch.target]
    if "credit" in wanted:
        frame = pd.read_csv(CREDIT)
        yield "credit", frame.drop(columns="Status"), frame["Status"].to_numpy(dtype=object)


def logistic(X: Any, y: Any, seed: int) -> Any:
    """Logistic regression with its usual preparation and a cross-validated penalty."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    prepare = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    model = LogisticRegressionCV(
        Cs=10,
        cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        scoring="neg_log_loss",
        max_iter=2000,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    return make_pipeline(prepare, model).fit(X, y)


def _trees(X: Any, seed: int, **settings: Any) -> Any:
    """Histogram gradient boosting that takes categories as they are."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    words = make_column_selector(dtype_exclude="number")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    prepare = make_column_transformer((codes, words), remainder="passthrough")
    model = HistGradientBoostingClassifier(
        categorical_features=list(range(len(words(X)))), random_state=seed, **settings
    )
    return make_pipeline(prepare, model)


def trees(X: Any, y: Any, seed: int) -> Any:
    """Histogram gradient boosting by default."""
    return _trees(X, seed).fit(X, y)


def _tuned(X: Any, y: Any, seed: int) -> Any:
    """The tuned estimator, not yet fitted."""
    import numpy as np
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    best: tuple[float, dict[str, Any]] = (np.inf, {})
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y))
    for rate in (0.03, 0.1):
        for leaves in (4, 16):
            settings = {"learning_rate": rate, "max_leaf_nodes": leaves, "early_stopping": False}
            losses = np.zeros(300)
            for inner, held in folds:
                model = _trees(X, seed, max_iter=300, **settings).fit(X.iloc[inner], y[inner])
                staged = model[-1].staged_predict_proba(model[:-1].transform(X.iloc[held]))
                for i, p in enumerate(staged):
                    if i % 20 == 19:
                        losses[i] += log_loss(y[held], p, labels=model.classes_)
            count = 20 * (int(np.argmin(losses[19::20])) + 1)
            if losses[count - 1] < best[0]:
                best = float(losses[count - 1]), {**settings, "max_iter": count}
    return _trees(X, seed, **best[1])


def fitters(budget: str) -> dict[str, Fit]:
    """Every method by name; a method gives a fitted estimator with ``predict_proba``.

    The calibrated trees take over the settings of the tuned ones, which run before them on every split.
    """
    from sklearn.base import clone

    def fivefold(X: Any, y: Any, seed: int) -> Any:
        from fivefold import Classifier

        return Classifier(budget=budget, random_state=seed).fit(X, y)

    settled: dict[int, Any] = {}

    def tuned(X: Any, y: Any, seed: int) -> Any:
        settled[seed] = _tuned(X, y, seed)
        return clone(settled[seed]).fit(X, y)

    def calibrated(X: Any, y: Any, seed: int) -> Any:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.model_selection import StratifiedKFold

        folds = StratifiedKFold(5, shuffle=True, random_state=seed + 1)
        model = CalibratedClassifierCV(settled[seed], method="temperature", cv=folds, ensemble=False)
        return model.fit(X, y)

    return {
        "fivefold": fivefold,
        "logistic regression": logistic,
        "boosted trees": trees,
        "tuned trees": tuned,
        "calibrated trees": calibrated,
    }


def calibration_error(confidence: Any, right: Any, bins: int) -> float:
    """Expected calibration error of the most probable class over bins of equal size.

    Args:
        confidence: ``[n]`` largest probabilities.
        right: ``[n]`` whether that class was the true one.
        bins: Number of bins.
    """
    import numpy as np

    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, bins)
    return float(sum(abs(right[p].mean() - confidence[p].mean()) * len(p) for p in parts) / len(order))


def metrics(model: Any, X: Any, y: Any) -> tuple[dict[str, float], Any, Any]:
    """Metrics on test rows, the confidences and whether they were right."""
    import numpy as np
    from sklearn.metrics import log_loss

    classes = np.asarray(model.classes_)
    p = model.predict_proba(X)
    truth = y[:, None] == classes
    confidence, right = p.max(1), classes[p.argmax(1)] == y
    bins = max(2, min(10, len(y) // 25))
    found = {
        "log_loss": float(log_loss(y, p, labels=classes)),
        "brier": float(((p - truth) ** 2).sum(1).mean()),
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(confidence, right, bins),
    }
    return found, confidence, right


def _empty() -> dict[str, Any]:
    return {"coverage": "", "set_size": "", "chosen": "", "race": ""}


def one_table(name: str, X: Any, y: Any, seeds: int, methods: dict[str, Fit]) -> tuple[list[Any], list[Any]]:
    """Rows of the splits and of the summary for one table."""
    import numpy as np
    from sklearn.model_selection import StratifiedShuffleSplit

    rows: list[dict[str, object]] = []
    pooled: dict[str, list[tuple[Any, Any]]] = {method: [] for method in methods}
    values: dict[tuple[str, str], list[float]] = {}
    splits = StratifiedShuffleSplit(seeds, test_size=TEST_SHARE, random_state=0).split(X, y)
    for seed, (train, test) in enumerate(splits):
        for method, fit in methods.items():
            start = time.perf_counter()
            model = fit(X.iloc[train], y[train], seed)
            seconds = time.perf_counter() - start
            found, confidence, right = metrics(model, X.iloc[test], y[test])
            pooled[method].append((confidence, right))
            own = _empty()
            if method == "fivefold":
                members = model.predict_set(X.iloc[test], LEVEL)
                inside = members[np.arange(len(test)), np.searchsorted(model.classes_, y[test])]
                own = {
                    "coverage": float(inside.mean()),
                    "set_size": float(members.sum(1).mean()),
                    "chosen": model.method_,
                    "race": "; ".join(f"{k}: {v}" for k, v in model.plan_["dropped"].items()),
                }
                for key in ("coverage", "set_size"):
                    values.setdefault((method, key), []).append(own[key])
            for key in LOSSES:
                values.setdefault((method, key), []).append(found[key])
            rows.append(
                {
                    "table": name,
                    "seed": seed,
                    "method": method,
                    "train_rows": len(train),
                    "test_rows": len(test),
                    **found,
                    **own,
                    "seconds": round(seconds, 2),
                }
            )
        shown = ", ".join(f"{m} {values[m, 'log_loss'][-1]:.4f}" for m in methods)
        print(f"{name}, split {seed}: log loss {shown}", flush=True)
    held_out = TEST_SHARE / (1 - TEST_SHARE)
    summary = list(_summary(name, values, pooled, held_out, seeds)) if seeds > 1 else []
    return rows, summary


def _summary(
    name: str,
    values: dict[tuple[str, str], list[float]],
    pooled: dict[str, list[tuple[Any, Any]]],
    held_out: float,
    splits: int,
) -> Iterator[dict[str, object]]:
    """Mean of fivefold, of every peer, and of their differences with the corrected interval."""
    import numpy as np

    def line(
        metric: str, peer: str, own: float, other: object, interval: tuple[object, ...]
    ) -> dict[str, object]:
        keys = ("difference", "low", "high")
        return {
            "table": name,
            "metric": metric,
            "peer": peer,
            "fivefold": own,
            "peer_value": other,
            **dict(zip(keys, interval, strict=True)),
            "splits": splits,
        }

    for metric in LOSSES:
        own = values["fivefold", metric]
        for peer in pooled:
            if peer == "fivefold":
                continue
            other = values[peer, metric]
            differences = [a - b for a, b in zip(own, other, strict=True)]
            interval = paired_interval(differences, 0.95, held_out)
            yield line(metric, peer, float(np.mean(own)), float(np.mean(other)), interval)
            mean, low, high = interval
            print(f"{name} {metric}: fivefold - {peer} {mean:+.4f} [{low:+.4f}, {high:+.4f}]")
    errors = {}
    for method, parts in pooled.items():
        confidence, right = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        errors[method] = calibration_error(confidence, right, 20 if len(right) >= 5000 else 10)
    for peer in pooled:
        if peer != "fivefold":
            yield line("pooled_calibration_error", peer, errors["fivefold"], errors[peer], ("", "", ""))
    print(f"{name} calibration error, pooled: " + ", ".join(f"{m} {e:.4f}" for m, e in errors.items()))
    rows = sum(len(part[0]) for part in pooled["fivefold"])
    for metric in ("coverage", "set_size"):
        own = values["fivefold", metric]
        claim = LEVEL if metric == "coverage" else 1.0
        mean, low, high = paired_interval(own, 0.95, held_out)
        what = f"claim: {'at least about 0.9' if metric == 'coverage' else 'none'}"
        yield line(
            metric,
            what,
            mean,
            claim if metric == "coverage" else "",
            (mean - claim, low - claim, high - claim),
        )
        print(f"{name} {metric} of 90% sets: {mean:.3f} [{low:.3f}, {high:.3f}] over {rows} test rows")


def main() -> None:
    """Fit, compare, write the CSVs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10, help="splits of every table (default: 10)")
    parser.add_argument("--budget", default="10s", help="fivefold's budget of one fit (default: 10s)")
    parser.add_argument("--tables", default="wine,breast cancer,credit", help="which, separated by commas")
    options = arguments(__doc__, parser)
    import torch
    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(options.threads)
    rows: list[Any] = []
    summary: list[Any] = []
    notes = {
        "fivefold budget": options.budget,
        "splits": f"{options.seeds} stratified splits of every table, a quarter held out",
        "interval": "95%, corrected resampled t (Nadeau and Bengio 2003); differences are fivefold - peer",
        "credit": "examples/credit_data.csv (modeldata::credit_data, MIT)",
    }
    for name, X, y in tables([part.strip() for part in options.tables.split(",")]):
        more, last = one_table(name, X, y, options.seeds, fitters(options.budget))
        rows += more
        summary += last
        # written after every table, so that what was measured is not lost
        write("classification", rows, threads=options.threads, notes=notes)
        if summary:
            write("classification_summary", summary, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
