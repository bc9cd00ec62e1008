"""A small graph written by hand, and a browser to look at pages with."""

import json
import os
import shutil
import subprocess
import time

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from fivefold.tasks.images.export.graph import INPUT, OUTPUT


def _dense_network(shape, classes, seed=0):
    network = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), classes))
    generator = torch.Generator().manual_seed(seed)
    for value in network.parameters():
        value.data.normal_(0, 0.5, generator=generator)
    return network


def _by_hand(graph, shape, classes, whites=None, weight=1.0):
    """The ONNX of a dense network, node by node; ``weight`` plants an error."""
    dense = graph.raw.network[1]
    values = {
        "shift": graph.raw.shift.numpy(),
        "factor": graph.raw.factor.numpy(),
        "W": weight * dense.weight.detach().numpy(),
        "b": dense.bias.detach().numpy(),
        "T": np.array(graph.temperature, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", [INPUT], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "shift"], ["x0"]),
        helper.make_node("Mul", ["x0", "factor"], ["x1"]),
        helper.make_node("Flatten", ["x1"], ["x2"]),
        helper.make_node("Gemm", ["x2", "W", "b"], ["y"], transB=1),
        helper.make_node("Div", ["y", "T"], ["z"]),
        helper.make_node("Softmax", ["z"], [OUTPUT], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "by_hand",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", *shape])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", len(classes)])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"classes": json.dumps(list(classes))})
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.fixture
def dense_network():
    """Make a network of one dense layer for pictures of a shape."""
    return _dense_network


@pytest.fixture
def by_hand():
    """Translate such a network into ONNX without torch's translator."""
    return _by_hand


class Browser:
    """Headless Chromium, driven through pipes."""

    def __init__(self, program, folder):
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        switches = "--headless --no-sandbox --disable-gpu --remote-debugging-pipe"
        command = f'exec "$0" {switches} --user-data-dir="$1" about:blank 3<&{read_there} 4>&{write_there}'
        self.process = subprocess.Popen(
            ["bash", "-c", command, program, str(folder)],
            pass_fds=(read_there, write_there),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self.write, self.read = write_here, os.fdopen(read_here, "rb", buffering=0)
        self.count, self.rest, self.session, self.events = 0, b"", None, []

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                part = self.read.read(1 << 20)
                assert part, "the browser ended"
                self.rest += part
            one, _, self.rest = self.rest.partition(b"\0")
            answer = json.loads(one)
            if answer.get("id") == self.count:
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=path.as_uri())

    def value(self, expression):
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def wait(self, expression, wanted):
        while self.value(expression) != wanted:
            assert self.process.poll() is None, "the browser ended"
            assert not self.faults(), self.faults()
            time.sleep(0.2)  # the page computes meanwhile: nothing else is waited for

    def faults(self):
        """What the page or its policy complained of."""
        return [
            event
            for event in self.events
            if event["method"] == "Runtime.exceptionThrown"
            or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
        ]

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait()
        os.close(self.write)
        self.read.close()


@pytest.fixture
def browser(tmp_path):
    """A browser of its own; it must be installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    assert program, f"this test needs one of {', '.join(names)}"
    opened = Browser(program, tmp_path / "profile")
    yield opened
    opened.close()
