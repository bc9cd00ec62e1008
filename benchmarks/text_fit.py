"""`fivefold fit` on two labelled text corpora beside TF-IDF with logistic regression.

**snippets**: 10,605 sentences of film reviews with the mean of the judgements of 20 people; negative below 0
and positive above (the sentences themselves are Pang and Lee's of 2004). From the source archive of
vaderSentiment 3.3.2 (MIT licence; Hutto and Gilbert, "VADER", 2014): `pip download --no-deps --no-binary
:all: vaderSentiment==3.3.2`, unpacked, and `additional_resources/hutto_ICWSM_2014.tar.gz` in it unpacked.

**fortunes**: the sayings of Debian's packages `fortunes` and `fortunes-min` (1.99.1-7.3, BSD licence) with
the file as class: `apt-get download` and `dpkg -x`. Files without a topic and those that mock people by sex
or descent are left out, and so are files of fewer than 200.

Both are deterministic: files in the order of names, control characters out, repeated texts once (under
several labels not at all). Texts that differ in capitals and spaces alone are repetitions, as for a fit, so
that every way learns from the same texts.

Five outer folds, stratified, seed 0. Each way gets the training texts of a fold and names the test texts
once:

- *fivefold fit*: a table of texts, labels and the column ``split``, and ``--budget`` seconds for everything.
- *words*: TF-IDF of words and pairs (sublinear, in at least 2 texts) and logistic regression, its C among 1,
  4, 16, 64 and 256 by the log loss of a three-fold cross-validation within the training texts.
- *words and signs*: the same with words of one letter and signs as words of their own, nearly as our own
  terms are, which also keep an apostrophe within its word; scikit-learn's default leaves both out.
- *words and signs, calibrated*: the same again with a temperature, fitted by scikit-learn's
  ``CalibratedClassifierCV`` to the three-fold predictions of the training texts; ours are calibrated, too.

``log_loss`` is the mean of -log p(truth), ``brier`` that of the sum over classes of (p - truth)^2 (0 to 2),
and ``calibration_error`` the mean distance of the largest probability from how often it is right, over 15
bins of as many texts each. The differences to ours are paired text by text, all folds together, with 95%
intervals (normal; the folds share training texts, which such an interval leaves out).

    python benchmarks/text_fit.py --snippets FOLDER/hutto_ICWSM_2014 --fortunes FOLDER [--budget 60]

writes ``benchmarks/results/text_fit.csv``.
"""

import argparse
import csv
import math
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common import arguments, write

UNTOPICAL = {"cookie", "miscellaneous", "fortunes", "zippy", "men-women", "ethnic", "translate-me"}
LEAST = 200
SIGNS = r"(?u)\w+|[^\w\s]"


