"""The package's face: light to import, complete, and the same for people, type checkers and Python."""

import ast
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import fivefold

# What only some verbs need; none may be loaded before one of those verbs is used.
HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "duckdb", "jinja2", "pandas", "pyarrow")

NAMES = sorted(set(fivefold.__all__) - {"__version__"})


def loaded_after(code: str) -> list[str]:
    """Which of the heavy packages a fresh interpreter has loaded after running the code."""
    probe = (
        f"import json, sys\n{code}\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import fivefold; dir(fivefold)") == []


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded_after("import jinja2") == ["jinja2"]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([name, "--help"] for name in ("fit", "predict", "report", "selftest"))],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
sys.argv = ["fivefold", *{arguments!r}]
from fivefold.cli.main import run
try:
    run()
except SystemExit as end:
    assert not end.code, end.code
"""
    assert loaded_after(code) == []


@pytest.mark.parametrize("room", ["core", "artifact"])
def test_rooms_that_prediction_needs_load_nothing_heavy(room: str) -> None:
    assert loaded_after(f"import fivefold.{room}") == []


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(fivefold, name) is not None
    assert name in dir(fivefold)


def test_public_names_stay_what_they_are_when_every_module_is_imported() -> None:
    """A room of the same name as a function would replace it in the package."""
    before = {name: getattr(fivefold, name) for name in NAMES}
    for module in pkgutil.walk_packages(fivefold.__path__, "fivefold."):
        if not module.name.endswith("__main__"):
            __import__(module.name)
    for name, value in before.items():
        assert getattr(fivefold, name) is value, name


def test_verbs_can_be_called() -> None:
    for name in ("fit", "load", "minimize", "train", "Classifier", "Regressor", "DataObjective", "Linear"):
        assert callable(getattr(fivefold, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'fivefold' has no attribute 'predcit'"):
        fivefold.predcit  # noqa: B018


def test_the_version_is_that_of_the_installed_package() -> None:
    assert fivefold.__version__.split("+")[0].replace(".", "").isalnum()


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(fivefold.__file__).with_suffix(".pyi").read_text())
    declared = {
        alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    declared |= {
        str(node.target.id)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert declared == set(fivefold.__all__)


def test_type_checkers_look_where_python_looks() -> None:
    tree = ast.parse(Path(fivefold.__file__).with_suffix(".pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                home = fivefold._HOME[alias.asname or alias.name]
                assert home in (f"{node.module}:{alias.name}", f"{node.module}.{alias.name}")
