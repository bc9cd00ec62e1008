"""Where a repair is looked for, and what is kept of it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure
from fivefold.diagnosis.trial.repair import Repair, proposals

Found = Callable[..., Finding]


def widen(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put 9 for each 1, then spoil the text, then change nothing, then the first again."""
    ones = [n for n in code.nodes if code.source(n) == "1"]
    if not ones:
        raise Unsure(f"no 1 in {code.path}")
    good = Repair("nine", tuple(code.replace(n, "9") for n in ones))
    return [good, Repair("broken", (Edit(0, 0, "("),)), Repair("none", ()), good]


def test_broken_empty_and_repeated_versions_are_left_out(found: Found) -> None:
    made = proposals(widen, found(), {"t.py": "x = 1\n"})
    assert [(p.what, p.texts["t.py"]) for p in made] == [("nine", "x = 9\n")]


def test_the_file_that_the_finding_points_at_comes_first(found: Found, tmp_path: Path) -> None:
    texts = {"train.py": "x = 1\n", "net.py": "y = 1\n"}
    assert proposals(widen, found(), texts)[0].texts["train.py"] == "x = 9\n"
    here = found(line=1)
    at = Finding(**{**vars(here), "place": type(here.place)(str(tmp_path / "net.py"), 1)})
    made = proposals(widen, at, texts, home=tmp_path)
    assert made[0].texts == {"train.py": "x = 1\n", "net.py": "y = 9\n"}


def test_the_reason_is_that_of_the_first_file(found: Found) -> None:
    with pytest.raises(Unsure, match=r"no 1 in a\.py"):
        proposals(widen, found(), {"a.py": "x = 2\n", "b.py": "x = 3\n"})
    with pytest.raises(Unsure, match="no line of the script"):
        proposals(lambda code, finding: [], found(), {"a.py": "x = 2\n"})
