"""Explain a concept: list them all, or print one's formula and code and write its page."""

import json
import os
import sys
import tempfile
from pathlib import Path

from fivefold.cli.lessons import CONCEPTS, MATHEMATICS, Concept, code, find, formulas, record, summary
from fivefold.cli.terminal import is_interactive, may_colour, say
from fivefold.cli.terminal import out as answer
from fivefold.core import ArgumentError, require
from fivefold.core.whole_file import write_whole


def show(
    concept: str | None, out: Path | None = None, open_page: bool = False, as_json: bool = False
) -> None:
    """List the concepts, or print one's formula and code and write its page.

    Args:
        concept: Its name, as in the list; ``None`` lists them by the five mathematics.
        out: File of the page, or a directory for it; by default a file in the user's cache.
        open_page: Open the page, where a terminal and a browser are there.
        as_json: Print one JSON object instead. The page is then written only where ``out`` is given or it
            shall be opened.

    Raises:
        ArgumentError: No such concept, or the page cannot be written there.

    >>> show("svd", as_json=True)  # doctest: +ELLIPSIS
    {
      "name": "svd",
      "title": "Singular value decomposition",
    ...
    """
    if concept is None:
        require(
            out is None and not open_page, "the name of a concept beside --out and --open", "none", "name one"
        )
        _list(as_json)
        return
    found = find(concept)
    if not as_json:
        _print(found)
    page = None
    if not as_json or out is not None or open_page:
        page = write_page(found, out)
    if as_json:
        _print_json(found, page)
    if page is not None:
        say(f"Page: {page}")
        if open_page:
            _open(page)


def write_page(concept: Concept, out: Path | None) -> Path:
    """Compute a lesson, render it and write it in one move, so that no half page is ever there.

    Args:
        concept: Which one.
        out: File or existing directory; ``None`` is the user's cache, or a new temporary directory where
            that cannot be written.

    Returns:
        The file.

    Raises:
        ArgumentError: The directory is not there or cannot be written.
    """
    from fivefold.report.lesson import lesson_page

    target = _default_directory() / f"{concept.name}.html" if out is None else out.expanduser()
    if target.is_dir():
        target = target / f"{concept.name}.html"
    require(target.parent.is_dir(), "--out in a directory that is there", target.parent, "make it first")
    text = lesson_page(record(concept))
    try:
        write_whole(target, text.encode())
    except OSError as error:
        raise ArgumentError(
            "--out where a file can be written", f"{target}: {error.strerror}", "choose another place"
        ) from error
    return target.absolute()


def _list(as_json: bool) -> None:
    if as_json:
        concepts = [concept._asdict() for concept in CONCEPTS.values()]
        answer(json.dumps({"concepts": concepts}, indent=2))
        return
    width = max(map(len, CONCEPTS))
    lines = []
    for mathematics in MATHEMATICS:
        lines.append(mathematics)
        for concept in CONCEPTS.values():
            if concept.mathematics == mathematics:
                lines += _folded(f"  {concept.name:<{width}}  ", concept.idea)
        lines.append("")
    answer("\n".join([*lines, "See one: fivefold show gradient-descent"]))


def _folded(head: str, words: str) -> list[str]:
    """Hang the words beside the head, folded to the terminal; one line where nobody looks."""
    import shutil
    import textwrap

    if not is_interactive(sys.stdout):
        return [head + words]
    columns = max(shutil.get_terminal_size().columns, len(head) + 20)
    return textwrap.wrap(words, columns, initial_indent=head, subsequent_indent=" " * len(head))


def _print(concept: Concept) -> None:
    source = code(concept)
    answer(f"{concept.title} ({concept.mathematics})\n{concept.idea}\n\n{summary(source)}\n")
    if may_colour(sys.stdout):
        from rich.console import Console
        from rich.syntax import Syntax

        Console().print(
            Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True)
        )
    else:
        answer(source)


def _print_json(concept: Concept, page: Path | None) -> None:
    result = {
        **concept._asdict(),
        "formulas": formulas(concept),
        "code": code(concept),
        "page": None if page is None else str(page),
    }
    answer(json.dumps(result, indent=2))


def _open(page: Path) -> None:
    import webbrowser

    if not is_interactive(sys.stdout):
        say("Not opened: this is not a terminal.")
        return
    try:
        opened = webbrowser.get().open(page.as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        say("Not opened: no browser was found.")


def _default_directory() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    directory = Path(base).expanduser() / "fivefold" / "show"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            return directory
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="fivefold-"))
