"""The command ``fit`` around a stand-in for the fit itself."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fivefold.artifact import load
from fivefold.cli.fit import choose_place, free_name, rest_early, shown
from fivefold.core import ArtifactError, DataError, NumericalError

from .conftest import FakeFit

Command = Callable[..., Result]


def test_it_saves_the_model_and_says_where(here: Path, fake_fit: FakeFit, command: Command) -> None:
    result = command("fit", "rows.csv", "--target", "y")
    assert result.exit_code == 0
    assert result.stdout == (
        "summary of y from rows\n\nmodel:   rows.fivefold\nreport:  rows.fivefold/report.html\n"
    )
    assert result.stderr.splitlines()[0] == "reading rows.csv"
    assert load(here / "rows.fivefold").config == {"number": 1.0}


def test_every_option_arrives(here: Path, fake_fit: FakeFit, command: Command) -> None:
    result = command(
        *("fit", "rows.csv", "-t", "y", "--budget", "5m", "--seed", "7", "--out", "deep/model"),
        *(
            "--group",
            "g",
            "--time",
            "d",
            "--weight",
            "w",
            "--exposure",
            "e",
            "--drop",
            'a,"b,c"',
            "--drop",
            "d",
        ),
        *("--types", "zip=category,a=b=Number", "--metric", "mae", "--query", "select * from data"),
        *("--order", 'low,"so, so",high'),
        *("--allow-trees", "--replay", "earlier", "--rows", "50,000"),
    )
    assert result.exit_code == 0
    ((data, options),) = fake_fit.calls
    assert data == "rows.csv"
    assert callable(options.pop("progress"))
    assert options == {
        "target": "y",
        "budget": "5m",
        "seed": 7,
        "group": "g",
        "time": "d",
        "weight": "w",
        "exposure": "e",
        "drop": ["a", "b,c", "d"],
        "types": {"zip": "category", "a=b": "number"},
        "order": ["low", "so, so", "high"],
        "metric": "mae",
        "query": "select * from data",
        "allow_trees": True,
        "rows": "50,000",
        "replay": Path("earlier"),
    }
    assert load(here / "deep" / "model").kind == "fivefold.table"


def test_several_files_arrive_as_a_list(here: Path, fake_fit: FakeFit, command: Command) -> None:
    (here / "more.csv").write_text("x,y\n")
    assert command("fit", "rows.csv", "more.csv", "-t", "y").exit_code == 0
    assert fake_fit.calls[0][0] == ["rows.csv", "more.csv"]


def test_json_is_one_object(here: Path, fake_fit: FakeFit, command: Command) -> None:
    result = command("fit", "rows.csv", "-t", "y", "--json", "--quiet")
    found = json.loads(result.stdout)
    assert found["record"]["title"] == "y from rows"
    assert Path(found["artifact"]) == here / "rows.fivefold"
    assert result.stderr == ""


def test_the_second_fit_takes_the_next_free_name(here: Path, fake_fit: FakeFit, command: Command) -> None:
    command("fit", "rows.csv", "-t", "y")
    result = command("fit", "rows.csv", "-t", "y")
    assert "report:  rows-2.fivefold/report.html" in result.stdout
    assert load(here / "rows.fivefold").config == {"number": 1.0}


def test_an_own_model_is_replaced_when_asked(here: Path, fake_fit: FakeFit, command: Command) -> None:
    command("fit", "rows.csv", "-t", "y")
    assert command("fit", "rows.csv", "-t", "y", "--overwrite").exit_code == 0
    assert load(here / "rows.fivefold").config == {"number": 2.0}
    result = command("fit", "rows.csv", "-t", "y", "--out", "rows.fivefold")
    assert result.exit_code == 4
    assert "choose another name or overwrite it" in result.stderr
    assert len(fake_fit.calls) == 2, "a fit that cannot be saved is not begun"


@pytest.mark.parametrize("extra", [[], ["--overwrite"]])
def test_what_is_not_a_model_is_never_replaced(
    here: Path, fake_fit: FakeFit, command: Command, extra: list[str]
) -> None:
    (here / "photos").mkdir()
    (here / "photos" / "a.jpg").write_text("precious")
    result = command("fit", "rows.csv", "-t", "y", "--out", "photos", *extra)
    assert result.exit_code == 4
    assert "nothing was changed" in result.stderr
    assert (here / "photos" / "a.jpg").read_text() == "precious"
    assert fake_fit.calls == []


def test_a_name_taken_during_the_fit_costs_no_work(here: Path, fake_fit: FakeFit, command: Command) -> None:
    fake_fit.before = lambda: (here / "model").write_text("somebody else")
    result = command("fit", "rows.csv", "-t", "y", "--out", "model")
    assert result.exit_code == 0
    assert "model was taken meanwhile; saving as model-2" in result.stderr
    assert (here / "model").read_text() == "somebody else"
    assert load(here / "model-2").config == {"number": 1.0}


def test_a_place_that_cannot_be_written(here: Path, fake_fit: FakeFit, command: Command) -> None:
    (here / "file").write_text("")
    result = command("fit", "rows.csv", "-t", "y", "--out", "file/model")
    assert result.exit_code == 4
    assert "a place to write" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit"], 2, "Missing argument"),
        (["fit", "rows.csv"], 2, "expected --target COLUMN"),
        (["fit", "rows.csv", "-t", "y", "--wat"], 2, "No such option"),
        (["fit", "rows.csv", "-t", "y", "--seed", "x"], 2, "--seed"),
        (["fit", "rows.csv", "-t", "y", "--budget", "soon"], 2, "a duration such as 60s"),
        (["fit", "rows.csv", "-t", "y", "--drop", "a,,b"], 2, "got an empty one"),
        (["fit", "rows.csv", "-t", "y", "--rows", "0"], 2, "expected a number of rows"),
        (["fit", "rows.csv", "-t", "y", "--types", "zip"], 2, "expected column=kind"),
        (["fit", "rows.csv", "-t", "y", "--types", "=category"], 2, "expected column=kind"),
        (["fit", "rows.csv", "-t", "y", "--types", "a=text,a=number"], 2, "each column once"),
        (["fit", "none.csv", "-t", "y"], 3, "no such file: 'none.csv'"),
        (["fit", "a\x1b[31m.csv", "-t", "y"], 3, "no such file"),
    ],
)
def test_arguments_that_do_not_fit(
    here: Path, fake_fit: FakeFit, command: Command, arguments: list[str], code: int, message: str
) -> None:
    result = command(*arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""
    assert "\x1b" not in result.stderr
    assert fake_fit.calls == []
    assert [path.name for path in here.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            DataError("a column named 'z\x1b[2J'", "x and y"),
            3,
            "error: expected a column named 'z⟨U+001B⟩[2J'",
        ),
        (NumericalError("a finite sum", "NaN"), 6, "error: expected a finite sum; got NaN"),
        (ArtifactError("a plan"), 4, "error: expected a plan"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "not enough memory"),
        (ModuleNotFoundError("no", name="duckdb"), 5, "the package duckdb is not installed"),
        (ModuleNotFoundError("no", name="fivefold.nowhere"), 1, "unexpected ModuleNotFoundError"),
        (PermissionError(13, "Permission denied", "a.csv"), 1, "a.csv: Permission denied"),
        (ZeroDivisionError("oops"), 1, "unexpected ZeroDivisionError: oops; run again with --debug"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_is_one_message_and_its_code(
    here: Path,
    fake_fit: FakeFit,
    command: Command,
    error: BaseException,
    code: int,
    message: str,
    debug: bool,
) -> None:
    def fail() -> None:
        raise error

    fake_fit.before = fail
    result = command("fit", "rows.csv", "-t", "y", *(["--debug"] if debug else []))
    assert result.exit_code == code
    assert message in result.stderr
    assert ("Traceback" in result.stderr) == (debug and code != 130)
    assert result.stdout == ""
    assert [path.name for path in here.iterdir()] == ["rows.csv"]


def test_the_environment_may_ask_for_tracebacks(
    here: Path, fake_fit: FakeFit, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_fit.before = lambda: 1 / 0  # type: ignore[assignment]
    monkeypatch.setenv("FIVEFOLD_DEBUG", "1")
    assert "Traceback" in command("fit", "rows.csv", "-t", "y").stderr
    monkeypatch.setenv("FIVEFOLD_DEBUG", "0")
    assert "Traceback" not in command("fit", "rows.csv", "-t", "y").stderr


def test_without_a_terminal_there_are_lines_but_no_bar(
    here: Path, fake_fit: FakeFit, command: Command
) -> None:
    result = command("fit", "rows.csv", "-t", "y")
    assert result.stderr == "reading rows.csv\nread 3 rows, 2 columns\n"


_STALLED = """
    import types, time
    def stalled(*arguments, **options):
        print("stalled", file=sys.stderr, flush=True)
        time.sleep(600)
    module = types.ModuleType("fivefold.tasks.fit")
    module.fit = stalled
    sys.modules[module.__name__] = module
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_and_leaves_nothing(
    here: Path, process: Callable[..., object], number: signal.Signals, code: int
) -> None:
    child = process(_STALLED, "fit", "rows.csv", "--target", "y")
    assert child.stderr.readline() == "reading rows.csv\n"  # type: ignore[attr-defined]
    assert child.stderr.readline() == "stalled\n"  # type: ignore[attr-defined]
    child.send_signal(number)  # type: ignore[attr-defined]
    out, err = child.communicate()  # type: ignore[attr-defined]
    assert child.returncode == code  # type: ignore[attr-defined]
    assert (out, "Traceback" in err) == ("", False)
    assert [path.name for path in here.iterdir()] == ["rows.csv"]


