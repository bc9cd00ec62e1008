"""``fivefold export``: options, what is written, and what is refused before anything is computed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import typer
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from typer.testing import CliRunner

from fivefold.cli import export as room
from fivefold.cli.export import Format, choose_file, export
from fivefold.tasks.images.export import installed, onnx_file
from fivefold.tasks.images.export.graph import tidy_
from fivefold.tasks.images.export.runtime import WebRuntime

RUNNER = CliRunner()
RUNTIME = WebRuntime(b"var a=1;export{a as env,a as Tensor,a as InferenceSession};", b"\0asm")


def constant(graph, shape, classes, whites):
    """The ONNX of a network whose answer does not depend on the picture."""
    bias = graph.raw.network.bias.detach().numpy()
    zeros = numpy_helper.from_array(np.zeros((int(np.prod(shape)), len(classes)), dtype=np.float32), "W")
    nodes = [
        helper.make_node("Cast", ["pictures"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "W", "b"], ["y"]),
        helper.make_node("Softmax", ["y"], ["probabilities"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["N", *shape])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(classes)])],
        [zeros, numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    tidy_(model, {"classes": json.dumps(list(classes))})
    return model


class Constant(nn.Module):
    """Always the same answer."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, x):
        return self.bias.expand(len(x), 2) + 0 * x.mean((1, 2, 3))[:, None]


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run the command on a small model, in a folder of its own."""
    model = SimpleNamespace(
        network=Constant(),
        shape=(1, 4, 4),
        classes=("cat", "dog"),
        mean=np.array([0.5]),
        std=np.array([0.25]),
        temperature=1.0,
        flip=False,
        whites={"integers": 255.0},
    )
    monkeypatch.setattr(room, "_image_model", lambda directory: model)
    monkeypatch.setattr(onnx_file, "onnx_model", constant)
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(export)

    def run(*arguments):
        return RUNNER.invoke(app, ["pets.fivefold", *arguments])

    return run


def test_a_file_of_onnx_and_its_proof(call, tmp_path):
    done = call()
    assert done.exit_code == 0, done.output
    assert (tmp_path / "pets.onnx").stat().st_size > 100
    assert "parity" in done.stdout
    assert "made-up pictures" in done.stderr
    said = done.stderr.splitlines()
    assert said[0] == "reading pets.fivefold"
    assert [line.split()[0] for line in said[-4:]] == ["answering", "translating", "timing", "timing"]
    assert [path.name for path in tmp_path.iterdir()] == ["pets.onnx"]


def test_json_and_another_name(call, tmp_path):
    done = call("--json", "--quiet", "--out", "other.onnx")
    record = json.loads(done.stdout)
    assert record["form"] == "float32"
    assert record["bytes"] == (tmp_path / "other.onnx").stat().st_size
    assert done.stderr == ""


def test_an_earlier_export_stays_or_is_replaced_where_that_is_asked_for(call, tmp_path):
    for _ in range(2):
        assert call("--quiet").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets-2.onnx", "pets.onnx"]
    first = (tmp_path / "pets.onnx").stat().st_ino
    done = call("--quiet", "--out", "pets.onnx")
    assert done.exit_code == 2
    assert "a free name" in done.stderr
    assert "--overwrite" in done.stderr
    assert (tmp_path / "pets.onnx").stat().st_ino == first
    done = call("--quiet", "--overwrite")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"model:  {tmp_path / 'pets.onnx'}\n")
    assert (tmp_path / "pets.onnx").stat().st_ino != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets-2.onnx", "pets.onnx"]


def test_a_name_that_is_taken_meanwhile_is_left_alone(call, tmp_path, monkeypatch):
    made = room._proved

    def slowly(*given):
        (tmp_path / "mine.onnx").write_bytes(b"of somebody else")
        return made(*given)

    monkeypatch.setattr(room, "_proved", slowly)
    done = call("--out", "mine.onnx", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["path"] == str(tmp_path / "mine-2.onnx")
    assert "was taken meanwhile" in done.stderr
    assert (tmp_path / "mine.onnx").read_bytes() == b"of somebody else"


def test_the_budget_is_that_of_the_timing(call, monkeypatch):
    asked = {}

    def proved(*given, **options):
        asked.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_file, "proved_onnx", proved)
    call("--budget", "2m")
    assert asked["seconds"] == 120.0


def test_a_network_too_large_for_a_page_is_refused_before_the_runtime_is_read(call, monkeypatch):
    from fivefold.tasks.images.export import web_page

    monkeypatch.setattr(room, "_runtime", None)
    monkeypatch.setattr(web_page, "MOST_MODEL", -1)
    done = call("--format", "web", "--download")
    assert done.exit_code == 2
    assert "take a smaller network" in done.stderr


def test_pictures_are_read_on_the_scale_of_the_fit(tmp_path):
    np.savez(tmp_path / "deep.npz", images=np.full((3, 4, 4), 16, dtype=np.uint16))
    model = SimpleNamespace(shape=(1, 4, 4), classes=("a", "b"), whites={"integers": 4095.0})
    found = room._evidence(model, str(tmp_path / "deep.npz"), int8=False)
    assert (found.pictures == 1).all()  # 255 * 16 / 4095, rounded


def test_a_missing_package_is_named_before_anything_is_read(call, monkeypatch):
    monkeypatch.setattr(room, "_image_model", None)
    monkeypatch.setattr(installed, "find_spec", lambda name: None if name == "onnxscript" else name)
    done = call()
    assert done.exit_code == 5
    assert "fivefold[export]" in done.stderr


def test_a_page(call, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "_runtime", lambda path: RUNTIME)
    done = call("--format", "web", "--runtime", "package.tgz", "--quiet")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "pets.html").read_text(encoding="utf-8")
    assert "made-up 1" in page
    assert "log-probabilities within" in page
    assert "page:" in done.stdout


def test_8_bits_with_labelled_pictures(call, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", images=x, labels=np.array(["cat", "dog"])[np.arange(60) % 2])
    done = call("--int8", "--pictures", "data.npz", "--quiet", "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["int8"]["fall"]["before"] == pytest.approx(0.5, abs=0.2)
    np.savez(tmp_path / "deep.npz", images=x.astype(np.uint16) * 16, labels=np.arange(60) % 2)
    done = call("--int8", "--pictures", "deep.npz", "--quiet")
    assert done.exit_code != 0
    assert "the white of the pictures of the fit" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--int8"], "--pictures with --int8"),
        (["--format", "web"], "either --runtime or --download"),
        (["--format", "web", "--runtime", "a", "--download"], "got both"),
        (["--runtime", "a"], "with --format web"),
        (["--download"], "with --format web"),
        (["--most-loss", "2"], "between 0 and 1"),
        (["--out", "no/such/folder.onnx"], "a folder that can be written"),
        (["--out", "m.html"], "name it m.onnx"),
        (["--format", "web", "--runtime", "a", "--out", "m.onnx"], "name it m.html"),
        (["--out", "thesis.onnx"], "a free name or an earlier export"),
        (["--out", "thesis.onnx", "--overwrite"], "a free name or an earlier export"),
        (["--pictures", "data.npz", "--out", "data.npz", "--overwrite"], "name it data.onnx"),
        (["--int8", "--pictures", "data.npz", "--format", "web", "--download"], "leave --int8 out"),
        (["--budget", "0s"], "positive, finite seconds"),
        (["--budget", "soon"], "a duration"),
        (["--format", "tflite"], "tflite"),
    ],
)
def test_refused_before_anything_is_read(call, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setattr(room, "_image_model", None)
    for name in ("thesis.onnx", "data.npz"):
        (tmp_path / name).write_bytes(b"dear")
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert (tmp_path / "thesis.onnx").read_bytes() == (tmp_path / "data.npz").read_bytes() == b"dear"


def test_pictures_that_are_not_there_are_refused_before_the_model_is_read(call, monkeypatch):
    monkeypatch.setattr(room, "_image_model", None)
    done = call("--pictures", "none.npz")
    assert done.exit_code == 3
    assert "no such file" in done.stderr


def test_what_is_no_model_of_pictures(monkeypatch, tmp_path):
    from fivefold.core import ArgumentError
    from fivefold.tasks import saved

    monkeypatch.setattr(saved, "load", lambda directory: object())
    with pytest.raises(ArgumentError, match="a model of pictures"):
        room._image_model(tmp_path)


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose_file(tmp_path / "a.fivefold", Format.ONNX, None, False).name == "a.onnx"
    assert choose_file(tmp_path / "plain", Format.WEB, None, False).name == "plain.html"
    (tmp_path / "plain.html").write_text("mine")
    assert choose_file(tmp_path / "plain", Format.WEB, None, False).name == "plain-2.html"
    assert choose_file(tmp_path / "plain", Format.WEB, tmp_path / "b.html", False).name == "b.html"
