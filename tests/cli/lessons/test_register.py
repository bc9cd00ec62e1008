"""The register: names that can be typed, ideas that fit a line, and an import that costs nothing."""

import re
import subprocess
import sys

import pytest

from fivefold.cli.lessons.register import CONCEPTS, MATHEMATICS


def test_it_is_grouped_by_the_five_mathematics() -> None:
    order = [MATHEMATICS.index(concept.mathematics) for concept in CONCEPTS.values()]
    assert order == sorted(order)
    assert set(order) == set(range(5))


@pytest.mark.parametrize("name", CONCEPTS)
def test_names_and_ideas(name: str) -> None:
    concept = CONCEPTS[name]
    assert concept.name == name
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert len({each.title for each in CONCEPTS.values()}) == len(CONCEPTS)
    assert 30 < len(concept.idea) <= 110
    assert concept.idea.endswith(".")


def test_it_loads_neither_torch_nor_matplotlib() -> None:
    code = "import fivefold.cli.lessons.register, sys; print({'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
