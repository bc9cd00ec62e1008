"""Errors say what was expected, what came and what to do, and carry an exit code of their own."""

import pytest

from fivefold.core import (
    ArgumentError,
    ArtifactError,
    DataError,
    FivefoldError,
    MissingExtraError,
    NumericalError,
    require,
)


def test_the_three_parts_are_said_and_kept():
    error = DataError("two", "one", "add one")
    assert (error.expected, error.got, error.fix) == ("two", "one", "add one")
    assert str(error) == "expected two; got one; add one"
    assert str(DataError("two")) == "expected two"


def test_exit_codes_differ():
    kinds = (FivefoldError, ArgumentError, DataError, ArtifactError, MissingExtraError, NumericalError)
    assert len({kind.exit_code for kind in kinds}) == len(kinds)
    assert 0 not in {kind.exit_code for kind in kinds}


def test_errors_are_the_builtin_kinds_that_callers_catch():
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(DataError, ValueError)
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(NumericalError, ArithmeticError)


def test_require_raises_only_where_the_condition_fails():
    require(True, "nothing", "nothing")
    with pytest.raises(ArgumentError, match="expected a positive number; got -1; negate it"):
        require(False, "a positive number", -1, "negate it")


def test_a_missing_extra_names_the_command_that_brings_it():
    assert "pip install 'fivefold[tables]'" in str(MissingExtraError.of("duckdb", extra="tables"))
