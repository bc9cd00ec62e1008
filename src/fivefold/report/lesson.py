"""The page of a lesson: a concept's formula, geometry, one quantity to vary, how it fails, and its code."""

import base64
import hashlib
import io
import keyword
import tokenize
from collections.abc import Mapping
from typing import Any

from fivefold.report.lesson_figure import formula_svg, panel_svg
from fivefold.report.theme import stylesheet

_SCRIPT = """
document.documentElement.classList.add("js");
document.addEventListener("DOMContentLoaded", function () {
  var slider = document.getElementById("slider"), value = document.getElementById("value");
  var frames = Array.prototype.slice.call(document.querySelectorAll(".frame"));
  function show(index) {
    frames.forEach(function (frame, i) { frame.classList.toggle("on", i === index); });
    slider.value = index;
    value.textContent = frames[index].getAttribute("data-value");
    slider.setAttribute("aria-valuetext", value.textContent);
  }
  function follow() {
    var wanted = /^#frame-([0-9]+)$/.exec(location.hash);
    if (wanted && Number(wanted[1]) < frames.length) { show(Number(wanted[1])); }
  }
  slider.addEventListener("input", function () { show(Number(slider.value)); });
  addEventListener("hashchange", follow);
  show(Number(slider.getAttribute("data-start")));
  follow();
});
"""
"""All that runs in a page. Its hash stands in the page's content security policy; nothing else may run."""


def lesson_page(record: Mapping[str, Any]) -> str:
    """Render the plain record of a lesson as one HTML file that needs nothing else.

    A slider moves through frames that were computed beforehand. Without scripts, and on paper, all frames
    stand side by side. Every value of the record is escaped.

    Args:
        record: ``name``, ``title``, ``mathematics``, ``idea``, ``formulas`` (``latex``, ``words``),
            ``geometry`` (``text``, ``figures``), ``vary`` (``label``, ``text``, ``start``, ``frames`` with
            ``value``, ``caption``, ``alt`` and ``panels``), ``failures`` (``title``, ``text``, ``figures``),
            ``code``, ``path``, ``calls`` (``call``, ``text``) and ``related`` (``name``, ``title``, ``why``).
            A figure has ``alt``, ``caption`` and ``panels``; panels are drawn by :func:`panel_svg`.

    Returns:
        The page; the same record gives the same text.

    Raises:
        KeyError: A part of the record is missing.
        ValueError: A formula cannot be read.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("fivefold.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def drawn(figure: Mapping[str, Any], key: str) -> list[Markup]:
        """Pictures come from our own writer, which escapes: they are the only markup that passes."""
        panels = figure["panels"]
        parts = [
            f" (picture {i} of {len(panels)})" if len(panels) > 1 else "" for i in range(1, len(panels) + 1)
        ]
        titles = [f"{panel['title']}. " if panel.get("title") else "" for panel in panels]
        return [
            Markup(panel_svg(panel, f"{key}-{i}", f"{title}{figure['alt']}{part}"))  # noqa: S704
            for i, (panel, title, part) in enumerate(zip(panels, titles, parts, strict=True))
        ]

    def set_formula(latex: str, key: str) -> Markup:
        return Markup(formula_svg(latex, key))  # noqa: S704

    return environment.get_template("lesson.html").render(
        lesson=record,
        drawn=drawn,
        set_formula=set_formula,
        code=highlight(record["code"]),
        style=Markup(stylesheet()),  # noqa: S704
        script=Markup(_SCRIPT),  # noqa: S704
        policy=content_security_policy(),
    )


def content_security_policy() -> str:
    """Allow the page's own styles, its embedded pictures and its one script; nothing else, and no network.

    >>> content_security_policy().split("; ")[0]
    "default-src 'none'"
    """
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


def highlight(code: str) -> list[tuple[str, str]]:
    r"""Split Python code into pairs: ``k`` keyword, ``s`` text, ``c`` comment, ``n`` a name defined here.

    Args:
        code: Python source that can be tokenized.

    Returns:
        Pairs whose texts joined are the code; the class is empty for everything else.

    Raises:
        tokenize.TokenError: The code ends inside brackets or a text.

    >>> highlight("def f(): # it\n    return 1\n")[:4]
    [('k', 'def'), ('', ' '), ('n', 'f'), ('', '(): ')]
    """
    lines = code.splitlines(keepends=True) or [""]
    pieces: list[tuple[str, str]] = []
    row, column, previous = 1, 0, ""

    def until(to_row: int, to_column: int) -> str:
        if to_row == row:
            return lines[row - 1][column:to_column]
        middle = lines[row : to_row - 1]
        last = lines[to_row - 1][:to_column] if to_row <= len(lines) else ""
        return "".join([lines[row - 1][column:], *middle, last])

    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = ""
        if token.type == tokenize.COMMENT:
            kind = "c"
        elif token.type == tokenize.STRING:
            kind = "s"
        elif token.type == tokenize.NAME:
            kind = "k" if keyword.iskeyword(token.string) else "n" if previous in {"def", "class"} else ""
            previous = token.string
        if kind:
            pieces.append(("", until(*token.start)))
            pieces.append((kind, token.string))
            row, column = token.end
    pieces.append(("", until(len(lines) + 1, 0)))
    return [(kind, text) for kind, text in pieces if text]
