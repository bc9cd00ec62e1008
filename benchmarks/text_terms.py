"""Terms of a manual, beside its own index: C-value, frequency, TF-IDF, contrast, and their product.

**Texts.** PostgreSQL's manual as HTML (PostgreSQL licence; Debian's package `postgresql-doc-15`, 15.20),
without program listings, tables, tables of contents, release notes, bibliography, list of acronyms, glossary
and index. The other field is Python's manual (PSF licence; Debian's `python3.11-doc`).

**Gold list.** The first-level entries of the manual's index that are words (no functions, commands,
parameters or programs, told by the pages they point to), and the entries of its glossary. An index is no
complete list of terms, so that precision is low for all; only the comparison says something. Entries are cut
into two halves by a checksum: the form of the score was chosen on half 0, and half 1 is what counts. In each
half the other half's entries are taken out of the ranking, neither right nor wrong.

**Methods.** All rank the same candidates. *frequency*; *TF-IDF* (f log(N / d)); *C-value* (Frantzi, Ananiadou
and Mima 2000, terms of several words alone) and with e = 1; *likelihood ratio* (Dunning 1993) and *log ratio*
against the other field; *product*, which is `extract_terms`; *product and network*, with the token vectors of
a text CNN trained to tell the two fields apart as features.

**Comparison.** Precision among the first 50, 100, 200 and 500, and average precision over the entries of the
half that occur twice or more. `results/text_terms.csv`.

    apt-get download postgresql-doc-15 python3.11-doc && dpkg -x … FOLDER
    python benchmarks/text_terms.py --corpus FOLDER/usr/share/doc/postgresql-doc-15/html \
        --reference FOLDER/usr/share/doc/python3.11/html
"""

import argparse
import html
import math
import re
import zlib
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from common import arguments, write

LEFT_OUT = {"bookindex.html", "glossary.html", "index.html", "biblio.html", "acronyms.html"}
DROPPED = {"script", "style", "pre", "code", "table", "head", "title"}
FRAMES = {"toc", "navheader", "navfooter", "sphinxsidebar", "related", "footer", "headerlink"}
EMPTY = {"br", "hr", "img", "meta", "link", "input", "col", "wbr"}
BLOCKS = {"p", "div", "dt", "dd", "li", "h1", "h2", "h3", "h4"}
CODE_PAGES = (
    "functions-|sql-|app|libpq|ecpg|catalog|view|spi|runtime-config|pg|reference|textsearch-functions|xml|"
    "tablefunc|intarray|ltree|hstore|cube|earth|fuzzy"
)
TERM = r"[A-Za-z][A-Za-z'-]+(?: [A-Za-z'-]+)*"


