"""The page: what it allows, what it carries, and, in a browser, that it answers as ONNX Runtime does."""

import base64
import gzip
import hashlib
import html.parser
import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from fivefold.core import ArgumentError
from fivefold.networks.registry import create
from fivefold.tasks.images.decode import as_array, decode
from fivefold.tasks.images.export import web_page as room
from fivefold.tasks.images.export.download import download_runtime
from fivefold.tasks.images.export.graph import PictureGraph, folded_graph, onnx_model
from fivefold.tasks.images.export.runtime import WebRuntime, read_runtime
from fivefold.tasks.images.export.session import answer, open_session
from fivefold.tasks.images.export.web_page import Example, check_size, web_page, write_web_page
from fivefold.tasks.images.limits import Limits

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
    with pytest.raises(ArgumentError, match="an earlier export"):
        write_web_page(page, place)
    write_web_page(page, place, overwrite=True)
    assert place.read_text(encoding="utf-8") == page
    with pytest.raises(ArgumentError, match=r"name it a\.html"):
        write_web_page(again, tmp_path / "a.htm")


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
    with pytest.raises(ArgumentError, match="at most 3 bytes; got 4"):
        check_size(4)
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


STUB = b"""
class Tensor { constructor(kind, data) { this.data = data; } }
class InferenceSession {
  static async create() { return new InferenceSession(); }
  async run(given) { return { probabilities: { data: [given.pictures.data[0] / 255, 0.25] } }; }
}
const env = { wasm: {} };export{env as env,Tensor as Tensor,InferenceSession as InferenceSession};"""
"""In the place of ONNX Runtime Web, for what the page itself computes."""


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 1])
def test_16_bits_are_read_as_in_training(browser, tmp_path, channels):
    """Needs Chromium alone. Grey is stretched, of colours the upper bits count, and white is behind."""
    rng = np.random.default_rng(0)
    files = {}
    for kind, depth in ((0, 1), (2, 3), (4, 2), (6, 4)):
        for height, width in ((16, 16), (61, 90)):  # as it is; cut, reduced and shrunk
            y, x = np.mgrid[:height, :width, :1][:2]
            waves = 9000 + 6000 * np.sin(5 * x / width + 3 * y / height + np.arange(depth))
            pixels = (waves + rng.normal(0, 900, (height, width, depth))).clip(0, 65535).astype(np.uint16)
            files[f"{kind} {height}"] = deep_png(pixels, kind)
    files["even"] = deep_png(np.full((16, 16, 1), 700, dtype=np.uint16), 0)
    files["halves"] = deep_png(np.arange(256, dtype=np.uint16).reshape(16, 16, 1) * 2 + 3, 0)
    examples = [Example(name, data) for name, data in files.items()]
    page = web_page(
        b"m", WebRuntime(STUB, b"w"), classes=["a", "b"], shape=(channels, 16, 16), examples=examples
    )
    browser.open(write_web_page(page, tmp_path / "page.html"))
    browser.wait("document.body && document.body.dataset.done", "yes")
    shown = browser.value(
        "JSON.stringify([...document.querySelectorAll('button.example')].map((b) => b.dataset.pixels))"
    )
    for (name, data), seen in zip(files.items(), json.loads(shown), strict=True):
        image = decode(data, Limits()).image
        ours = np.ascontiguousarray(as_array(image, 16, 16, colour=channels == 3))
        assert seen == fingerprint(ours), name
    assert not browser.faults()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["interlaced", "exif", "colour", "cut", "filter"])
def test_16_bits_that_are_not_read_are_refused_on_the_page(browser, tmp_path, how):
    pixels = np.zeros((4, 4, 3), dtype=np.uint16)
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    data = {
        "interlaced": lambda: deep_png(pixels, 2, interlaced=1),
        "exif": lambda: deep_png(pixels, 2, chunk(b"eXIf", exif)),
        "colour": lambda: deep_png(pixels, 2, chunk(b"tRNS", bytes(6))),
        "cut": lambda: deep_png(pixels, 2, rows=3),
        "filter": lambda: deep_png(pixels, 2, filters=[0, 1, 9]),
    }[how]()
    page = web_page(b"m", WebRuntime(STUB, b"w"), classes=["a"], shape=(3, 4, 4))
    browser.open(write_web_page(page, tmp_path / "page.html"))
    browser.wait("document.body && document.body.dataset.done", "yes")
    packed = base64.b64encode(data).decode()
    browser.value(
        f"{{ const bytes = Uint8Array.from(atob('{packed}'), (c) => c.charCodeAt(0));"
        "const files = new DataTransfer(); files.items.add(new File([bytes], 'a.png'));"
        "dispatchEvent(new DragEvent('drop', { dataTransfer: files })); }"
    )
    browser.wait("document.getElementById('verdict').classList.contains('failed')", True)
    said = browser.value("document.getElementById('verdict').textContent")
    assert said.startswith("This picture cannot be read: It is "), said
    assert {"cut": "truncated", "filter": "damaged"}.get(how, "a PNG of 16 bits") in said


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def deep_png(pixels, kind, more=b"", *, interlaced=0, rows=None, filters=range(5)):
    """A PNG of 16 bits [H, W, C], its rows filtered in all five ways of the format, one after the other."""
    height, width, depth = pixels.shape
    step, lines = 2 * depth, pixels.astype(">u2").tobytes()
    lines = [np.frombuffer(lines, np.uint8).reshape(height, -1)[i].astype(int) for i in range(height)]
    raw, above = b"", np.zeros(2 * width * depth, dtype=int)
    for i, line in enumerate(lines[:rows]):
        left = np.r_[np.zeros(step, dtype=int), line[:-step]]
        corner = np.r_[np.zeros(step, dtype=int), above[:-step]]
        guess = left + above - corner
        near = [abs(guess - each) for each in (left, above, corner)]
        paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, 0)
        paeth = np.where((near[0] > near[1]) | (near[0] > near[2]), above, paeth)
        third = ((near[0] > near[1]) | (near[0] > near[2])) & (near[1] > near[2])
        paeth = np.where(third, corner, paeth)
        chosen = filters[i % len(filters)]
        taken = {1: left, 2: above, 3: (left + above) // 2, 4: paeth}.get(chosen, 0 * line)
        raw += bytes([chosen]) + ((line - taken) % 256).astype(np.uint8).tobytes()
        above = line
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, interlaced)
    packed = zlib.compress(raw)
    body = chunk(b"IDAT", packed[:20]) + chunk(b"IDAT", packed[20:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + body + chunk(b"IEND", b"")


def fingerprint(pixels):
    """FNV-1a of 32 bits, as the page computes it."""
    value = 2166136261
    for byte in pixels.tobytes():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return f"{value:08x}"
