"""The house holds: floors, imports, names, mirrored tests and what the source never calls.

Everything that can be read is read from the syntax trees, function-level and type-checking imports included;
what only a running interpreter can tell is asked of a fresh one.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "fivefold"

FLOORS = {
    "core": 0,
    "concepts": 0,
    "linalg": 1,
    "probability": 1,
    "networks": 1,
    "report": 1,
    "artifact": 1,
    "calculus": 2,
    "objective": 3,
    "optimize": 4,
    "inference": 5,
    "theory": 6,
    "diagnosis": 7,
    "tasks": 8,
    "cli": 9,
}

OPERATORS = ("linalg/test_contract.py", "one suite runs on every operator against its dense form")
ARCHITECTURE = ("networks/test_registry.py", "one suite runs on every registered architecture")
READING = ("artifact/test_read.py", "a damaged or hostile folder goes through all of reading")
WRITING = ("artifact/test_write.py", "what is written is read back, and faults are injected at every step")

NO_TEST_OF_ITS_OWN: dict[str, tuple[str, str]] = {
    "networks/architectures/alexnet.py": ARCHITECTURE,
    "networks/architectures/convnext.py": ARCHITECTURE,
    "networks/architectures/cortex.py": ARCHITECTURE,
    "networks/architectures/densenet.py": ARCHITECTURE,
    "networks/architectures/efficientnet.py": ARCHITECTURE,
    "networks/architectures/googlenet.py": ARCHITECTURE,
    "networks/architectures/lenet.py": ARCHITECTURE,
    "networks/architectures/mnasnet.py": ARCHITECTURE,
    "networks/architectures/mobilenet_v2.py": ARCHITECTURE,
    "networks/architectures/mobilenet_v3.py": ARCHITECTURE,
    "networks/architectures/resnet.py": ARCHITECTURE,
    "networks/architectures/shufflenet_v2.py": ARCHITECTURE,
    "networks/architectures/speedrun.py": ARCHITECTURE,
    "networks/architectures/squeezenet.py": ARCHITECTURE,
    "networks/architectures/unet.py": ARCHITECTURE,
    "networks/architectures/vgg.py": ARCHITECTURE,
    "networks/blocks/conv_norm.py": ARCHITECTURE,
    "networks/blocks/convnext_block.py": ARCHITECTURE,
    "networks/blocks/dense_block.py": ARCHITECTURE,
    "networks/blocks/fire.py": ARCHITECTURE,
    "networks/blocks/inception.py": ARCHITECTURE,
    "networks/blocks/squeeze_excite.py": ARCHITECTURE,
    "networks/image_network.py": ARCHITECTURE,
    "networks/initialization.py": (
        "networks/test_dense.py",
        "the first weights are tested through the networks",
    ),
    "optimize/training/callbacks.py": (
        "optimize/training/test_verb.py",
        "the events are tested in the order train sends them",
    ),
    "optimize/methods/descent.py": (
        "optimize/test_minimization.py",
        "the loop under minimize, tested through it",
    ),
    "optimize/methods/directions.py": ("optimize/methods/test_lbfgs.py", "directions are tested by method"),
    "__main__.py": ("cli/test_main.py", "one call of the command, which is tested there"),
    "tasks/rejected.py": (
        "tasks/images/test_files.py",
        "a name and a reason, tested where things are left out",
    ),
    "tasks/tables/search.py": ("tasks/tables/test_fit.py", "the inner half of the verb, tested through it"),
    "cli/selftest_command.py": ("cli/test_selftest.py", "the command around the checks, run with them"),
    "linalg/hutch_plus_plus.py": (
        "linalg/test_trace_estimate.py",
        "the estimator behind trace, tested there",
    ),
    "linalg/leave_one_out.py": ("linalg/test_trace_estimate.py", "XTrace's errors, tested with the trace"),
    "linalg/spectral_sum.py": ("linalg/test_log_determinant.py", "what logdet and the density share"),
    "artifact/bundle.py": WRITING,
    "artifact/layout.py": READING,
    "artifact/manifest.py": READING,
    "artifact/plain_file.py": READING,
    "artifact/recognise.py": WRITING,
    "artifact/tensors.py": READING,
    "artifact/version.py": (
        "artifact/test_read.py",
        "one look-up; what is done with versions is tested there",
    ),
    "linalg/compose.py": OPERATORS,
    "linalg/dense.py": OPERATORS,
    "linalg/diagonals.py": OPERATORS,
    "linalg/operator.py": OPERATORS,
    "tasks/text/terms/stop_words.py": (
        "tasks/text/terms/test_candidates.py",
        "a list of words, tested through the runs that they bound",
    ),
}
"""Source files without a mirrored test: the test that covers them instead, and why.

