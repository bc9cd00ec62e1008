"""The graph: what it computes, what it carries, and that ONNX says the same."""

import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError, NumericalError
from fivefold.networks.registry import create, names
from fivefold.tasks.images.export import graph as room
from fivefold.tasks.images.export.graph import (
    OPSET,
    PictureGraph,
    check_model,
    folded_graph,
    onnx_model,
    tidy_,
)
from fivefold.tasks.images.export.parity import measure_parity
from fivefold.tasks.images.export.session import answer, open_session

CLASSES = ("cat", "<b>dog</b>", "Vögel")


def pictures(n, *shape):
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def small_network():
    """Batch norm, a residual sum and a grouped convolution, with statistics far from their first values."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, groups=4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )
    network[1].running_mean.normal_()
    network[1].running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(scope="module")
def exported():
    """One graph with mirror images, folded, as torch and as ONNX; the translation takes seconds."""
    graph = PictureGraph(small_network(), [0.4, 0.5, 0.6], [0.2, 0.25, 0.3], 1.7, flip=True).eval()
    folded, count = folded_graph(graph, torch.from_numpy(pictures(2, 3, 8, 10)))
    return graph, count, onnx_model(folded, (3, 8, 10), CLASSES, {"integers": 4095.0})


def test_the_graph_is_the_formula():
    network = small_network().double()
    graph = PictureGraph(network, [0.4, 0.5, 0.6], [0.2, 0.25, 0.3], 1.7, flip=True).double()
    x = pictures(3, 3, 8, 10)
    mean, std = np.array([0.4, 0.5, 0.6])[:, None, None], np.array([0.2, 0.25, 0.3])[:, None, None]
    with torch.no_grad():
        both = [network(torch.from_numpy((each / 255 - mean) / std)).numpy() for each in (x, x[..., ::-1])]
        found = graph(torch.from_numpy(x)).numpy()
    scores = np.exp((both[0] + both[1]) / 2 / 1.7)
    np.testing.assert_allclose(found, scores / scores.sum(1, keepdims=True), rtol=1e-6)  # mean, std: float32


def test_onnx_runtime_says_the_same_for_any_number_of_pictures(exported):
    graph, count, model = exported
    assert count == 1
    session = open_session(model.SerializeToString())
    for n in (1, 5):
        x = pictures(n, 3, 8, 10)
        with torch.no_grad():
            expected = graph(torch.from_numpy(x)).numpy()
        parity = measure_parity(expected, answer(session, x, batch=2))
        assert parity.difference < 1e-5
        assert parity.agreement == 1.0


def test_what_the_model_says_of_itself(exported):
    model = exported[2]
    notes = {each.key: each.value for each in model.metadata_props}
    assert json.loads(notes["classes"]) == list(CLASSES)
    assert json.loads(notes["shape"]) == [3, 8, 10]
    assert json.loads(notes["whites"]) == {"integers": 4095.0}
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    text = model.SerializeToString()
    for trace in (b".py", b"pkg.torch", b"stack_trace", b"/home", b"site-packages"):
        assert trace not in text


def test_what_is_no_plain_model_is_refused(exported, by_hand, dense_network):
    graph = PictureGraph(dense_network((1, 2, 2), 2), [0.5], [0.5])
    good = by_hand(graph, (1, 2, 2), ("a", "b"))
    check_model(good)
    foreign = onnx.ModelProto.FromString(good.SerializeToString())
    foreign.graph.node[0].domain = "com.stranger"
    with pytest.raises(ArgumentError, match=r"com\.stranger"):
        check_model(foreign)
    outside = onnx.ModelProto.FromString(good.SerializeToString())
    outside.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(ArgumentError, match="inside of the model"):
        check_model(outside)
    broken = onnx.ModelProto.FromString(good.SerializeToString())
    broken.graph.node[1].input[1] = "nobody"
    with pytest.raises(ArgumentError, match="a valid ONNX model"):
        check_model(broken)
    tidy_(good, {"a": "b"})
    assert good.producer_name == "fivefold"


def test_sizes_and_classes(monkeypatch, dense_network):
    graph = PictureGraph(dense_network((1, 2, 2), 2), [0.5], [0.5])
    with pytest.raises(ArgumentError, match=r"outputs \[N, 3\]"):
        onnx_model(graph, (1, 2, 2), ("a", "b", "c"))
    monkeypatch.setattr(room, "MOST_BYTES", 10)
    with pytest.raises(ArgumentError, match="a smaller network"):
        onnx_model(graph, (1, 2, 2), ("a", "b"))


@pytest.mark.slow  # the translator tries for long before it gives up
def test_what_onnx_cannot_express():
    class Stranger(nn.Module):
        def forward(self, x):
            return torch.linalg.eigvals(x.mean(1)).real[:, :2]

    with pytest.raises(ArgumentError, match="ONNX can express"):
        onnx_model(PictureGraph(Stranger(), [0.5], [0.5]), (1, 2, 2), ("a", "b"))


def test_a_fold_that_is_refused_leaves_the_graph(monkeypatch):
    def refuse(module, example):
        raise NumericalError("equal answers", "others")

    graph = PictureGraph(small_network(), [0.5] * 3, [0.5] * 3).eval()
    monkeypatch.setattr(room, "fold_batch_norm", refuse)
    found, count = folded_graph(graph, torch.from_numpy(pictures(2, 3, 8, 10)))
    assert (found, count) == (graph, 0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_no_temperature(temperature):
    with pytest.raises(ArgumentError, match="positive temperature"):
        PictureGraph(nn.Flatten(), [0.5], [0.5], temperature)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        n
        for n in names()
        if n
        in {
            "lenet5",
            "resnet20",
            "shufflenet_v2_x0_5",
            "mobilenet_v3_small",
            "squeezenet1_1",
            "speedrun",
            "cortex",
            "densenet121",
            "efficientnet_b0",
            "googlenet",
            "convnext_tiny",
            "mnasnet0_5",
            "resnet18",
            "mobilenet_v2",
        }
    ],
)
def test_architectures(name):
    side, channels = (32, 1) if name == "lenet5" else (64, 3)
    network = create(name, classes=3, channels=channels, generator=torch.Generator().manual_seed(0)).eval()
    graph = PictureGraph(network, [0.5] * channels, [0.25] * channels, 1.3).eval()
    x = pictures(3, channels, side, side)
    folded, _ = folded_graph(graph, torch.from_numpy(x))
    session = open_session(onnx_model(folded, (channels, side, side), CLASSES).SerializeToString())
    with torch.no_grad():
        expected = graph(torch.from_numpy(x)).numpy()
    assert measure_parity(expected, answer(session, x)).difference < 1e-4  # float32, up to 120 layers
