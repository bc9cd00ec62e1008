"""The export: proved before it is written, and refused where the proof fails."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, NumericalError
from fivefold.tasks.images.export import onnx_file
from fivefold.tasks.images.export.int8 import Fall, Verdict
from fivefold.tasks.images.export.onnx_file import Source, export_onnx, proved_onnx
from fivefold.tasks.images.export.session import answer, open_session
from fivefold.tasks.images.export.speed import Speed

SHAPE = (2, 4, 4)
X = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), dtype=np.uint8)
LABELS = np.zeros(40, dtype=np.int64)


@pytest.fixture
def source(dense_network, by_hand, monkeypatch):
    """A dense network; translated by hand, for torch's translator has tests of its own."""
    monkeypatch.setattr(onnx_file, "onnx_model", by_hand)
    return Source(dense_network(SHAPE, 3), SHAPE, ("a", "b", "c"), [0.4, 0.5], [0.2, 0.3], 5.0)


def test_what_is_written_answers_as_the_network(source, tmp_path):
    source.network.train()
    report = export_onnx(source, tmp_path / "m.onnx", X, batches=(1, 3), rounds=6)
    assert source.network.training
    assert report.path == tmp_path / "m.onnx"
    assert report.bytes == report.path.stat().st_size
    assert "6 rounds" in str(report)
    assert report.parity.pictures == 40
    assert report.parity.difference < 1e-5
    assert report.form == "float32"
    found = answer(open_session(report.path.read_bytes()), X)
    mean, std = np.array([0.4, 0.5])[:, None, None], np.array([0.2, 0.3])[:, None, None]
    with torch.no_grad():
        scores = source.network(torch.from_numpy((X / 255 - mean) / std).float()).numpy() / 5.0
    expected = np.exp(scores - scores.max(1, keepdims=True))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-5)
    assert [(s.batch, s.name) for s in report.speeds][:2] == [(1, "eager"), (1, "eager channels_last")]
    assert len(report.speeds) == 2 * 5
    json.dumps(report.to_record(), allow_nan=False)
    assert "log-probabilities differ" in str(report)


def test_a_wrong_graph_is_not_written(source, tmp_path, monkeypatch, by_hand):
    def wrong(graph, shape, classes, whites):
        return by_hand(graph, shape, classes, weight=1.01)

    old = b"\x08\x0a\x12\x08fivefold"
    (tmp_path / "m.onnx").write_bytes(old)
    monkeypatch.setattr(onnx_file, "onnx_model", wrong)
    with pytest.raises(NumericalError, match="nothing was written"):
        export_onnx(source, tmp_path / "m.onnx", X, batches=(), overwrite=True)
    assert (tmp_path / "m.onnx").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.parametrize("accepted", [True, False])
def test_8_bits_are_written_where_they_are_accepted(source, monkeypatch, accepted):
    verdict = Verdict(accepted, "because", Fall(1, 1, 0, 0, 40), 0.5, 0.4, 0.6, 1)
    monkeypatch.setattr(onnx_file, "judge", lambda *given: verdict)
    data, report = proved_onnx(source, X, labels=LABELS, calibration=X[:10], batches=(1,), rounds=6)
    assert report.form == ("int8" if accepted else "float32")
    assert (b"QuantizeLinear" in data) is accepted
    assert report.int8 == verdict
    assert "int8 because" in str(report)
    assert [s.name for s in report.speeds][-1] == "ONNX Runtime int8"
    assert report.to_record()["int8"]["reason"] == "because"


def test_8_bits_are_judged_on_the_labels(source):
    with torch.no_grad():
        _, report = proved_onnx(source, X, labels=LABELS, calibration=X[:10], batches=(), rounds=6)
    p = answer(open_session(proved_onnx(source, X, batches=())[0]), X)
    assert report.int8.fall.before == pytest.approx((p.argmax(1) == 0).mean())
    assert report.int8.fall.pictures == 40


