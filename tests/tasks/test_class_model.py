"""Labels and sets follow from the answer."""

import numpy as np

from fivefold.tasks.class_model import ClassModel, ClassPrediction


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
