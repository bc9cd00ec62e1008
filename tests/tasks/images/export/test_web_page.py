"""The page: what it allows, what it carries, and, in a browser, that it answers as ONNX Runtime does."""

import base64
import gzip
import hashlib
import html.parser
import io
import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from fivefold.core import ArgumentError
from fivefold.networks.registry import create
from fivefold.tasks.images.decode import as_array
from fivefold.tasks.images.export import web_page as room
from fivefold.tasks.images.export.download import download_runtime
from fivefold.tasks.images.export.graph import PictureGraph, folded_graph, onnx_model
from fivefold.tasks.images.export.runtime import WebRuntime, read_runtime
from fivefold.tasks.images.export.session import answer, open_session
from fivefold.tasks.images.export.web_page import Example, web_page, write_web_page

HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a\u202eb", "\u2028&amp;"]
RUNTIME = WebRuntime(b"var a=1;export{a as env,a as Tensor,a as InferenceSession};", b"\0asm" * 50)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Reader(html.parser.HTMLParser):
    """Elements with their attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "script":
            self.inside = dict(attributes).get("id", "program")
            self.scripts[self.inside] = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] += data


@pytest.fixture
def page():
    example = Example(HOSTILE[1], png(np.zeros((4, 4), dtype=np.uint8)))
    return web_page(
        b"model" * 99,
        RUNTIME,
        classes=HOSTILE,
        shape=(3, 8, 9),
        title=HOSTILE[0],
        facts=[(HOSTILE[0], HOSTILE[1])],
        examples=[example],
    )


def test_only_the_hashed_script_may_run(page):
    found = Reader(page)
    policy = next(a["content"] for tag, a in found.elements if a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(found.scripts["program"].encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}' 'wasm-unsafe-eval'"
    assert "connect-src" not in rules
    assert rules["img-src"] == "data:"
    assert rules["form-action"] == rules["base-uri"] == "'none'"
    assert "\r" not in page


def test_hostile_names_stay_text(page):
    found = Reader(page)
    assert [tag for tag, _ in found.elements].count("script") == 4
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    images = [a for tag, a in found.elements if tag == "img"]
    assert [a["src"][:22] for a in images] == ["data:image/png;base64,"]
    assert json.loads(found.scripts["settings"])["classes"][0] == HOSTILE[0]
    assert "<" not in found.scripts["settings"]
    assert "\u202e" not in page


def test_nothing_is_loaded(page):
    for tag, attributes in Reader(page).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#")), (tag, attributes)
    for word in ("@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket", "eval("):
        assert word not in page


def test_what_it_carries(page):
    found = Reader(page)
    settings = json.loads(found.scripts["settings"])
    assert (settings["shape"], settings["shown"]) == ([3, 8, 9], 4)
    for name, data in (("runtime", RUNTIME.wasm), ("model", b"model" * 99)):
        assert gzip.decompress(base64.b64decode(found.scripts[name])) == data
    assert "const fivefoldRuntime={env:a,Tensor:a,InferenceSession:a};" in found.scripts["program"]
    assert "Permission is hereby granted" in page


def test_the_same_arguments_give_the_same_bytes(page, tmp_path):
    again = web_page(b"m", RUNTIME, classes=["a"], shape=(1, 2, 2))
    assert again == web_page(b"m", RUNTIME, classes=["a"], shape=(1, 2, 2))
    place = write_web_page(again, tmp_path / "a.html")
    assert place.read_text(encoding="utf-8") == again


def test_bounds(monkeypatch):
    with pytest.raises(ArgumentError, match="at least 1 class"):
        web_page(b"m", RUNTIME, classes=[], shape=(3, 2, 2))
    with pytest.raises(ArgumentError, match="1 or 3"):
        web_page(b"m", RUNTIME, classes=["a"], shape=(2, 2, 2))
    example = Example("a", b"\x89PNG")
    with pytest.raises(ArgumentError, match="at most 12"):
        web_page(b"m", RUNTIME, classes=["a"], shape=(3, 2, 2), examples=[example] * 13)
    monkeypatch.setattr(room, "MOST_MODEL", 3)
    with pytest.raises(ArgumentError, match="smaller network"):
        web_page(b"long", RUNTIME, classes=["a"], shape=(3, 2, 2))
    with pytest.raises(ArgumentError, match="PNG, JPEG or WebP"):
        Example("a", b"<svg onload=alert(1)>")
    with pytest.raises(ArgumentError, match="at most 1048576 bytes"):
        Example("a", b"\x89PNG" + bytes(1 << 20))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 1])
def test_the_browser_answers_as_onnx_runtime(browser, tmp_path, channels):
    """Needs Chromium, and onnxruntime-web from FIVEFOLD_WEB_RUNTIME or the network."""
    given = os.environ.get("FIVEFOLD_WEB_RUNTIME")
    runtime = read_runtime(given) if given else download_runtime()
    network = create("resnet20", classes=4, channels=channels, generator=torch.Generator().manual_seed(0))
    for value in network.parameters():
        value.data *= 1.5  # probabilities that differ
    graph = PictureGraph(network.eval(), [0.5] * channels, [0.25] * channels, 0.05).eval()
    shape = (channels, 32, 32)
    first = torch.zeros((2, *shape), dtype=torch.uint8)
    model = onnx_model(folded_graph(graph, first)[0], shape, HOSTILE).SerializeToString()
    rng = np.random.default_rng(0)
    pictures = []
    for height, width in ((32, 32), (60, 60), (211, 333)):  # as it is; shrunk; reduced first, then shrunk
        y, x = np.mgrid[:height, :width]
        waves = [128 + 90 * np.sin(5 * x / width + 3 * y / height + k) for k in range(3)]
        noisy = np.stack(waves, -1) + rng.normal(0, 20, (height, width, 3))
        pictures.append(noisy.clip(0, 255).astype(np.uint8))
    examples = [Example(f"{p.shape}", png(p)) for p in pictures]
    page = web_page(model, runtime, classes=HOSTILE, shape=shape, examples=examples)
    browser.open(write_web_page(page, tmp_path / "page.html"))
    browser.wait("document.body && document.body.dataset.done", "yes")
    assert "%" in browser.value("document.getElementById('verdict').textContent")
    session = open_session(model)
    shown = browser.value(
        "JSON.stringify([...document.querySelectorAll('button.example')].map((b) => ({...b.dataset})))"
    )
    for picture, seen in zip(pictures, json.loads(shown), strict=True):
        ours = np.ascontiguousarray(as_array(Image.fromarray(picture), 32, 32, colour=channels == 3))
        assert seen["pixels"] == fingerprint(ours), "the page resizes as training does"
        expected = answer(session, ours[None])[0]
        found = np.array([float(p) for p in seen["probabilities"].split()])
        np.testing.assert_allclose(found, expected, atol=1e-5)  # WebAssembly sums in another order
        assert expected.max() > 0.3
    browser.value("document.querySelectorAll('button.example')[2].click()")
    browser.wait("document.getElementById('about').textContent.includes('333')", True)
    asked = {
        e["params"]["request"]["url"].split(":")[0]
        for e in browser.events
        if "request" in e.get("params", {})
    }
    assert asked <= {"file", "data"}
    assert not browser.faults()


def fingerprint(pixels):
    """FNV-1a of 32 bits, as the page computes it."""
    value = 2166136261
    for byte in pixels.tobytes():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return f"{value:08x}"
