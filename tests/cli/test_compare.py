"""The command ``compare`` on a small table, whole: page, table, JSON, refusals, its first line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Command = Callable[..., Result]
QUICK = ("--gradients", "15", "--budget", "20s")


@pytest.fixture
def rows(here: Path) -> str:
    lines = ["x,z,y"] + [f"{i / 7:.4f},{(i * i) % 11},{i / 7 + (i * 5) % 3:.4f}" for i in range(60)]
    (here / "small.csv").write_text("\n".join(lines))
    return "small.csv"


def test_the_page_and_the_table(here: Path, rows: str, command: Command) -> None:
    result = command("compare", rows, "--target", "y", "--methods", "adam,newton", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0].startswith("newton finds the minimum in")
    assert "* newton" in result.stdout
    assert result.stdout.splitlines()[-1] == "page:  comparison.html"
    page = (here / "comparison.html").read_text()
    assert "fivefold compare small.csv --target y --methods adam,newton" in page
    assert "<script" not in page
    assert result.stderr.splitlines()[0] == "reading small.csv"


def test_a_page_that_is_there_is_not_replaced(here: Path, rows: str, command: Command) -> None:
    (here / "comparison.html").write_text("mine")
    result = command("compare", rows, "-t", "y", "--methods", "newton", "-q", *QUICK)
    assert result.exit_code == 0
    assert (here / "comparison.html").read_text() == "mine"
    assert (here / "comparison-2.html").exists()
    assert result.stderr == ""


def test_json_for_machines(here: Path, rows: str, command: Command) -> None:
    result = command(
        "compare",
        rows,
        "-t",
        "y",
        "--methods",
        "newton,lbfgs",
        "--json",
        "--out",
        "p.html",
        "--drop",
        "z",
        *QUICK,
    )
    found = json.loads(result.stdout)
    assert found["page"] == "p.html"
    assert [m["name"] for m in found["record"]["problems"][0]["methods"]] != []
    assert dict(found["record"]["problems"][0]["facts"])["Parameters"] == "2"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--methods", "adan"), 2, "the nearest is 'adam'"),
        (("--budget", "soon"), 2, "a duration"),
        (("--gradients", "0"), 2, "positive number of gradients"),
        (("--model", "forest"), 2, "models among linear, network"),
        (("--rows", "few"), 2, "number of rows"),
        (("--target", "a,b"), 2, "one target"),
        (("--target", "price"), 3, "price"),
    ],
)
def test_refusals(
    here: Path, rows: str, command: Command, options: tuple[str, ...], code: int, said: str
) -> None:
    target = () if options[0] == "--target" else ("--target", "y")
    result = command("compare", rows, *target, *options)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr
    assert not (here / "comparison.html").exists()


def test_a_file_that_is_not_there(here: Path, command: Command) -> None:
    result = command("compare", "none.csv", "--target", "y")
    assert result.exit_code == 3
    assert "no such file" in result.stderr
