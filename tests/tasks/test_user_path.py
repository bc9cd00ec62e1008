"""A home folder is found, and a name that nobody has is a name like others."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from fivefold.tasks.user_path import source_name, user_path


def test_a_home_is_put_in_and_an_unknown_one_is_left(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/a.csv") == tmp_path / "a.csv"
    assert user_path("~nobody of that name/a.csv") == Path("~nobody of that name/a.csv")
    assert user_path(Path("a.csv")) == Path("a.csv")


def test_a_source_is_named_by_its_path_or_by_itself():
    assert source_name(Path("a.csv")) == "a.csv"
    assert source_name(SimpleNamespace(source="photos/")) == "photos/"
    assert source_name(pd.DataFrame({"source": ["a"]})) == "memory"
