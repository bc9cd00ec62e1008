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
from fivefold.cli.export import Format, default_place, export
from fivefold.tasks.images.export import onnx_file
from fivefold.tasks.images.export.runtime import WebRuntime

RUNNER = CliRunner()
RUNTIME = WebRuntime(b"var a=1;export{a as env,a as Tensor,a as InferenceSession};", b"\0asm")


def constant(graph, shape, classes):
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
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


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
    assert [path.name for path in tmp_path.iterdir()] == ["pets.onnx"]


def test_json_and_another_name(call, tmp_path):
    done = call("--json", "--quiet", "--out", "other.onnx")
    record = json.loads(done.stdout)
    assert record["form"] == "float32"
    assert record["bytes"] == (tmp_path / "other.onnx").stat().st_size
    assert done.stderr == ""


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
        (["--format", "tflite"], "tflite"),
    ],
)
def test_refused_before_anything_is_read(call, monkeypatch, arguments, message):
    monkeypatch.setattr(room, "_image_model", None)
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_what_is_no_model_of_pictures(monkeypatch, tmp_path):
    from fivefold.core import ArgumentError
    from fivefold.tasks import saved

    monkeypatch.setattr(saved, "load", lambda directory: object())
    with pytest.raises(ArgumentError, match="a model of pictures"):
        room._image_model(tmp_path)


def test_names(tmp_path):
    assert default_place(tmp_path / "a.fivefold", Format.ONNX).name == "a.onnx"
    assert default_place(tmp_path / "plain", Format.WEB).name == "plain.html"
