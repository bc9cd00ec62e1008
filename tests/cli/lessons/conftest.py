"""Each lesson's record and page, computed once."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from fivefold.cli.lessons import CONCEPTS, record
from fivefold.report.lesson import lesson_page


@pytest.fixture(scope="session")
def lesson() -> Callable[[str], dict[str, Any]]:
    return cache(lambda name: record(CONCEPTS[name]))


@pytest.fixture(scope="session")
def page(lesson: Callable[[str], dict[str, Any]]) -> Callable[[str], str]:
    return cache(lambda name: lesson_page(lesson(name)))


@pytest.fixture(scope="session")
def frames(lesson: Callable[[str], dict[str, Any]]) -> Callable[[str], list[dict[str, Any]]]:
    return lambda name: lesson(name)["vary"]["frames"]


@pytest.fixture(scope="session")
def layers() -> Callable[[dict[str, Any], int, str], list[dict[str, Any]]]:
    """The layers of one kind in a panel of a frame."""

    def pick(frame: dict[str, Any], panel: int, kind: str) -> list[dict[str, Any]]:
        return [layer for layer in frame["panels"][panel]["layers"] if layer["kind"] == kind]

    return pick
