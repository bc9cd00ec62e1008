"""``show`` as a function: the list, a concept on the screen, its page on the disk."""

import io
import json
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fivefold.cli import show as room
from fivefold.cli.lessons import CONCEPTS, MATHEMATICS, code
from fivefold.cli.show import show, write_page
from fivefold.core import ArgumentError

NAME = "matrix-products"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without their pictures: what is tested here is where they go."""
    monkeypatch.setattr("fivefold.report.lesson.lesson_page", lambda record: f"<p>{record['name']}</p>")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_list_groups_by_the_five_mathematics(capsys: pytest.CaptureFixture[str]) -> None:
    show(None)
    out, err = capsys.readouterr()
    heads = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert heads == [*MATHEMATICS, "See one: fivefold show gradient-descent"]
    for concept in CONCEPTS.values():
        assert f"  {concept.name} " in out
        assert concept.idea in " ".join(out.split())
    assert err == ""


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show(None, as_json=True)
    listed = json.loads(capsys.readouterr().out)["concepts"]
    assert [entry["name"] for entry in listed] == list(CONCEPTS)
    assert set(listed[0]) == {"name", "title", "mathematics", "idea"}


def test_the_list_folds_to_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    show(None)
    lines = sys.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 60


def test_the_list_loads_neither_torch_nor_matplotlib() -> None:
    probe = (
        "import sys\nfrom fivefold.cli.show import show\nshow(None)\n"
        "loaded = {'torch', 'matplotlib', 'scipy', 'sklearn', 'jinja2'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    path = str(Path(room.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, env={"PYTHONPATH": path}, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("quick")
def test_a_concept_prints_its_formula_and_plain_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(NAME, out=tmp_path / "page.html")
    out, err = capsys.readouterr()
    assert out.startswith("Matrix products (Linear algebra)\n")
    assert "(A B)ᵢⱼ = Σₖ Aᵢₖ Bₖⱼ" in out
    assert code(CONCEPTS[NAME]) in out
    assert "\x1b" not in out
    assert f"Page: {tmp_path / 'page.html'}" in err
    assert (tmp_path / "page.html").read_text() == f"<p>{NAME}</p>"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_it_declines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_colour: str, coloured: bool
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_colour)
    show(NAME, out=tmp_path / "page.html")
    assert ("\x1b[" in screen.getvalue()) == coloured
    assert "by_outer_products" in screen.getvalue()


@pytest.mark.usefixtures("quick")
def test_the_default_place_is_the_user_s_cache(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(NAME)
    page = cache / "fivefold" / "show" / f"{NAME}.html"
    assert page.is_file()
    assert f"Page: {page}" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_without_a_cache_a_temporary_directory_serves(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.write_text("a file where the directory should be")
    page = write_page(CONCEPTS[NAME], None)
    assert page.name == f"{NAME}.html"
    assert page.parent.name.startswith("fivefold-")
    page.unlink()
    page.parent.rmdir()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("platform", "variable", "part"),
    [("darwin", "HOME", "Library/Caches"), ("win32", "LOCALAPPDATA", "")],
)
def test_other_systems_have_their_own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, part: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert write_page(CONCEPTS[NAME], None) == tmp_path / part / "fivefold" / "show" / f"{NAME}.html"


@pytest.mark.usefixtures("quick")
def test_a_directory_takes_the_page_by_its_name(tmp_path: Path) -> None:
    assert write_page(CONCEPTS[NAME], tmp_path) == tmp_path / f"{NAME}.html"
    write_page(CONCEPTS[NAME], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.html"], "no drafts are left"


@pytest.mark.usefixtures("quick")
def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"directory that is there.*make it first"):
        show(NAME, out=tmp_path / "no" / "page.html")


@pytest.mark.usefixtures("quick")
def test_a_write_that_fails_leaves_the_old_page_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ArgumentError, match=r"No space left on device.*choose another place"):
        write_page(CONCEPTS[NAME], page)
    assert page.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.usefixtures("quick")
def test_json_writes_no_page_unless_asked(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(NAME, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["page"] is None
    assert not cache.exists()
    assert answer["formulas"][0].keys() == {"latex", "words"}
    assert answer["code"] == code(CONCEPTS[NAME])
    show(NAME, out=tmp_path / "page.html", as_json=True)
    assert json.loads(capsys.readouterr().out)["page"] == str(tmp_path / "page.html")


def test_an_unknown_concept_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="did you mean gradient-descent") as caught:
        show("gradient-decent", out=tmp_path / "page.html")
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"out": Path("page.html")}, {"open_page": True}])
def test_a_page_of_the_list_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match="the name of a concept beside --out and --open"):
        show(None, **options)  # type: ignore[arg-type]


class Browser:
    def __init__(self, works: bool = True) -> None:
        self.works, self.opened = works, [""]

    def open(self, address: str) -> bool:
        self.opened.append(address)
        return self.works


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("works", [True, False])
def test_open_asks_the_browser_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], works: bool
) -> None:
    browser = Browser(works)
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    show(NAME, out=tmp_path / "page.html", open_page=True)
    assert browser.opened[1:] == [(tmp_path / "page.html").as_uri()]
    assert ("no browser was found" in capsys.readouterr().err) == (not works)


@pytest.mark.usefixtures("quick")
def test_open_without_a_browser_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Browser:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    show(NAME, out=tmp_path / "page.html", open_page=True)
    assert "Not opened: no browser was found." in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_open_is_ignored_in_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = Browser()
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    show(NAME, out=tmp_path / "page.html", open_page=True)
    assert browser.opened == [""]
    assert "Not opened: this is not a terminal." in capsys.readouterr().err


def test_the_command_writes_a_true_page(tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("show", "bayes rule", "--out", str(tmp_path / "bayes.html"))
    assert result.exit_code == 0, result.output
    text = (tmp_path / "bayes.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<h1>Bayes&#39; rule</h1>" in text
