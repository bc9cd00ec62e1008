"""Every lesson keeps the same contract: a plain record, and a page that stands alone for every reader."""

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from fivefold.cli.lessons import CONCEPTS, MATHEMATICS, code, find, formulas, module, record, summary
from fivefold.core import ArgumentError

Record = Callable[[str], dict[str, Any]]
Page = Callable[[str], str]
every = pytest.mark.parametrize("name", CONCEPTS)


def figures(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *record["geometry"]["figures"],
        *record["vary"]["frames"],
        *(figure for failure in record["failures"] for figure in failure["figures"]),
    ]


@every
def test_the_record_is_plain_and_whole(name: str, lesson: Record) -> None:
    found = lesson(name)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["idea"].endswith(".")
    assert found["idea"].count(". ") == 0, "one sentence"
    assert found["mathematics"] in MATHEMATICS
    assert found["formulas"]
    assert all(formula["latex"] and formula["words"] for formula in found["formulas"])
    assert found["geometry"]["text"]
    assert found["calls"]
    assert found["code"] == code(CONCEPTS[name])
    assert all(entry["name"] in CONCEPTS and entry["name"] != name for entry in found["related"])


@every
def test_the_calls_that_it_names_exist(name: str, lesson: Record) -> None:
    for use in lesson(name)["calls"]:
        package, *parts = use["call"].split(".")
        value: Any = import_module(package)
        for part in parts:
            value = getattr(value, part)
        assert value is not None


@every
def test_one_quantity_varies_over_distinct_frames(name: str, lesson: Record) -> None:
    vary = lesson(name)["vary"]
    assert 6 <= len(vary["frames"]) <= 15
    assert 0 < vary["start"] < len(vary["frames"]), "there is something on either side"
    for part in ("value", "caption", "alt", "panels"):
        shown = [json.dumps(frame[part]) for frame in vary["frames"]]
        assert len(set(shown)) == len(shown), f"two frames with the same {part}"


@every
def test_it_shows_how_it_fails(name: str, lesson: Record) -> None:
    failures = lesson(name)["failures"]
    assert failures
    assert any(failure["figures"] for failure in failures)
    assert all(failure["title"] and failure["text"] for failure in failures)


@every
def test_axes_hold_their_data_still(name: str, lesson: Record) -> None:
    frames = lesson(name)["vary"]["frames"]
    for panels in zip(*(frame["panels"] for frame in frames), strict=True):
        for limits in ("xlim", "ylim"):
            assert len({str(panel.get(limits)) for panel in panels}) == 1, "the axes jump between frames"


@every
def test_the_page_is_small_and_needs_nothing_else(name: str, page: Page) -> None:
    text = page(name)
    assert len(text.encode()) < 1_500_000
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", text)
    assert "url(http" not in text
    assert "@import" not in text
    for address in re.findall(r"https?://[^\"' <]+", text):
        assert address.startswith("http://www.w3.org/"), address


@every
def test_only_the_page_s_own_script_may_run(name: str, page: Page) -> None:
    text = page(name)
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    policy = html.unescape(policy)
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"\son\w+\s*=", re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))


@every
def test_every_picture_has_its_text_and_its_own_ids(name: str, page: Page, lesson: Record) -> None:
    text = page(name)
    pictures = re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL)
    expected = sum(len(figure["panels"]) for figure in figures(lesson(name)))
    assert len(pictures) == expected + len(lesson(name)["formulas"])
    titles = [re.search(r"<title[^>]*>(.+?)</title>", picture) for picture in pictures]
    assert all(title and len(title[1]) > 1 for title in titles)
    for formula in lesson(name)["formulas"]:
        assert any(title and html.unescape(title[1]) == formula["latex"] for title in titles)
    ids = Counter(re.findall(r'\sid="([^"]+)"', text))
    assert [key for key, count in ids.items() if count > 1] == []
    for used in re.findall(r'(?:href="#|url\(#)([^")]+)', text):
        assert used in ids


@every
def test_without_scripts_every_frame_is_there(name: str, page: Page, lesson: Record) -> None:
    text = page(name)
    vary = lesson(name)["vary"]
    classes = re.findall(r'<figure class="(frame(?: on)?)"', text)
    assert classes == ["frame on" if i == vary["start"] else "frame" for i in range(len(vary["frames"]))]
    assert "<noscript>" in text
    # Only a class that the script itself sets hides a frame or shows the slider.
    style = text[text.index("<style>") : text.index("</style>")]
    for selector in re.findall(r"([^{}]*)\{display:none\}", style):
        if ".frame" in selector:
            assert ".js" in selector
    for frame in vary["frames"]:
        assert html.escape(frame["caption"], quote=False).replace("'", "&#39;") in text
    slider = re.search(r'<input id="slider" type="range" min="0" max="(\d+)" step="1" value="(\d+)"', text)
    assert slider is not None
    assert (int(slider[1]), int(slider[2])) == (len(vary["frames"]) - 1, vary["start"])


@every
def test_the_code_stands_there_escaped_and_whole(name: str, page: Page) -> None:
    block = re.search(r'<pre class="code"[^>]*><code>(.*?)</code></pre>', page(name), flags=re.DOTALL)
    assert block is not None
    assert "<script" not in block[1]
    assert html.unescape(re.sub(r"</?span[^>]*>", "", block[1])) == code(CONCEPTS[name])


@pytest.mark.parametrize("name", ["matrix-products", "bayes-rule"])
def test_the_same_record_gives_the_same_bytes(name: str, page: Page) -> None:
    from fivefold.report.lesson import lesson_page

    assert lesson_page(record(CONCEPTS[name])) == page(name)


def test_formulas_and_summary() -> None:
    concept = CONCEPTS["eigenvectors"]
    assert "A v = λ v" in summary(code(concept))
    assert formulas(concept)[0]["latex"] == r"A\, v = \lambda\, v"
    assert module(concept) == "eigenvectors"


@pytest.mark.parametrize("typed", ["least-squares", "Least Squares", "least_squares", "  LEAST  squares "])
def test_names_are_forgiving(typed: str) -> None:
    assert find(typed).name == "least-squares"


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("gradient-decent", "did you mean gradient-descent"),
        ("products", "vector-products"),
        ("bayes", "did you mean bayes-rule"),
        ("zzz", "`fivefold show` lists all"),
        ("", "`fivefold show` lists all"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(typed: str, advice: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        find(typed)
    assert advice in str(caught.value)
    assert repr(typed) in str(caught.value)
