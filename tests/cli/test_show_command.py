"""The command ``show`` around a stand-in for the pages."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import Result

from fivefold.core import ArgumentError


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, dict[str, object]]]:
    """What reaches the room that makes the pages."""
    found: list[tuple[str | None, dict[str, object]]] = []

    def show(concept: str | None, **options: object) -> None:
        found.append((concept, options))
        if concept == "gradeint":
            raise ArgumentError("a concept", "'gradeint'", "did you mean gradient-descent?")

    module = ModuleType("fivefold.cli.show")
    vars(module)["show"] = show
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return found


def test_every_option_arrives(
    calls: list[tuple[str | None, dict[str, object]]], command: Callable[..., Result]
) -> None:
    assert command("show").exit_code == 0
    assert command("show", "svd", "--out", "a.html", "--open", "--json").exit_code == 0
    assert calls == [
        (None, {"out": None, "open_page": False, "as_json": False}),
        ("svd", {"out": Path("a.html"), "open_page": True, "as_json": True}),
    ]


def test_an_unknown_concept_is_a_usage_error(
    calls: list[tuple[str | None, dict[str, object]]], command: Callable[..., Result]
) -> None:
    result = command("show", "gradeint")
    assert result.exit_code == 2
    assert "did you mean gradient-descent?" in result.stderr