class Prose(HTMLParser):
    """The running text of a page, paragraphs apart; code is a full stop, which bounds what is around it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            names = (dict(attrs).get("class") or "").split()
            self.open.append((tag, tag in DROPPED or bool(FRAMES & set(names))))
        if tag in BLOCKS:
            self.found.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        while tag not in EMPTY and self.open and self.open.pop()[0] != tag:
            pass
        self.found.append("\n\n" if tag in BLOCKS else " . " if tag == "code" else "")

    def handle_data(self, data: str) -> None:
        if not any(dropped for _, dropped in self.open):
            self.found.append(data)


def prose(path: Path) -> str:
    parser = Prose()
    parser.feed(path.read_text(encoding="utf-8", errors="replace"))
    return re.sub(r"\n\s*\n\s*", "\n\n", "".join(parser.found)).strip()


def index_entries(folder: Path) -> Iterable[str]:
    """First-level entries of the index and of the glossary that are words."""
    level = 0
    page = (folder / "bookindex.html").read_text(encoding="utf-8")
    for match in re.finditer(r"<dl>|</dl>|<dt[^>]*>(.*?)</dt>", page, re.DOTALL):
        level += {"<dl>": 1, "</dl>": -1}.get(match[0], 0)
        if level != 1 or match[1] is None:
            continue
        term = plain(re.split(r",\s*<a|<a|\(see", match[1])[0]).rstrip(",")
        links = re.findall(r'href="([^"#]*)', match[1])
        code = bool(links) and all(re.match(CODE_PAGES, link) for link in links)
        command = term.isupper() and (" " in term or any(link.startswith("sql-") for link in links))
        if re.fullmatch(TERM, term) and not command and (" " in term or not code):
            yield term
    page = (folder / "glossary.html").read_text(encoding="utf-8")
    for match in re.finditer(
        r'<dt id="GLOSSARY-[^"]*"><span class="glossterm">(.*?)</span>', page, re.DOTALL
    ):
        term = plain(match[1]).split(" (")[0]
        if re.fullmatch(TERM, term):
            yield term


def plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", "", markup)).split())


def judged(scores: Mapping[Any, float], gold: set[Any], half: int) -> dict[str, float]:
    """Precision at four lengths and average precision of a ranking, on one half of the list."""

    def side(key: Any) -> int:
        return zlib.crc32(" ".join(key).encode()) % 2

    asked = {key for key in gold if key in scores and side(key) == half}
    ranked = sorted((key for key in scores if key not in gold or key in asked), key=lambda k: (-scores[k], k))
    hits, average, found = 0, 0.0, {}
    for place, key in enumerate(ranked, 1):
        if key in asked:
            hits += 1
            average += hits / place
        if place in {50, 100, 200, 500}:
            found[f"precision_{place}"] = hits / place
    return {"entries": len(asked), **found, "average_precision": average / len(asked)}


def network_features(field: list[str], others: list[str], vocabulary: list[str]) -> dict[str, Any]:
    """The token vectors of a text CNN that tells paragraphs of the field from others."""
    import numpy as np
    import torch

    from fivefold.networks import create_text

    numbers = {word: i for i, word in enumerate(vocabulary, 2)}
    pairs = [(part, label) for label, texts in enumerate((others, field)) for part in paragraphs(texts)]
    generator = torch.Generator().manual_seed(0)
    network = create_text(
        "text_cnn",
        classes=2,
        vocabulary=len(numbers) + 2,
        width=32,
        filters=32,
        windows=(1, 3),
        generator=generator,
    )
    optimizer = torch.optim.Adam(network.parameters(), 0.003)
    for epoch in range(2):
        order = np.random.default_rng(epoch).permutation(len(pairs))
        for start in range(0, len(order), 64):
            chosen = [pairs[i] for i in order[start : start + 64]]
            rows = [
                [numbers.get(word, 1) for word in re.findall(r"\w+", text.lower())[:80]] for text, _ in chosen
            ]
            lengths = torch.tensor([max(1, len(row)) for row in rows])
            tokens = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
            for row, found in zip(tokens, rows, strict=True):
                row[: len(found)] = torch.tensor(found, dtype=torch.int64)
            labels = torch.tensor([label for _, label in chosen])
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(tokens, lengths), labels).backward()
            optimizer.step()
    vectors = network.embedding.weight.detach().double().numpy()
    return {word: vectors[number] for word, number in numbers.items()}


def paragraphs(texts: list[str], most: int = 3000) -> list[str]:
    """Paragraphs of 20 words or more, at even distances."""
    found = [part for text in texts for part in text.split("\n\n") if len(part.split()) >= 20]
    return found[:: max(1, len(found) // most)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, default=None, help="folder of the manual's pages")
    parser.add_argument("--reference", type=Path, default=None, help="folder of the other field's pages")
    options = arguments(__doc__, parser)
    if options.corpus is None or options.reference is None:
        print("nothing was measured: name the manuals with --corpus and --reference")
        return
    from fivefold.tasks.text.terms.c_value import c_values
    from fivefold.tasks.text.terms.candidates import find_candidates, singular
    from fivefold.tasks.text.terms.termhood import centroid_similarity, log_likelihood_ratio, weirdness

    pages = sorted(path for path in options.corpus.glob("*.html") if path.name not in LEFT_OUT)
    field = [prose(path) for path in pages if not path.name.startswith("release")]
    skipped = ("genindex", "glossary", "search", "contents", "index", "changelog")
    others = [prose(p) for p in sorted(options.reference.rglob("*.html")) if not p.name.startswith(skipped)]
    found = find_candidates(field)
    counts, n = found.counts, found.words
    known = {word for key in counts for word in key}
    other = find_candidates(others, least=1, known=known)
    gold = set()
    for entry in index_entries(options.corpus):
        words = entry.lower().replace("-", " ").split()
        gold.add((*words[:-1], singular(words[-1], known)))
    occurring = sum(key in counts for key in gold)
    print(
        f"{len(field)} pages, {n:,} words, {len(counts):,} candidates; {len(gold)} entries, {occurring} occur"
    )

    def against(measure: Any) -> dict[Any, float]:
        return {key: measure(counts[key], n, other.counts.get(key, 0), other.words) for key in counts}

    single = c_values(counts, 1.0, found.apart)
    ratio = against(weirdness)
    product = {key: single[key] * max(0.0, ratio[key]) for key in counts}
    vocabulary = sorted(known, key=lambda word: (-counts.get((word,), 0), word))
    features = network_features(field, others, vocabulary)
    keys = list(counts)
    cosines = centroid_similarity(keys, [product[key] for key in keys], features)
    methods = {
        "frequency": dict(counts),
        "TF-IDF": {key: counts[key] * math.log(found.texts / found.documents[key]) for key in counts},
        "C-value": c_values(counts, apart=found.apart),
        "C-value, e = 1": single,
        "likelihood ratio": against(log_likelihood_ratio),
        "log ratio": ratio,
        "product": product,
        "product and network": {k: product[k] * (1 + c) / 2 for k, c in zip(keys, cosines, strict=True)},
    }
    rows = [
        {"method": name, "half": half, **judged(scores, gold, half)}
        for half in (0, 1)
        for name, scores in methods.items()
    ]
    for row in rows:
        print("  ".join(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    notes = {
        "texts": f"{len(field)} pages, {n} words; {len(others)} other pages, {other.words} words",
        "gold": f"{len(gold)} entries of index and glossary, of which {occurring} occur twice or more",
        "halves": "the score was chosen on half 0; half 1 counts",
    }
    write("text_terms", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
