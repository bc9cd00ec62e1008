"""A limit that lets nothing through is a mistake."""

import pytest

from fivefold.core import ArgumentError
from fivefold.tasks.images.limits import Limits


@pytest.mark.parametrize("name", ["pixels", "bytes", "files", "array"])
def test_limits_below_one_are_refused(name):
    with pytest.raises(ArgumentError, match="at least 1"):
        Limits(**{name: 0})