Files named ``__init__.py`` only collect names.
"""

HEAVY = {"torch", "scipy", "sklearn", "matplotlib", "pandas", "jinja2"}
"""What neither ``import fivefold`` nor a prediction loads."""

NEVER_IMPORTED = {
    "pickle": "a pickle runs code when it is read",
    "cPickle": "a pickle runs code when it is read",
    "_pickle": "a pickle runs code when it is read",
    "dill": "a pickle runs code when it is read",
    "cloudpickle": "a pickle runs code when it is read",
    "joblib": "its files are pickles",
    "shelve": "its files hold pickles",
    "marshal": "it reads code objects",
    "socket": "nothing here uses the network",
    "urllib": "nothing here uses the network",
    "http": "nothing here uses the network",
    "ftplib": "nothing here uses the network",
    "requests": "nothing here uses the network",
    "httpx": "nothing here uses the network",
}
NETWORK_ON_REQUEST = {
    "fivefold/tasks/images/export/download.py": "export --download fetches one file of a pinned SHA-512"
}
"""The files that may use the network, each for one option that asks for it by name."""

NEVER_CALLED = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "torch.load",
    "os.system",
    "os.popen",
    "builtins.eval",
}


@dataclass(frozen=True)
class Import:
    """One imported module, where, and whether it runs when the file is imported."""

    module: str
    line: int
    at_import: bool


def files() -> list[Path]:
    """Every source file."""
    return sorted(PACKAGE.rglob("*.py"))


def module_of(file: Path) -> str:
    """``src/fivefold/core/seeds.py`` is ``fivefold.core.seeds``."""
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def label(file: Path) -> str:
    """The path below ``src``."""
    return file.relative_to(SOURCE).as_posix()


def named(base: str, name: str) -> str:
    """The module that ``from base import name`` reads: ``base.name`` where that is one of our files."""
    path = SOURCE.joinpath(*base.split("."), name)
    is_ours = base.startswith("fivefold.") and (path.is_dir() or path.with_suffix(".py").is_file())
    return f"{base}.{name}" if base == "fivefold" or is_ours else base


def imports(tree: ast.AST, module: str, is_package: bool) -> list[Import]:
    """Every import of a file: at its top, in functions, under TYPE_CHECKING, relative, through importlib."""
    found: list[Import] = []

    def visit(node: ast.AST, at_import: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = module.split(".")
                anchor = anchor[: len(anchor) - node.level + is_package]
                base = ".".join([*anchor, *([base] if base else [])])
            found.extend(Import(named(base, alias.name), node.lineno, at_import) for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).split(".")[-1] == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            found.append(Import(str(node.args[0].value), node.lineno, at_import))
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        for child in ast.iter_child_nodes(node):
            visit(child, at_import and not lazy)

    visit(tree, True)
    return found


def imports_of(file: Path) -> list[Import]:
    """Every import of a source file."""
    return imports(ast.parse(file.read_text(encoding="utf-8")), module_of(file), file.name == "__init__.py")


def room_of(module: str) -> str | None:
    """The room of one of our modules; ``None`` for the package itself and for foreign modules."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "fivefold" else None


def floor_violation(importer: str, imported: str) -> str | None:
    """Say why a file of ours may not import a module of ours, or ``None``."""
    here, there = room_of(importer), room_of(imported)
    if here not in FLOORS or imported.split(".")[0] != "fivefold":
        return None
    if there is None or there not in FLOORS:
        return f"{importer} imports {imported}: rooms do not import the front door, which stands above them"
    if here == there:
        return None
    if FLOORS[there] >= FLOORS[here]:
        return f"{importer} (floor {FLOORS[here]}) imports {imported} (floor {FLOORS[there]})"
    return None


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_after(statement: str) -> set[str]:
    """The top-level foreign packages in memory after a statement in a fresh interpreter."""
    return set(
        run(f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})").split()
    )


# --- floors ---


def test_every_room_has_a_floor() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= set(FLOORS), (
        "a new room needs a floor here, in pyproject.toml and in docs/architecture.md"
    )


def test_every_folder_is_a_package() -> None:
    """Without ``__init__.py`` the import contract would not see the files in it."""
    bare = {label(file.parent) for file in files() if not (file.parent / "__init__.py").is_file()}
    assert not bare


def test_the_architecture_page_names_the_same_floors() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", page, re.M)
    assert {room: int(floor) for floor, room in rows} == FLOORS


