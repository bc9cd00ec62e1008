"""A small artifact, a way to write one with any contents under a manifest that fits, and how to compare."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fivefold.artifact import Bundle, save


def make_bundle(number: float = 1.5) -> Bundle:
    return Bundle(
        "tables",
        {"intercept": number, "levels": ["a", "=1+1", "\ud800"], "nested": {"none": None, "flag": True}},
        {
            "weights": np.array([[number, -2.0], [0.25, 3.0]]),
            "single": np.array([1.0, 2.0], dtype=np.float32),
            "codes": np.arange(5),
            "mask": np.array([True, False]),
            "scalar": np.array(number),
            "empty": np.zeros((0, 3)),
        },
        {"report.html": b"<p>report</p>", "plan.json": b'{"steps": 3}\n'},
    )


def assert_same(first: Bundle, second: Bundle) -> None:
    assert first.kind == second.kind
    assert first.config == second.config
    assert sorted(first.tensors) == sorted(second.tensors)
    for name, value in first.tensors.items():
        other = second.tensors[name]
        assert (value.dtype, value.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(value, other)
    for name, data in first.files.items():
        assert second.files[name] == data


@pytest.fixture
def bundle() -> Bundle:
    return make_bundle()


@pytest.fixture
def saved(tmp_path: Path, bundle: Bundle) -> Path:
    return save(tmp_path / "model.fivefold", bundle)


@pytest.fixture
def resign(saved: Path) -> Callable[..., Path]:
    """Change files and write a manifest that fits them, as an attacker would."""

    def change(files: dict[str, bytes | None], **manifest: object) -> Path:
        for name, data in files.items():
            if data is None:
                (saved / name).unlink()
            else:
                (saved / name).write_bytes(data)
        record = json.loads((saved / "manifest.json").read_text())
        record["files"] = {
            path.name: {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in saved.iterdir()
            if path.name != "manifest.json"
        }
        record.update(manifest)
        (saved / "manifest.json").write_text(json.dumps(record))
        return saved

    return change
