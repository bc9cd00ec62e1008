"""Two labelled text corpora from packages, and how a linear model over words does on them.

**snippets**: 10,605 sentences of film reviews with the mean of the judgements of 20 people; negative below 0
and positive above (the sentences themselves are Pang and Lee's of 2004). From the source archive of
vaderSentiment 3.3.2 (MIT licence; Hutto and Gilbert, "VADER", 2014): `pip download --no-deps --no-binary
:all: vaderSentiment==3.3.2`, unpacked, and `additional_resources/hutto_ICWSM_2014.tar.gz` in it unpacked.

**fortunes**: the sayings of Debian's packages `fortunes` and `fortunes-min` (1.99.1-7.3, BSD licence) with
the file as class: `apt-get download` and `dpkg -x`. Files without a topic and those that mock people by sex
or descent are left out, and so are files of fewer than 200.

Both are deterministic: files in the order of names, control characters out, repeated texts once (under
several labels not at all).

**Baseline.** TF-IDF of words and pairs (sublinear, in at least 2 texts) and logistic regression, its C by
three-fold cross-validation within the training part; five-fold outer cross-validation, stratified, seed 0.
The accuracy of always naming the largest class stands beside it.

    python benchmarks/text_corpora.py --snippets FOLDER/hutto_ICWSM_2014 --fortunes FOLDER
"""

import argparse
import re
import statistics
from collections import Counter
from pathlib import Path

from common import arguments, write

UNTOPICAL = {"cookie", "miscellaneous", "fortunes", "zippy", "men-women", "ethnic", "translate-me"}
LEAST = 200


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
    """Each text once, cleaned; none that stands under several labels."""
    from fivefold.tasks.text.files import clean

    seen: dict[str, set[str]] = {}
    for text, label in pairs:
        seen.setdefault(clean(text)[0].strip(), set()).add(label)
    kept = [(text, next(iter(labels))) for text, labels in seen.items() if text and len(labels) == 1]
    return [text for text, _ in kept], [label for _, label in kept]


def baseline(texts: list[str], labels: list[str], folds: int) -> list[float]:
    """Accuracies of the linear model on the first of five outer folds."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    y = np.array(labels)
    found = []
    for train, test in list(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y))[:folds]:
        vectors = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        x = vectors.fit_transform([texts[i] for i in train])
        inner = StratifiedKFold(3, shuffle=True, random_state=1)
        models = [LogisticRegression(C=c, max_iter=500) for c in (1.0, 4.0, 16.0, 64.0)]
        best = max(models, key=lambda model: cross_val_score(model, x, y[train], cv=inner).mean())
        right = best.fit(x, y[train]).predict(vectors.transform([texts[i] for i in test])) == y[test]
        found.append(float(right.mean()))
        print(f"  C = {best.C:g}: {found[-1]:.3f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--snippets", type=Path, help="the unpacked folder hutto_ICWSM_2014")
    parser.add_argument("--fortunes", type=Path, help="where fortunes and fortunes-min are unpacked")
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6), help="outer folds that are run")
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
    rows = []
    for name, (texts, labels) in corpora.items():
        sizes = Counter(labels)
        words = statistics.median(len(text.split()) for text in texts)
        largest = max(sizes.values()) / len(texts)
        print(f"{name}: {len(texts):,} texts of {words:g} words, {len(sizes)} classes: {dict(sizes)}")
        accuracies = baseline(texts, labels, options.folds)
        mean = statistics.fmean(accuracies)
        print(f"  mean {mean:.3f}, largest class {largest:.3f}")
        rows.append(
            {
                "corpus": name,
                "texts": len(texts),
                "classes": len(sizes),
                "median_words": words,
                "largest_class": largest,
                "linear_accuracy": mean,
                "folds": len(accuracies),
            }
        )
    write("text_corpora", rows, threads=options.threads)


if __name__ == "__main__":
    main()
