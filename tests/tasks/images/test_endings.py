"""What a picture's file is called."""

import pytest

from fivefold.tasks.images.endings import ENDINGS, has_picture_ending


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_counts_in_any_case(ending):
    assert has_picture_ending(f"a/b{ending}")
    assert has_picture_ending(f" b{ending.upper()} ")
    assert not has_picture_ending(f"b{ending}.txt")