def snippets(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of the film reviews.

    Args:
        folder: The unpacked ``hutto_ICWSM_2014``.
    """
    pairs = []
    path = folder / "movieReviewSnippets_GroundTruth.txt"
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        _, mean, text = line.split("\t", 2)
        if float(mean) != 0.0:
            pairs.append((text, "positive" if float(mean) > 0 else "negative"))
    return distinct(pairs)


def fortunes(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of the sayings.

    Args:
        folder: Anything above the folders ``share/games/fortunes`` of the two unpacked packages.
    """
    pairs = []
    for path in sorted(folder.rglob("share/games/fortunes/*"), key=lambda path: path.name):
        if path.suffix or path.name in UNTOPICAL or path.is_symlink():
            continue
        parts = re.split(
            r"^%[ \t]*$\n?", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE
        )
        pairs += [(part, path.name) for part in parts]
    texts, labels = distinct(pairs)
    sizes = Counter(labels)
    kept = [i for i, label in enumerate(labels) if sizes[label] >= LEAST]
    return [texts[i] for i in kept], [labels[i] for i in kept]


def distinct(pairs: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Each text once, cleaned, capitals and spaces not counted; none that stands under several labels.

    >>> distinct([("A cat", "a"), ("a  cat ", "a"), ("a dog", "a"), ("A dog", "b")])
    (['A cat'], ['a'])
    """
    from fivefold.tasks.text.files import clean
    from fivefold.tasks.text.text_set import twin_key

    seen: dict[str, tuple[str, set[str]]] = {}
    for text, label in pairs:
        plain = clean(text)[0].strip()
        seen.setdefault(twin_key(plain), (plain, set()))[1].add(label)
    kept = [(text, next(iter(labels))) for text, labels in seen.values() if text and len(labels) == 1]
    return [text for text, _ in kept], [label for _, label in kept]


def words(texts: list[str], y: Any, test: list[str], pattern: str, *, calibrated: bool = False) -> Any:
    """Probabilities of TF-IDF with logistic regression, its C by three-fold cross-validation.

    Args:
        texts: Of training.
        y: Their classes.
        test: Texts to be named.
        pattern: What a word is.
        calibrated: Whether a temperature is fitted within the training texts.
    """
    import numpy as np
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=pattern)
    x = vectors.fit_transform(texts)
    inner = StratifiedKFold(3, shuffle=True, random_state=1)
    models = [LogisticRegression(C=c, max_iter=500) for c in (1.0, 4.0, 16.0, 64.0, 256.0)]
    score = partial(cross_val_score, X=x, y=y, cv=inner, scoring="neg_log_loss")
    best: Any = max(models, key=lambda model: score(model).mean())
    if calibrated:
        best = CalibratedClassifierCV(best, method="temperature", cv=inner, ensemble=False)
    codes = np.unique(y, return_inverse=True)[1]  # a temperature takes numbers alone
    return best.fit(x, codes).predict_proba(vectors.transform(test))


def ours(texts: list[str], y: Any, test: list[str], truth: Any, budget: float) -> tuple[Any, str]:
    """Probabilities of a fit, in the order of the sorted classes, and the method that it chose."""
    import numpy as np

    import fivefold as ff

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["text", "label", "split"])
            table.writerows([text, label, "train"] for text, label in zip(texts, y, strict=True))
            table.writerows([text, label, "test"] for text, label in zip(test, truth, strict=True))
        model = ff.fit(path, target="label", budget=budget)
    order = [list(model.classes).index(label) for label in sorted(set(y.tolist()))]
    return np.asarray(model.predict_proba(test))[
        :, order
    ], f"{model.plan['network']}, share {model.plan['share']:g}"


def scores(p: Any, truth: Any) -> dict[str, Any]:
    """Right or not, -log p(truth), and the squared distance, each by text; and the calibration error.

    Args:
        p: ``[n, K]`` probabilities.
        truth: ``[n]`` columns of ``p``.

    >>> import numpy as np
    >>> found = scores(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([0, 1]))
    >>> found["brier"].tolist(), found["right"].tolist()
    ([0.125, 0.5], [1.0, 0.0])
    """
    import numpy as np

    at = np.arange(len(truth))
    right = (p.argmax(1) == truth).astype(float)
    loss = -np.log(np.maximum(p[at, truth], np.finfo(float).tiny))
    brier = (p**2).sum(1) - 2 * p[at, truth] + 1
    bins = np.array_split(np.argsort(p.max(1), kind="stable"), 15)
    gaps = [len(b) * abs(p[b].max(1).mean() - right[b].mean()) for b in bins if len(b)]
    return {"right": right, "log_loss": loss, "brier": brier, "calibration_error": sum(gaps) / len(truth)}


def measured(
    name: str, texts: list[str], labels: list[str], folds: int, budget: float
) -> list[dict[str, Any]]:
    """A row a way: figures over the texts of all folds, and the differences to ours."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    y = np.array(labels)
    known = sorted(set(labels))
    found: dict[str, list[Any]] = {}
    seconds: dict[str, float] = {}
    methods: list[str] = []
    truths = []
    for train, test in list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))[:folds]:
        learn, asked = [texts[i] for i in train], [texts[i] for i in test]
        truths.append(np.searchsorted(known, y[test]))

        def fit(
            learn: list[str] = learn, asked: list[str] = asked, train: Any = train, test: Any = test
        ) -> Any:
            p, method = ours(learn, y[train], asked, y[test], budget)
            methods.append(method)
            return p

        ways: dict[str, Callable[[], Any]] = {
            "fivefold fit": fit,
            "words": partial(words, learn, y[train], asked, r"(?u)\b\w\w+\b"),
            "words and signs": partial(words, learn, y[train], asked, SIGNS),
            "words and signs, calibrated": partial(words, learn, y[train], asked, SIGNS, calibrated=True),
        }
        for way, run in ways.items():
            begun = time.perf_counter()
            found.setdefault(way, []).append(run())
            seconds[way] = seconds.get(way, 0.0) + time.perf_counter() - begun
            share = float((found[way][-1].argmax(1) == truths[-1]).mean())
            print(f"  {way}: {share:.3f}, {seconds[way]:.0f} s so far", flush=True)
    truth = np.concatenate(truths)
    figures = {way: scores(np.concatenate(parts), truth) for way, parts in found.items()}
    sizes = Counter(labels)
    rows = []
    for way, values in figures.items():
        row: dict[str, Any] = {
            "corpus": name,
            "texts": len(texts),
            "classes": len(sizes),
            "median_words": statistics.median(len(text.split()) for text in texts),
            "largest_class": max(sizes.values()) / len(texts),
            "way": way,
            "folds": len(truths),
            "accuracy": float(values["right"].mean()),
            "log_loss": float(values["log_loss"].mean()),
            "brier": float(values["brier"].mean()),
            "calibration_error": float(values["calibration_error"]),
        }
        for key in ("right", "log_loss", "brier"):
            gap = figures["fivefold fit"][key] - values[key]
            half = 1.96 * gap.std(ddof=1) / math.sqrt(len(gap))
            row[f"ours_minus_this_{key}"] = (
                f"{gap.mean():.4f} ({gap.mean() - half:.4f} to {gap.mean() + half:.4f})"
            )
        row["seconds_a_fold"] = seconds[way] / len(truths)
        row["methods"] = "; ".join(methods) if way == "fivefold fit" else ""
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--snippets", type=Path, help="the unpacked folder hutto_ICWSM_2014")
    parser.add_argument("--fortunes", type=Path, help="where fortunes and fortunes-min are unpacked")
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6), help="outer folds that are run")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a fit")
    options = arguments(__doc__, parser)
    corpora = {
        name: build(folder)
        for name, build, folder in (
            ("snippets", snippets, options.snippets),
            ("fortunes", fortunes, options.fortunes),
        )
        if folder is not None
    }
    if not corpora:
        print("nothing was measured: name a corpus with --snippets or --fortunes")
        return
    for name, (texts, _) in corpora.items():
        if not texts:
            parser.error(f"--{name}: no text of this corpus below the folder named; see --help")
    rows = []
    for name, (texts, labels) in corpora.items():
        print(f"{name}: {len(texts):,} texts, {dict(Counter(labels))}")
        rows += measured(name, texts, labels, options.folds, options.budget)
    write("text_fit", rows, threads=options.threads, notes={"budget": f"{options.budget:g} seconds"})


if __name__ == "__main__":
    main()
