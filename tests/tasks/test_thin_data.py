"""What a fit says of few classes, few examples and much time."""

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.rejected import Rejected
from fivefold.tasks.thin_data import few_examples, late, left_out, require_two_classes, thin_classes


def test_one_class_is_refused():
    require_two_classes(["cat", "dog"], "pets", "")
    for classes, said in ((["cat"], "only 'cat' in 'pets'"), ([], "none in 'pets'")):
        with pytest.raises(DataError, match=said):
            require_two_classes(classes, "pets", "add another one")


def test_thin_classes_are_named_up_to_five():
    names = [f"c{i}" for i in range(8)]
    assert thin_classes(names, np.full(8, 5), "text") == []
    (said,) = thin_classes(names, np.array([4, 3, 2, 1, 0, 4, 4, 5]), "text")
    assert said.endswith("hardly be learnt: 'c0' (4), 'c1' (3), 'c2' (2), 'c3' (1), 'c4' (0) and 2 more.")


def test_what_was_left_out_is_counted():
    assert left_out([], "file") == []
    rejected = [Rejected(f"{i}.png", "it is empty") for i in range(5)]
    (said,) = left_out(rejected, "file")
    assert said.startswith("5 files were left out: 0.png (it is empty), 1.png")
    assert said.endswith("2.png (it is empty) and 2 more.")


def test_bounds_of_the_warnings():
    assert few_examples(20, 100, "picture") == []
    assert few_examples(19, 100, "picture") == ["A class has only 19 training pictures: expect little of it."]
    assert few_examples(20, 1, "picture") == [
        "With 1 test picture the interval of the accuracy is wide: it says little."
    ]
    assert late(75.0, 60.0) == []
    assert len(late(75.1, 60.0)) == 1