def test_a_network_that_answers_nan(source, monkeypatch):
    bad = nn.Sequential(nn.Flatten(), nn.Linear(32, 3))
    bad[1].bias.data.fill_(float("nan"))
    with pytest.raises(NumericalError, match="finite probabilities"):
        proved_onnx(Source(bad, SHAPE, ("a", "b", "c"), [0.5] * 2, [0.5] * 2), X, batches=())


def test_a_place_that_is_taken_is_refused_before_anything_is_computed(source, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "proved_onnx", None)
    (tmp_path / "m.onnx").write_bytes(b"other")
    with pytest.raises(ArgumentError, match="a free name or an earlier export"):
        export_onnx(source, tmp_path / "m.onnx", X, overwrite=True)
    with pytest.raises(ArgumentError, match=r"name it m\.onnx"):
        export_onnx(source, tmp_path / "m.bin", X)


def test_progress_is_told_and_the_time_for_timing_kept(source, monkeypatch):
    asked = []

    def raced(works, *, batch=1, rounds, seconds):
        asked.append((sorted(works)[:2], batch, rounds, seconds))
        paces = (1.0, 0.5) if batch == 1 else (batch, 0.5 * batch)
        return [Speed(name, batch, s, s, s, s, rounds) for name, s in zip("ab", paces, strict=True)]

    monkeypatch.setattr(onnx_file, "race", raced)
    monkeypatch.setattr(onnx_file, "perf_counter", lambda: 0.0)
    said = []
    proved_onnx(source, X, batches=(32, 1, 64), seconds=300.0, progress=said.append)
    # a third of 300 s for 1 picture; of 150 s left eight rounds of 8 pictures at 1.5 s each take 96 s
    assert [(batch, seconds) for _, batch, _, seconds in asked] == [(1, 100.0), (8, 150.0), (16, 300.0)]
    assert said[:2] == [
        "answering 40 pictures with the network",
        "translating it into ONNX, and answering the same pictures",
    ]
    assert said[2:4] == [
        "timing 1 picture, for up to 1e+02 s",
        "timing 8 pictures at once, for up to 1.5e+02 s",
    ]
    asked.clear()
    said.clear()
    proved_onnx(source, X, labels=LABELS, calibration=X[:10], seconds=4.0, rounds=6, progress=said.append)
    # a quarter for the judgement; two pictures at once are too slow for the rest
    assert [(works, batch, rounds, seconds) for works, batch, rounds, seconds in asked] == [
        (["float32", "int8"], 1, 21, 1.0),
        (["ONNX Runtime", "ONNX Runtime int8"], 1, 6, 1.5),
    ]
    assert [line.split(",")[0] for line in said[2:]] == [
        "putting it into 8 bits by 10 pictures of calibration",
        "judging 8 bits by 40 pictures",
        "timing 1 picture",
    ]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (X.astype(np.float32), {}, "pictures of bytes"),
        (X[:, :1], {}, "pictures of bytes"),
        (X[:0], {}, "pictures of bytes"),
        (X, {"calibration": X[:2]}, "labels, to judge"),
        (X, {"calibration": X[:2, :, :2], "labels": LABELS}, "pictures of bytes"),
        (X, {"labels": LABELS[:3]}, "a code below 3"),
        (X, {"labels": LABELS + 3}, "a code below 3"),
        (X, {"batches": (0,)}, "at least 1 picture"),
        (X, {"seconds": 0.0}, "more than 0 seconds"),
    ],
)
def test_what_does_not_fit(source, given, options, message):
    with pytest.raises(ArgumentError, match=message):
        proved_onnx(source, given, **{"batches": (), **options})


def test_equal_names_of_classes(source):
    with pytest.raises(ArgumentError, match="classes that differ"):
        proved_onnx(Source(source.network, SHAPE, ("a", "a", "b"), [0.5] * 2, [0.5] * 2), X)
