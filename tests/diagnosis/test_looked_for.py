"""Every code that a check can give is in exactly one question."""

import ast
from pathlib import Path

from fivefold.diagnosis.looked_for import LOOKED_FOR, questions


def codes(repository: Path) -> set[str]:
    """First arguments of ``Finding(...)`` in the checks of trainings that are plain texts."""
    room = repository / "src" / "fivefold" / "diagnosis"
    files = [*(room / "checks").glob("*.py"), room / "script" / "updates.py"]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_every_code_has_its_question(repository: Path) -> None:
    found = codes(repository)
    assert len(found) > 30
    for code in sorted(found):
        asked = [question for question, families in LOOKED_FOR if code.startswith(families)]
        assert len(asked) == 1, f"{code} is in {len(asked)} questions"


def test_plain_form() -> None:
    made = questions()
    assert len(made) == len(LOOKED_FOR)
    assert all(str(each["question"]).endswith("?") and each["codes"] for each in made)
