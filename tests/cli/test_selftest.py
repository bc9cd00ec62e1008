"""The command ``selftest``: what it finds here, and that it can find something."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from fivefold.cli import selftest
from fivefold.core import ArgumentError

COPIES = Path(__file__).parents[1] / "linalg" / "nist"


def test_everything_holds_here(command: Callable[..., Result]) -> None:
    result = command("selftest")
    assert result.exit_code == 0, result.stdout
    assert "checks hold" in result.stdout
    assert "WRONG" not in result.stdout
    for name in selftest.NAMES:
        assert f"NIST {name}: correct digits" in result.stdout


def test_a_wrong_solver_is_found(command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    import fivefold.linalg as room

    right = room.lstsq

    def wrong(X: object, y: object) -> object:
        fit = right(X, y)
        fit.x[:] = fit.x * (1 + 1e-8)
        return fit

    monkeypatch.setattr(room, "lstsq", wrong)
    result = command("selftest", "--json")
    assert result.exit_code == 6
    record = json.loads(result.stdout)
    assert record["holds"] is False
    bad = [check["name"] for check in record["checks"] if not check["holds"]]
    assert "NIST Longley: correct digits" in bad
    assert "NIST Longley: error beside its bound" in bad
    assert "doubled precision is exact" not in bad
    assert {"torch", "numpy", "processor"} <= set(record["machine"])


def test_a_number_that_is_none_does_not_pass() -> None:
    check = selftest.Check("a", float("nan"), 1.0, False, "")
    assert not check.holds
    assert check.to_record()["value"] is None
    assert "do not trust" in selftest.summary([check])


def test_the_copies_in_the_package_are_those_of_the_tests() -> None:
    home = Path(selftest.__file__).parent / "nist"
    names = sorted(path.name for path in COPIES.iterdir())
    assert names == sorted(path.name for path in home.iterdir())
    for name in names:
        assert (home / name).read_bytes() == (COPIES / name).read_bytes(), name


def test_datasets() -> None:
    x, y, certified = selftest.dataset("Longley")
    assert x.shape == (16, 6)
    assert y[0] == 60323
    assert len(certified) == 7
    assert np.isfinite(x).all()
    with pytest.raises(ArgumentError, match="a dataset among"):
        selftest.dataset("Anscombe")