def test_imports_go_down_only() -> None:
    wrong = [
        f"{label(file)}:{found.line}: {why}"
        for file in files()
        for found in imports_of(file)
        if (why := floor_violation(module_of(file), found.module))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("code", "importer"),
    [
        ("import fivefold.tasks", "fivefold.linalg.solve"),
        ("from fivefold.optimize import minimize", "fivefold.objective.base"),
        ("def f():\n    from fivefold.cli import main", "fivefold.tasks.choose"),
        ("if TYPE_CHECKING:\n    from fivefold.probability import Likelihood", "fivefold.linalg.solve"),
        ("from ..report import page", "fivefold.artifact.save"),
        ("import fivefold as ff", "fivefold.core.seeds"),
        ("from fivefold import fit", "fivefold.tasks.choose"),
        ("import importlib\ndef f(): importlib.import_module('fivefold.cli')", "fivefold.core.seeds"),
    ],
)
def test_a_planted_violation_is_seen(code: str, importer: str) -> None:
    found = imports(ast.parse(code), importer, is_package=False)
    assert any(floor_violation(importer, each.module) for each in found)


def test_allowed_imports_are_not_called_violations() -> None:
    code = (
        "import torch\nfrom fivefold.core import require\nfrom .dense import Dense\nfrom fivefold import core"
    )
    found = imports(ast.parse(code), "fivefold.linalg.solve", is_package=False)
    assert [each.module for each in found][1:] == ["fivefold.core", "fivefold.linalg.dense", "fivefold.core"]
    assert not any(floor_violation("fivefold.linalg.solve", each.module) for each in found)


def test_the_import_contract_says_the_same() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(each for each in settings["contracts"] if each["type"] == "layers")["layers"]
    lines = [[part.strip(" ()").removeprefix("fivefold.") for part in line.split("|")] for line in layers]
    assert [sorted(line) for line in reversed(lines)] == [
        sorted(room for room, at in FLOORS.items() if at == floor) for floor in sorted(set(FLOORS.values()))
    ]
    assert "exclude_type_checking_imports" not in settings, "the contract counts type-checking imports too"


