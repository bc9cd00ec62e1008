"""One HTML file that runs an exported model in a browser: nothing is sent, nothing is loaded.

The page cuts and resizes a picture as training does: the largest centred part of the model's shape, then
Pillow's ``reduce`` and its bilinear resize in whole numbers, and grey by BT.601. For pictures without loss
and transparency its bytes are Pillow's, but for one level of 256 where Pillow takes its two passes in the
other order. A browser's decoder of JPEG may round otherwise than Pillow's, and a large JPEG is decoded whole
here while training decodes it at a fraction of its size.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from types import MappingProxyType

from fivefold.core import require
from fivefold.report.template import environment
from fivefold.report.text import clean
from fivefold.report.theme import stylesheet
from fivefold.tasks.images.export.out_file import PAGE, write_export
from fivefold.tasks.images.export.runtime import WebRuntime, module_text

MOST_MODEL = 100 << 20
"""Largest model that a page carries, in bytes: a browser holds it twice while it starts."""

_MOST_EXAMPLES, MOST_EXAMPLE = 12, 1 << 20
_SHOWN = 10
_REDUCING_GAP = 3.0  # as tasks.images.decode.as_array has it
_TYPES = MappingProxyType({b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"})


@dataclass(frozen=True)
class Example:
    """A picture that the page offers to begin with.

    Args:
        name: What it is called.
        data: The file: PNG, JPEG or WebP, at most 1 MiB.

    Raises:
        ArgumentError: Another kind of file, or a larger one.
    """

    name: str
    data: bytes

    def __post_init__(self) -> None:
        require(len(self.data) <= MOST_EXAMPLE, f"an example of at most {MOST_EXAMPLE} bytes", len(self.data))
        known = any(self.data.startswith(start) for start in _TYPES)
        require(known, "an example in PNG, JPEG or WebP", repr(self.data[:4]))

    @property
    def source(self) -> str:
        """The picture as a ``data:`` address."""
        kind = next(kind for start, kind in _TYPES.items() if self.data.startswith(start))
        return f"data:{kind};base64,{base64.b64encode(self.data).decode()}"


def web_page(
    model: bytes,
    runtime: WebRuntime,
    *,
    classes: Sequence[str],
    shape: tuple[int, int, int],
    title: str = "What is in the picture?",
    facts: Sequence[tuple[str, str]] = (),
    examples: Sequence[Example] = (),
) -> str:
    """Return a page that runs a model on pictures that are chosen, dropped or pasted.

    Args:
        model: ONNX with the input and the output of :func:`~.graph.onnx_model`, at most 100 MiB.
        runtime: What runs it.
        classes: Names of the outputs; they count as hostile, as do all texts.
        shape: Channels (1 or 3), height and width of the pictures.
        title: The page's heading.
        facts: Further pairs of a name and a value to show.
        examples: At most 12 pictures.

    Returns:
        HTML; the same arguments give the same text.

    Raises:
        ArgumentError: Too large, too many examples, no class, or another number of channels.
    """
    check_size(len(model))
    require(len(classes) >= 1, "at least 1 class", 0)
    require(shape[0] in (1, 3) and min(shape) >= 1, "a shape [1 or 3, height, width]", list(shape))
    require(len(examples) <= _MOST_EXAMPLES, f"at most {_MOST_EXAMPLES} examples", len(examples))
    own = files("fivefold.report").joinpath("templates/picture_model.js").read_text(encoding="utf-8")
    script = (module_text(runtime.script) + "\n" + own).replace("\r", "")
    settings = {
        "classes": [clean(name, 80) for name in classes],
        "shape": list(shape),
        "shown": min(_SHOWN, len(classes)),
        "reducing_gap": _REDUCING_GAP,
    }
    channels, height, width = shape
    said = [
        ("Input", f"{width} x {height} pixels, {'in colour' if channels == 3 else 'grey'}"),
        ("Cut", "the largest centred part of that shape, then resized bilinearly with antialiasing"),
        *facts,
        ("Size", f"{len(model):,} bytes of model"),
        ("Runs on", f"ONNX Runtime Web {runtime.version}, WebAssembly, one thread, no network"),
    ]
    return (
        environment()
        .get_template("picture_model.html")
        .render(
            policy=content_security_policy(script),
            css=stylesheet(),
            title=clean(title, 160),
            headline=clean(title, 160),
            keys=(),
            lead=f"The model gives each of its {len(classes)} classes a probability.",
            classes=len(classes),
            examples=[{"name": clean(each.name, 80), "source": _Whole(each.source)} for each in examples],
            facts=[(clean(name, 60), clean(value, 300)) for name, value in said],
            settings=_json(settings),
            runtime=_Whole(_packed(runtime.wasm)),
            model=_Whole(_packed(model)),
            script=_Whole(script),
        )
    )


def check_size(size: int) -> None:
    """Refuse a model that is too large for a page.

    Args:
        size: Its bytes, or those of its weights, for asking before it is made.

    Raises:
        ArgumentError: More than :data:`MOST_MODEL`.

    >>> check_size(1 << 20)
    """
    require(size <= MOST_MODEL, f"a model of at most {MOST_MODEL} bytes", size, "take a smaller network")


def write_web_page(page: str, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a page, whole or not at all.

    Args:
        page: Of :func:`web_page`.
        path: The file, whose name ends in ``.html``.
        overwrite: Replace an earlier page of that name, in one step; nothing else is ever replaced.

    Raises:
        ArgumentError: It cannot be written there.
    """
    return write_export(Path(path), page.encode(), ending=PAGE, overwrite=overwrite)


def content_security_policy(script: str) -> str:
    """Allow one script by its hash, WebAssembly, own styles and embedded pictures; no connection at all.

    Args:
        script: The text of the page's one script that runs.

    >>> content_security_policy("").split("; ")[0]
    "default-src 'none'"
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


class _Whole(str):
    """A text of ours that the template does not clean and shorten; it is escaped all the same."""

    __slots__ = ()


def _packed(data: bytes) -> str:
    """Base64 of gzip; the same data give the same text."""
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()


def _json(value: object) -> _Whole:
    """JSON that can stand in a script element."""
    text = json.dumps(value, ensure_ascii=True)
    return _Whole(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
