"""docs/concepts.md: every row has a call, a page and a test that exist; every concept has a row."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from fivefold.cli.lessons import CONCEPTS, module

ROW = re.compile(r"^\| (?P<cells>.+) \|$")
COLUMNS = ("title", "mathematics", "call", "page", "test")


def rows(text: str) -> list[dict[str, str]]:
    """The table's rows below its head and rule."""
    found = [match["cells"] for line in text.splitlines() if (match := ROW.match(line))]
    return [
        dict(zip(COLUMNS, (cell.strip().strip("`") for cell in cells.split("|")), strict=True))
        for cells in found[1:]
    ]


def exists(name: str) -> bool:
    """Whether a dotted name can be imported and reached."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value: object = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            value = getattr(value, part, None)
        return value is not None
    return False


def problems(row: dict[str, str], repository: Path) -> list[str]:
    """What is wrong with a row; nothing, where all is well."""
    wrong = [f"no {column}" for column in COLUMNS if not row[column]]
    if row["call"] and not exists(row["call"]):
        wrong.append(f"no such call: {row['call']}")
    name = row["page"].removeprefix("fivefold show ")
    concept = CONCEPTS.get(name)
    if concept is None:
        wrong.append(f"no such page: {row['page']}")
    elif (concept.title, concept.mathematics) != (row["title"], row["mathematics"]):
        wrong.append(f"the lesson is called {concept.title} and belongs to {concept.mathematics}")
    file, _, function = row["test"].partition("::")
    path = repository / file
    if not file or not path.is_file():
        return [*wrong, f"no such test file: {file}"]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if function not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
        wrong.append(f"no such test: {row['test']}")
    if concept is not None and f"fivefold.concepts.{module(concept)}" not in path.read_text(encoding="utf-8"):
        wrong.append(f"{file} does not test the concept")
    return wrong


def test_every_row_holds(repository: Path) -> None:
    table = rows((repository / "docs" / "concepts.md").read_text(encoding="utf-8"))
    wrong = {row["title"]: found for row in table if (found := problems(row, repository))}
    assert not wrong
    assert [row["page"] for row in table] == [f"fivefold show {name}" for name in CONCEPTS]


def test_every_concept_file_has_a_lesson(repository: Path) -> None:
    files = {path.stem for path in (repository / "src/fivefold/concepts").glob("*.py")} - {"__init__"}
    assert files == {module(concept) for concept in CONCEPTS.values()}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"call": "fivefold.linalg.nothing"}, "no such call"),
        ({"call": "nowhere.at.all"}, "no such call"),
        ({"call": ""}, "no call"),
        ({"page": "fivefold show tvd"}, "no such page"),
        ({"title": "SVD"}, "the lesson is called"),
        ({"test": "tests/concepts/test_svd.py::test_that_is_not_there"}, "no such test"),
        ({"test": "tests/concepts/test_tvd.py::test_fast_path"}, "no such test file"),
        ({"test": "tests/concepts/test_pca.py::test_fast_path"}, "does not test the concept"),
        ({"test": ""}, "no test"),
    ],
)
def test_a_broken_row_is_seen(repository: Path, change: dict[str, str], complaint: str) -> None:
    good = {
        "title": "Singular value decomposition",
        "mathematics": "Linear algebra",
        "call": "fivefold.linalg.svd",
        "page": "fivefold show svd",
        "test": "tests/concepts/test_svd.py::test_fast_path",
    }
    assert problems(good, repository) == []
    assert any(complaint in found for found in problems(good | change, repository))


@pytest.mark.parametrize("name", CONCEPTS)
def test_the_code_is_short_and_documented(repository: Path, name: str) -> None:
    path = repository / "src/fivefold/concepts" / f"{module(CONCEPTS[name])}.py"
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    texts = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            texts |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    code = [
        line
        for number, line in enumerate(source.splitlines(), start=1)
        if number not in texts and line.strip() and not line.strip().startswith("#")
    ]
    assert len(code) <= 60
    assert len(source.splitlines()) <= 70
    documentation = ast.get_docstring(tree) or ""
    assert "\n    " in documentation, "the formula stands indented in the file's docstring"
    assert "\nSource: " in documentation
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert all(ast.get_docstring(function) for function in functions)
    assert sum(">>>" in (ast.get_docstring(function) or "") for function in functions) >= 2