def test_no_import_circle_at_import_time() -> None:
    graph: dict[str, set[str]] = {}
    known = {module_of(file) for file in files()}
    for file in files():
        here = module_of(file)
        graph[here] = {
            each.module for each in imports_of(file) if each.at_import and each.module in known
        } - {here}
    done: set[str] = set()

    def circle(node: str, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if node in path:
            return (*path[path.index(node) :], node)
        if node in done:
            return None
        for following in sorted(graph[node]):
            if found := circle(following, (*path, node)):
                return found
        done.add(node)
        return None

    circles = [found for node in sorted(graph) if (found := circle(node, ()))]
    assert not circles, " -> ".join(circles[0])


def test_concepts_import_numpy_alone() -> None:
    wrong = [
        f"{label(file)}:{found.line}: {found.module}"
        for file in files()
        if room_of(module_of(file)) == "concepts"
        for found in imports_of(file)
        if (top := found.module.split(".")[0]) not in sys.stdlib_module_names
        and top != "numpy"
        and room_of(found.module) != "concepts"
    ]
    assert not wrong, "\n".join(wrong)


# --- what is loaded when ---


@pytest.mark.parametrize(
    "statement",
    [
        "import fivefold",
        "import fivefold.core",
        "import fivefold.artifact",
        "import fivefold.tasks.tables.model",
        "import fivefold.cli.main",
    ],
)
def test_light_imports_stay_light(statement: str) -> None:
    loaded = loaded_after(statement)
    assert not loaded & HEAVY, f"{statement} loads {sorted(loaded & HEAVY)}"


def test_the_probe_for_light_imports_sees_a_heavy_one() -> None:
    assert "scipy" in loaded_after("import scipy.special")


def test_every_module_imports_without_a_warning() -> None:
    names = [module_of(file) for file in files() if file.name != "__main__.py"]
    run("import importlib\nfor name in " + json.dumps(names) + ": importlib.import_module(name)")


# --- names ---


def test_no_public_name_is_hidden_by_a_room_or_a_file_of_the_same_name() -> None:
    """Importing ``fivefold.report`` binds ``report`` in ``fivefold`` and would hide a function so named."""
    names = [module_of(file) for file in files() if file.name != "__main__.py"]
    packages = [module_of(file) for file in files() if file.name == "__init__.py"]
    code = f"""
import importlib, json, types
def kinds():
    return {{
        f"{{name}}.{{public}}": isinstance(getattr(package, public), types.ModuleType)
        for name in {packages!r}
        for package in [importlib.import_module(name)]
        for public in getattr(package, "__all__", ())
    }}
before = kinds()
for name in {names!r}: importlib.import_module(name)
print(json.dumps([before, kinds()]))
"""
    before, after = json.loads(run(code))
    assert before == after, "importing a module replaced a public name"
    rooms = {f"fivefold.{room}" for room in FLOORS}
    functions = sorted(name for name in rooms & set(after) if not after[name])
    assert not functions, "a public name is a room and something else"


def test_the_front_door_is_typed() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    named = {
        alias.asname or alias.name
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    named |= {
        node.target.id
        for node in ast.walk(stub)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    named |= {node.name for node in ast.walk(stub) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    public = set(json.loads(run("import fivefold, json; print(json.dumps(list(fivefold.__all__)))")))
    assert public <= named | {"__version__"}, f"missing in __init__.pyi: {sorted(public - named)}"
    assert (PACKAGE / "py.typed").is_file()


# --- files ---


def mirrored(file: Path) -> Path:
    """The test of a source file: the same folders under ``tests``, ``test_`` before its name."""
    inside = file.relative_to(PACKAGE)
    return ROOT / "tests" / inside.parent / f"test_{inside.name.lstrip('_')}"


def test_every_source_file_has_a_mirrored_test() -> None:
    missing = [
        f"{label(file)}: no {mirrored(file).relative_to(ROOT)}"
        for file in files()
        if file.name != "__init__.py"
        and file.relative_to(PACKAGE).as_posix() not in NO_TEST_OF_ITS_OWN
        and not mirrored(file).is_file()
    ]
    assert not missing, "\n".join(missing)


def test_exceptions_from_mirroring_are_still_needed() -> None:
    for name, (test, _) in NO_TEST_OF_ITS_OWN.items():
        assert (PACKAGE / name).is_file(), f"{name} is gone"
        assert not mirrored(PACKAGE / name).is_file(), f"{name} has a test of its own now"
        assert (ROOT / "tests" / test).is_file(), f"{name} names {test}, which is not there"


def test_no_file_is_longer_than_400_lines() -> None:
    long = [
        f"{label(file)}: {n} lines"
        for file in files()
        if (n := len(file.read_text("utf-8").splitlines())) > 400
    ]
    assert not long, "\n".join(long)


def test_every_foreign_import_is_a_declared_dependency() -> None:
    """What happens to be installed by another package is not ours to import."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for each in project["optional-dependencies"].values() for line in each]
    declared = {re.split(r"[^A-Za-z0-9_-]", line)[0] for line in (*project["dependencies"], *extras)}
    known = (
        {name.replace("-", "_") for name in declared}
        | {"sklearn", "PIL", "fivefold"}
        | sys.stdlib_module_names
    )
    wrong = {
        f"{label(file)}:{each.line}: {each.module}"
        for file in files()
        for each in imports_of(file)
        if each.module.split(".")[0] not in known
    }
    assert not wrong, "\n".join(sorted(wrong))


# --- what the source never does ---


def forbidden(tree: ast.AST, module: str) -> Iterator[str]:
    """Each import and call that would run code from a file, or reach the network."""
    for found in imports(tree, module, is_package=False):
        top = found.module.split(".")[0]
        if top in NEVER_IMPORTED:
            yield f"{found.line}: import {found.module}: {NEVER_IMPORTED[top]}"
        if found.module.startswith("torch.hub"):
            yield f"{found.line}: import torch.hub: it downloads and runs code"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            restricted = any(
                word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords
            )
            if name in NEVER_CALLED and not (name == "torch.load" and restricted):
                yield f"{node.lineno}: {name}(...)"
            if any(
                word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords
            ):
                yield f"{node.lineno}: allow_pickle"
            if any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords):
                yield f"{node.lineno}: shell"


def test_nothing_runs_code_from_a_file_or_uses_the_network() -> None:
    wrong = [
        f"{label(file)}:{what}"
        for file in files()
        for what in forbidden(ast.parse(file.read_text(encoding="utf-8")), module_of(file))
        if not (label(file) in NETWORK_ON_REQUEST and what.endswith(NEVER_IMPORTED["urllib"]))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_may_use_the_network_does_and_is_named_to_the_user() -> None:
    for name in NETWORK_ON_REQUEST:
        tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
        assert any("network" in what for what in forbidden(tree, "fivefold.planted")), f"{name} does not"
        assert name.removeprefix("fivefold/") in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f():\n    from joblib import load",
        "import urllib.request",
        "eval('1')",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import torch\ntorch.load('x', weights_only=flag)",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import subprocess\nsubprocess.run('x', shell=True)",
    ],
)
def test_a_planted_call_is_seen(code: str) -> None:
    assert list(forbidden(ast.parse(code), "fivefold.core.planted"))


def test_harmless_calls_are_not_taken_for_dangerous_ones() -> None:
    code = (
        "import re, torch\nre.compile('x')\nmodel.eval()\ntorch.compile(f)\n"
        "np.load('x', allow_pickle=False)\ntorch.load('x', weights_only=True)"
    )
    assert not list(forbidden(ast.parse(code), "fivefold.core.planted"))
