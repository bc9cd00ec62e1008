"""Every kind of saved model is read by one function, and no other kind."""

import numpy as np
import pytest

from fivefold.artifact import Bundle, save
from fivefold.core import ArtifactError
from fivefold.tasks.fit import fit
from fivefold.tasks.images.model import ImageModel
from fivefold.tasks.saved import load
from fivefold.tasks.tables.model import Model


def test_kinds_are_told_apart(tmp_path):
    x = np.linspace(0, 1, 60)
    fit({"x": x, "y": 2 * x}, "y", budget="1s").save(tmp_path / "table")
    assert isinstance(load(tmp_path / "table"), Model)
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(60, 12, 12), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", images=images, labels=np.arange(60) % 2)
    fit(tmp_path / "noise.npz", budget="1s").save(tmp_path / "pictures")
    assert isinstance(load(tmp_path / "pictures"), ImageModel)


def test_an_unknown_kind_is_refused(tmp_path):
    place = save(tmp_path / "other", Bundle("other.kind", {}, {"w": np.ones(1)}))
    with pytest.raises(
        ArtifactError, match=r"a model kind out of 'fivefold\.images', 'fivefold\.table', 'fivefold\.texts'"
    ):
        load(place)
