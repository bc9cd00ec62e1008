"""Labels and sets follow from the answer."""

from dataclasses import replace

import numpy as np
import pytest

from fivefold.core import DataError
from fivefold.tasks.class_model import ClassModel, ClassPrediction
from fivefold.tasks.rejected import Rejected


class Fixed(ClassModel):
    classes = ("a", "b", "c")

    @property
    def things(self):
        return "thing", "things"

    def answer(self, data, level=0.9):
        p = np.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
        return ClassPrediction(("1", "2"), p, p >= 1 - level, (), ())


def test_labels_probabilities_and_sets():
    model = Fixed()
    assert model.predict(None).tolist() == ["b", "a"]
    assert model.predict_proba(None).shape == (2, 3)
    assert model.predict_set(None, 0.75) == [("b", "c"), ("a",)]
    assert model.predict_set(None, 0.9) == [("a", "b", "c"), ("a", "b", "c")]


class Gaps(Fixed):
    def answer(self, data, level=0.9):
        rejected = (Rejected("b.jpg", "it is truncated"), Rejected("c.jpg", "it is empty"))
        return replace(super().answer(data, level), rejected=rejected)


@pytest.mark.parametrize("verb", ["predict", "predict_proba", "predict_set"])
def test_rows_are_refused_that_would_be_taken_for_others(verb):
    with pytest.raises(
        DataError, match=r"things that can all be read; got b\.jpg \(it is truncated\) and 1 more; answer"
    ):
        getattr(Gaps(), verb)(None)
