"""Templates: what they forget is done for them."""

import pytest
from jinja2 import UndefinedError

from fivefold.report.template import environment


def test_a_template_that_forgets_to_clean_is_still_safe() -> None:
    made = environment().from_string("{{ x }}").render(x="<b>\u202e\x00")
    assert made == "&lt;b&gt;⟨U+202E⟩⟨U+0000⟩"


def test_code_keeps_its_lines_where_it_says_so() -> None:
    made = environment().from_string("{{ x }}|{{ x|e }}").render(x="if a < b:\n    c")
    assert made == "if a &lt; b: c|if a &lt; b:\n    c"


def test_what_is_undefined_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()


def test_pages_of_results_share_their_head() -> None:
    made = environment()
    texts = {}
    for page in ("compare.html", "diagnosis.html", "fit.html"):
        text, _, _ = made.loader.get_source(made, page)
        assert text.startswith('{% extends "base.html" %}')
        assert "<head>" not in text
        assert "<header" not in text
        texts[page] = made.get_template(page)
    needed = {"kicker", "results"}
    assert all(needed <= set(template.blocks) for template in texts.values())
