"""ONNX Runtime for browsers: which build the page carries, and that it is exactly that one.

It is Microsoft's npm package ``onnxruntime-web``, under the MIT licence, and not part of fivefold: the user
names an unpacked package or its archive. Its smallest build for the processor is taken, one thread, so that
the page needs no isolation from other origins. What is not the pinned file, byte by byte, is refused: it
would run in the page of whoever opens it.
"""

import base64
import hashlib
import io
import tarfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from fivefold.artifact.plain_file import read_plain_file
from fivefold.core import ArgumentError, ArtifactError, DataError

VERSION = "1.30.0"


@dataclass(frozen=True)
class Pin:
    """A file that is known.

    Attributes:
        name: Where it lies in the package.
        bytes: Its size.
        sha512: Its digest, in base64.
    """

    name: str
    bytes: int
    sha512: str


SCRIPT = Pin(
    "dist/ort.wasm.bundle.min.mjs",
    73_054,
    "1KcF8CWAZeqtTcvLgKPtOMXIbkWeh++LDCQpDhQ5ARVxHAL1VNL5rr0OI+MxTbmNIANldE/A/q+O4gSKgSMjWQ==",
)
WASM = Pin(
    "dist/ort-wasm-simd-threaded.wasm",
    14_239_897,
    "Gt7e1iIDIZ/PXEhM/OVleqWHVom0kEI/hs8cod0crXcV9jDGM39B23HuQnlOOgDOC3x4k5pxIgtdgzaL9up3MA==",
)
ARCHIVE = Pin(
    f"onnxruntime-web-{VERSION}.tgz",
    33_106_585,
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
"""The package as the registry serves it; the digest is the one that the registry states."""


@dataclass(frozen=True, eq=False)
class WebRuntime:
    """The two files that run a model in a browser.

    Attributes:
        script: An ECMAScript module, UTF-8.
        wasm: Its WebAssembly.
        version: Of the package.
    """

    script: bytes
    wasm: bytes
    version: str = VERSION


def read_runtime(path: str | PathLike[str]) -> WebRuntime:
    """Read the runtime from an unpacked npm package or from its archive.

    ``npm pack onnxruntime-web@1.30.0`` fetches the archive.

    Args:
        path: The folder that holds ``package.json`` and ``dist``, or one that holds it as ``package``; or the
            ``.tgz``.

    Raises:
        DataError: Nothing there, or not the pinned files.
    """
    place = Path(path)
    try:
        if place.is_dir():
            root = place / "package" if (place / "package").is_dir() else place
            script, wasm = (read_plain_file(root / pin.name, pin.bytes, pin.bytes) for pin in (SCRIPT, WASM))
            return WebRuntime(checked(script, SCRIPT), checked(wasm, WASM))
        return unpacked(read_plain_file(place.resolve(), ARCHIVE.bytes, ARCHIVE.bytes))
    except (OSError, ArtifactError) as error:
        got = error.got if isinstance(error, ArtifactError) else (error.strerror or "no such file")
        raise _refused(ascii(str(place))[1:-1], got) from error


def unpacked(archive: bytes) -> WebRuntime:
    """Take the two files out of the package's archive, in memory; nothing is written anywhere.

    Raises:
        DataError: Not the pinned archive.
    """
    checked(archive, ARCHIVE)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        for pin in (SCRIPT, WASM):
            member = package.getmember(f"package/{pin.name}")
            stream = package.extractfile(member) if member.isreg() and member.size == pin.bytes else None
            if stream is None:
                raise _refused(pin.name, "another kind of file or size")
            found[pin] = checked(stream.read(pin.bytes + 1), pin)
    return WebRuntime(found[SCRIPT], found[WASM])


def checked(data: bytes, pin: Pin) -> bytes:
    """Return the data where it is the pinned file.

    Raises:
        DataError: Another size or digest.
    """
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if len(data) != pin.bytes or digest != pin.sha512:
        raise _refused(pin.name, f"{len(data)} bytes with the digest {digest[:12]}...")
    return data


def module_text(script: bytes) -> str:
    """Return the module's text with its exports as one object, ``fivefoldRuntime``, to stand in a page.

    Args:
        script: A module whose last statement is one list of exports.

    Raises:
        ArgumentError: Another form, or text that would end a script element.

    >>> module_text(b"var a=1;export{a as env,a as Tensor,a as InferenceSession};")
    'var a=1;const fivefoldRuntime={env:a,Tensor:a,InferenceSession:a};'
    """
    text = script.decode("utf-8", "strict")
    body, mark, tail = text.rpartition("export{")
    inside, end, rest = tail.partition("}")
    rest = rest.strip().removeprefix(";").strip()
    plain = mark and end and (not rest or (rest.startswith("//# sourceMappingURL=") and "\n" not in rest))
    pairs = [pair.split(" as ") for pair in inside.split(",")]
    wanted = {"env", "Tensor", "InferenceSession"}
    if (
        not plain
        or not wanted <= {pair[-1] for pair in pairs}
        or "</script" in text.lower()
        or "<!--" in text
    ):
        raise ArgumentError("a module of onnxruntime-web that ends with its exports", "another script")
    fields = ",".join(f"{pair[-1]}:{pair[0]}" for pair in pairs if pair[-1] in wanted)
    return f"{body}const fivefoldRuntime={{{fields}}};"


def _refused(name: str, got: str) -> DataError:
    return DataError(
        f"onnxruntime-web {VERSION} at {name}",
        got,
        f"run: npm pack onnxruntime-web@{VERSION}, and name the archive with --runtime",
    )
