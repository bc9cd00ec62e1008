"""Unknown names and options are refused with the nearest ones."""

import pytest

from fivefold.core import ArgumentError
from fivefold.networks.by_name import check_name, check_options


def make(classes: int, *, width: int = 3, cell="gru", generator=None):
    return classes, width, cell, generator


def test_a_known_name_passes_and_an_unknown_one_names_the_nearest():
    check_name("lstm", ["gru", "lstm"], "names()")
    with pytest.raises(ArgumentError, match="did you mean 'lstm'"):
        check_name("ltsm", ["gru", "lstm"], "names()")
    with pytest.raises(ArgumentError, match=r"see names\(\)"):
        check_name("zzzz", ["gru", "lstm"], "names()")


def test_options_are_the_keywords_less_those_that_the_registry_passes():
    check_options("gru", make, {"width": 3}, "generator", "cell")
    for wrong in ({"cell": "lstm"}, {"generator": None}, {"classes": 3}, {"depth": 3}):
        with pytest.raises(ArgumentError, match="options of 'gru' among width; got"):
            check_options("gru", make, wrong, "generator", "cell")
    with pytest.raises(ArgumentError, match="no options of 'net'"):
        check_options("net", lambda classes: None, {"width": 3})
    with pytest.raises(ArgumentError, match="width as a whole number of at least 1; got 'x'"):
        check_options("gru", make, {"width": "x"}, "generator", "cell")
