"""How templates are filled: everything escaped, nothing undefined, plain texts cleaned once more."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fivefold.report.text import clean


def environment() -> Environment:
    r"""Return what fills the templates of pages.

    A plain text is cleaned on its way into the page, whatever the template forgot, and then escaped; code of
    several lines is given as ``{{ text|e }}``, which escapes and keeps its lines.

    >>> environment().from_string("{{ x }}").render(x="<b>\u202e")
    '&lt;b&gt;⟨U+202E⟩'
    """
    return Environment(
        loader=PackageLoader("fivefold.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _harmless(value: Any) -> Any:
    return clean(value, 4_000) if type(value) is str else value
