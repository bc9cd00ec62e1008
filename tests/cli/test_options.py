"""Lists of columns on the command line."""

import pytest
import typer

from fivefold.cli.options import split_names, split_pairs


@pytest.mark.parametrize(
    ("values", "names"),
    [(None, []), ([], []), (["a"], ["a"]), (["a, b", "c"], ["a", "b", "c"]), (['"a,b",c'], ["a,b", "c"])],
)
def test_names(values: list[str] | None, names: list[str]) -> None:
    assert split_names(values, "--drop") == names


@pytest.mark.parametrize("value", ["", ",", "a,", " "])
def test_empty_names_are_refused(value: str) -> None:
    with pytest.raises(typer.BadParameter, match="got an empty one"):
        split_names([value], "--drop")


def test_pairs() -> None:
    assert split_pairs(["a=text", '"b,c=d"=Number'], "--types") == {"a": "text", "b,c=d": "number"}
    assert split_pairs(None, "--types") == {}


@pytest.mark.parametrize("value", ["a", "a=", "=text", "="])
def test_half_pairs_are_refused(value: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected column=kind"):
        split_pairs([value], "--types")
