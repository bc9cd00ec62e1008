"""The page: complete, safe, accessible, small, the same each time, and never broken by its record."""

import copy
import random
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fivefold.report import page as page_module
from fivefold.report.page import render, write

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Reader(HTMLParser):
    """Checks that elements nest and collects what the tests ask about."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open[-1] == tag, (self.open[-3:], tag)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def harmless(reader: Reader) -> None:
    """No element that runs or loads, no handler, no address but those inside the page."""
    names = {name for name, _ in reader.tags}
    assert not names & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "image",
        "foreignobject",
        "a:b",
    }
    for _, attributes in reader.tags:
        assert not any(key.lower().startswith("on") for key in attributes)
        for key in ("href", "xlink:href", "src", "action"):
            assert (attributes.get(key) or "#").startswith("#")


def test_the_questions_come_in_order(regression_record: dict[str, Any]) -> None:
    page = render(regression_record)
    headings = re.findall(r"<h2 id=\"h-\w+\">([^<]*)</h2>", page)
    assert headings == [
        "How good is it on unseen rows?",
        "Which certificates hold?",
        "Which methods were considered?",
        "What do the data look like?",
        "What drives the prediction?",
        "What could go wrong?",
        "How to reproduce this",
    ]
    top = page[: page.index("<main")]
    assert top.count('<dd class="value">') == 3
    assert "later sales may be predicted worse" in top


@pytest.mark.parametrize("kind", ["regression_record", "classification_record"])
def test_it_is_accessible(kind: str, request: pytest.FixtureRequest) -> None:
    reader = read(render(request.getfixturevalue(kind)))
    harmless(reader)
    assert reader.all("html")[0]["lang"] == "en"
    assert [name for name, _ in reader.tags].count("h1") == 1
    levels = [int(name[1]) for name, _ in reader.tags if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in reader.all("a"):
        assert (attributes["href"] or "")[1:] in ids
    assert reader.all("a")[0]["class"] == "skip"
    assert all("scope" in attributes for attributes in reader.all("th"))
    assert len(reader.all("caption")) == len(reader.all("table"))
    for attributes in reader.all("svg"):
        assert attributes["role"] == "img"
        assert attributes.get("aria-label") or set((attributes["aria-labelledby"] or "").split()) <= set(ids)
    for _, attributes in reader.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_how_a_network_was_trained_stands_with_the_method(regression_record: dict[str, Any]) -> None:
    text = "".join(read(render(regression_record)).text)
    assert "Trained by AdamW with a peak rate of 0.003, 24 epochs." in text


def test_it_loads_and_runs_nothing(regression_record: dict[str, Any]) -> None:
    page = render(regression_record)
    policy = [
        a["content"] for a in read(page).all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert "<script" not in page
    assert "@import" not in page
    assert "url(http" not in page
    assert page.index("Content-Security-Policy") < page.index("<style")


def test_the_same_record_gives_the_same_bytes(regression_record: dict[str, Any]) -> None:
    assert render(regression_record) == render(copy.deepcopy(regression_record))


EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</svg></title><b>",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}{2}$",
    "a\x00b\x1bc\u202ed\ud800",
    "javascript:alert(1)",
    "<!-- ]]> -->",
    "x" * 10_000,
]


def poison(value: Any, evil: str, path: str = "") -> Any:
    """Put a text at the place of every text in a record, keys included where they are free."""
    if isinstance(value, str):
        fixed = {"role", "verdict", "holds", "task"}
        return value if path in fixed else evil
    if isinstance(value, dict):
        poisoned = {key: poison(item, evil, key) for key, item in value.items()}
        if path in {"environment", "plan"}:
            poisoned |= {evil: evil}
        if path == "metrics":
            poisoned = {evil: next(iter(poisoned.values()))}
        return poisoned
    if isinstance(value, list):
        return [poison(item, evil, path) for item in value]
    return value


@pytest.fixture(scope="module")
def calm(regression_source: dict[str, Any], classification_source: dict[str, Any]) -> list[list[str]]:
    """The elements of both pages when every text is a harmless word."""
    return [
        [name for name, _ in read(render(poison(record, "word"))).tags]
        for record in (regression_source, classification_source)
    ]


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_every_text_is_escaped(
    evil: str, calm: list[list[str]], regression_record: dict[str, Any], classification_record: dict[str, Any]
) -> None:
    # The small page for each text, the large one for every third.
    which = EVIL.index(evil) % 3 != 0
    page = render(poison(classification_record if which else regression_record, evil))
    page.encode()
    reader = read(page)
    harmless(reader)
    assert [name for name, _ in reader.tags] == calm[which]
    assert len(page) < 3_000_000
    for hidden in "\x00\x1b\u202e\ud800":
        assert hidden not in page


def test_a_template_expression_in_a_name_is_a_text() -> None:
    page = render({"data": {"target": "{{ 7 * 7 }}"}})
    assert "target <bdi>{{ 7 * 7 }}</bdi>" in page


def test_dollars_stay_dollars_inside_pictures(regression_record: dict[str, Any]) -> None:
    regression_record["drivers"][0]["name"] = "$x^2$"
    page = render(regression_record)
    assert re.search(r"<text[^>]*>\$x\^2\$</text>", page)


def big_record(record: dict[str, Any]) -> dict[str, Any]:
    """200 columns, 2,000 groups, and long lists everywhere."""
    column = record["table"]["columns"][0]
    driver = next(d for d in record["drivers"] if d["curve"])
    record["table"]["columns"] = [column | {"name": f"column {i} " + "y" * 300} for i in range(200)]
    record["table"]["spectrum"] = [200.0 - i for i in range(200)]
    record["drivers"] = [driver | {"name": f"column {i}"} for i in range(200)]
    record["intervals"]["by_group"] = [
        {"group": f"group {i}", "rows": 5 + i % 90, "coverage": 0.8 + 0.2 * (i % 7) / 7, "median_width": 3.0}
        for i in range(2000)
    ]
    for key in ("certificates", "candidates", "risks"):
        record[key] = record[key] * 100
    record["warnings"] = record["warnings"] * 50
    record["plan"] = {f"step {i}": "z" * 1000 for i in range(2000)}
    record["environment"] = {f"package {i}": "1" for i in range(1000)}
    return record


def test_a_large_record_gives_a_small_page(regression_record: dict[str, Any]) -> None:
    page = render(big_record(regression_record))
    assert len(page.encode()) < 3_000_000
    reader = read(page)
    text = " ".join("".join(reader.text).split())
    assert "and 1,960 more groups" in text
    assert "Coverage of each zipcode (2,000)" in text
    assert "and 140 more columns" in text
    assert "and 340 more certificates" in text
    assert "and 660 more methods" in text
    assert "and 88 more" in text
    assert "more characters" in text


def test_an_empty_record_is_a_page_of_sentences() -> None:
    for record in ({}, None, {"version": 1, "test": None, "table": {}, "drivers": []}):
        reader = read(render(record))  # type: ignore[arg-type]
        text = " ".join("".join(reader.text).split())
        for sentence in (
            "This record of a fit holds no finding.",
            "The record holds no scores on unseen rows.",
            "No certificate was issued for this fit.",
            "The record does not say which methods were considered.",
            "The record does not describe the data.",
            "What drives the prediction was not measured.",
            "No risks were recorded.",
            "The command was not recorded.",
        ):
            assert sentence in text


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a record; of a list only the first and the last item."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1}) if value else ():
            found += places(value[index], (*path, index))
    return found


WRONG = [
    None,
    [],
    {},
    "text",
    0,
    -1,
    True,
    float("nan"),
    float("inf"),
    10**400,
    [[None]],
    [{}],
    {"a": {}},
    1e308,
]


@pytest.mark.parametrize("seed", range(16))
def test_a_broken_part_never_breaks_the_page(
    seed: int, regression_record: dict[str, Any], classification_record: dict[str, Any]
) -> None:
    draw = random.Random(seed)
    record = (regression_record, classification_record)[seed % 2]
    for _ in range(12):
        path = draw.choice(places(record))
        place = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = copy.deepcopy(draw.choice(WRONG))
    page = render(record)
    page.encode()
    harmless(read(page))
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    page_module.render_text(record).encode()


def test_numbers_that_are_not_finite_are_dashes(regression_record: dict[str, Any]) -> None:
    regression_record["test"]["scores"][0]["metrics"]["RMSE"]["value"] = float("nan")
    regression_record["table"]["columns"][0]["distinct"] = float("inf")
    page = render(regression_record)
    assert "– (not a number)" in page
    assert "– (infinite)" in page


def test_a_plan_that_is_no_json_is_said() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    assert "The plan cannot be written as JSON." in render({"plan": loop})


def test_write(tmp_path: Path, regression_record: dict[str, Any]) -> None:
    place = write(regression_record, tmp_path / "report.html")
    assert place.read_bytes() == render(regression_record).encode()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "report.html"
    place.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write({}, place)
    assert place.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write({}, tmp_path / "none" / "report.html")