def test_the_first_line_comes_before_anything_heavy(here: Path, process: Callable[..., object]) -> None:
    """Whatever the fit imports, the first line is out by then."""
    prepare = """
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name in {"torch", "sklearn", "scipy", "duckdb", "fivefold.tasks"}:
                raise KeyboardInterrupt
    sys.meta_path.insert(0, Finder())
    """
    child = process(prepare, "fit", "rows.csv", "--target", "y")
    _, err = child.communicate()  # type: ignore[attr-defined]
    assert err.splitlines()[0] == "reading rows.csv"
    assert child.returncode == 130  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/house_prices.parquet", "house_prices.fivefold"),
        ("rows.csv.gz", "rows.fivefold"),
        (".hidden.csv", "hidden.fivefold"),
        ("data/*.csv", "model.fivefold"),
        ("part-*.csv", "part.fivefold"),
        ("a b;rm.csv", "a-b-rm.fivefold"),
        ("价格.csv", "价格.fivefold"),
        ("x" * 300 + ".csv", "x" * 100 + ".fivefold"),
    ],
)
def test_the_name_comes_from_the_data(here: Path, source: str, name: str) -> None:
    assert choose_place(source, None, False) == Path(name)


def test_free_names(here: Path) -> None:
    (here / "a.fivefold").mkdir()
    (here / "a-2.fivefold").symlink_to("nowhere")
    assert free_name(Path("a.fivefold")) == Path("a-3.fivefold")


def test_paths_are_shown_from_here_and_without_escapes(here: Path) -> None:
    assert shown(here / "a" / "b") == "a/b"
    assert shown(Path("/x\x1b[31m")) == "/x⟨U+001B⟩[31m"
    assert re.match(r"/", shown(Path("/etc")))


def test_the_report_names_the_command(here: Path, fake_fit: FakeFit, command: Command) -> None:
    arguments = ("rows.csv", "-t", "y", "--seed", "7", "--types", "zip=category", "--allow-trees")
    result = command("fit", *arguments, "--out", "deep", "--json")
    assert json.loads(result.stdout)["record"]["command"] == (
        "fivefold fit rows.csv --target y --seed 7 --types zip=category --allow-trees"
    )


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_waiting_threads_rest_early_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "7")
    rest_early()
    assert {k: os.environ.get(k) for k in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")} == {
        "OMP_WAIT_POLICY": None,
        "GOMP_SPINCOUNT": None,
    } | {name: "7"}
    monkeypatch.delenv(name)
    rest_early()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"
    monkeypatch.delenv("GOMP_SPINCOUNT")
