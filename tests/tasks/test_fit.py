"""One verb for tables and pictures."""

import numpy as np
import pytest

import fivefold as ff
from fivefold.core import ArgumentError, DataError
from fivefold.tasks.fit import fit
from fivefold.tasks.images.model import ImageModel
from fivefold.tasks.tables.model import Model
from fivefold.tasks.text.model import TextModel


@pytest.fixture
def pictures(tmp_path):
    """120 pictures of two kinds: bright above, and bright below."""
    generator = np.random.default_rng(0)
    images = generator.integers(100, size=(120, 12, 12), dtype=np.uint8)
    labels = np.arange(120) % 2
    images[labels == 0, :6] += 120
    images[labels == 1, 6:] += 120
    np.savez(tmp_path / "bright.npz", images=images, labels=labels)
    return tmp_path / "bright.npz"


def test_a_table_and_pictures_come_to_their_own_rooms(pictures):
    events = []
    model = ff.fit(pictures, budget="2s", progress=lambda name, details: events.append(name))
    assert isinstance(model, ImageModel)
    assert {"read", "found", "chosen", "train", "report"} <= set(events)
    x = np.linspace(0, 1, 100)
    events.clear()
    table = fit({"x": x, "y": x**2}, "y", budget="1s", progress=lambda name, details: events.append(name))
    assert isinstance(table, Model)
    assert "chosen" in events


def test_a_frame_of_texts_is_fitted_and_predicted_as_its_file_would_be():
    said = [f"it {'barks' if i % 2 else 'purrs'} at the {i} neighbours of the house" for i in range(80)]
    events = []
    model = ff.fit(
        {"said": said, "kind": ["cat", "dog"] * 40}, "kind", budget="2s",
        progress=lambda name, details: events.append((name, details)),
    )  # fmt: skip
    assert isinstance(model, TextModel)
    assert events[0] == ("read", {"source": "memory"})
    assert model.predict({"said": ["how it barks at the house", "it purrs"]}).tolist() == ["dog", "cat"]
    columns = {"said": said[:4] * 20, "kind": ["cat", "dog"] * 40}
    assert isinstance(ff.fit(columns, "kind", budget="1s", types={"said": "category"}), Model)
    with pytest.raises(DataError, match="values come again; got only 'said'"):
        ff.fit({**columns, "said": said}, "kind", budget="1s", types={"said": "category"})


def test_what_belongs_to_the_other_is_refused(pictures):
    with pytest.raises(ArgumentError, match="options of a fit to pictures; got group"):
        fit(pictures, group="x")
    with pytest.raises(ArgumentError, match="a target, the column to predict"):
        fit({"x": [1.0]})
