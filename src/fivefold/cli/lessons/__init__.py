"""The lessons of ``fivefold show``: a closed register, and each lesson's record computed when asked for.

Reading the register imports neither torch nor matplotlib, so that the list comes at once.
"""

import ast
from importlib import import_module
from importlib.resources import files
from typing import Any

from fivefold.cli.lessons.register import CONCEPTS as CONCEPTS
from fivefold.cli.lessons.register import MATHEMATICS as MATHEMATICS
from fivefold.cli.lessons.register import Concept as Concept
from fivefold.core import ArgumentError


def find(name: str) -> Concept:
    """Look a concept up by its name; case, spaces and underscores do not matter.

    Args:
        name: What the user typed.

    Returns:
        The concept.

    Raises:
        ArgumentError: There is none of this name; the nearest ones are named.

    >>> find("Gradient descent").name
    'gradient-descent'
    """
    wanted = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if wanted in CONCEPTS:
        return CONCEPTS[wanted]
    raise ArgumentError("the name of a concept", repr(name), _advice(wanted))


def module(concept: Concept) -> str:
    """Return the last part of the concept's two module names.

    >>> module(CONCEPTS["least-squares"])
    'least_squares'
    """
    return concept.name.replace("-", "_")


def code(concept: Concept) -> str:
    """Return the source of the concept's implementation, as it runs."""
    return files("fivefold.concepts").joinpath(f"{module(concept)}.py").read_text(encoding="utf-8")


def summary(source: str) -> str:
    """Return the formulas of an implementation's docstring: its indented lines, as they stand.

    >>> print(summary(code(CONCEPTS["gradient-descent"])))
        wₜ₊₁ = wₜ − η ∇F(wₜ)
    """
    documentation = ast.get_docstring(ast.parse(source), clean=True) or ""
    return "\n".join(line for line in documentation.splitlines() if line.startswith("    "))


def formulas(concept: Concept) -> list[dict[str, str]]:
    """Return the concept's formulas: ``latex`` and, in ``words``, what they say."""
    lesson = import_module(f"fivefold.cli.lessons.{module(concept)}")
    return [dict(zip(("latex", "words"), pair, strict=True)) for pair in lesson.FORMULAS]


def record(concept: Concept) -> dict[str, Any]:
    """Compute everything on a lesson's page, as plain numbers, texts and lists.

    Args:
        concept: One of :data:`CONCEPTS`.

    Returns:
        The record that :func:`fivefold.report.lesson.lesson_page` renders.
    """
    lesson = import_module(f"fivefold.cli.lessons.{module(concept)}")
    return {
        "version": 1,
        "name": concept.name,
        "title": concept.title,
        "mathematics": concept.mathematics,
        "idea": concept.idea,
        "formulas": formulas(concept),
        "geometry": lesson.geometry(),
        "vary": lesson.vary(),
        "failures": lesson.failures(),
        "code": code(concept),
        "path": f"fivefold/concepts/{module(concept)}.py",
        "calls": [{"call": call, "text": text} for call, text in lesson.CALLS],
        "related": [
            {"name": name, "title": CONCEPTS[name].title, "why": why} for name, why in lesson.RELATED
        ],
    }


def _advice(wanted: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(wanted, CONCEPTS, n=3, cutoff=0.45)
    near += [name for name in CONCEPTS if wanted and wanted in name and name not in near]
    if near:
        return f"did you mean {' or '.join(near)}? `fivefold show` lists all"
    return "`fivefold show` lists all"
