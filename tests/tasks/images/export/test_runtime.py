"""Only the pinned runtime passes, and its module can stand inline."""

import base64
import hashlib
import io
import tarfile

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.images.export import runtime
from fivefold.tasks.images.export.runtime import Pin, checked, module_text, read_runtime, unpacked

FILES = {"dist/a.mjs": b"var a=1;export{a as env};", "dist/b.wasm": b"\0asm"}


def pin(name, data):
    return Pin(name, len(data), base64.b64encode(hashlib.sha512(data).digest()).decode())


def packed(files, kind=tarfile.REGTYPE):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as package:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            package.addfile(member, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def pinned(monkeypatch):
    """Pins of a small package; its archive is returned."""
    archive = packed(FILES)
    script, wasm = (pin(name, data) for name, data in FILES.items())
    monkeypatch.setattr(runtime, "SCRIPT", script)
    monkeypatch.setattr(runtime, "WASM", wasm)
    monkeypatch.setattr(runtime, "ARCHIVE", pin("package.tgz", archive))
    return archive


def test_the_archive_and_the_folder_give_the_same(pinned, tmp_path):
    (tmp_path / "package.tgz").write_bytes(pinned)
    for name, data in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for place in ("package.tgz", "package", "."):
        found = read_runtime(tmp_path / place)
        assert (found.script, found.wasm) == tuple(FILES.values())


def test_another_byte_is_refused(pinned, tmp_path):
    changed = bytearray(pinned)
    changed[-1] ^= 1
    (tmp_path / "package.tgz").write_bytes(bytes(changed))
    with pytest.raises(DataError, match="npm pack"):
        read_runtime(tmp_path / "package.tgz")
    for name, data in FILES.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[:-1] + b"!")
    with pytest.raises(DataError, match="digest"):
        read_runtime(tmp_path)
    with pytest.raises(DataError, match="onnxruntime-web"):
        read_runtime(tmp_path / "nothing")
    with pytest.raises(DataError):
        checked(b"", runtime.SCRIPT)


def test_a_link_in_the_folder_is_not_followed(pinned, tmp_path):
    dist = tmp_path / "dist"
    dist.mkdir()
    (tmp_path / "real").write_bytes(FILES["dist/a.mjs"])
    (dist / "a.mjs").symlink_to(tmp_path / "real")
    (dist / "b.wasm").write_bytes(FILES["dist/b.wasm"])
    with pytest.raises(DataError, match="link"):
        read_runtime(tmp_path)


def test_links_in_an_archive_are_refused(pinned, monkeypatch):
    archive = packed(FILES, tarfile.SYMTYPE)
    monkeypatch.setattr(runtime, "ARCHIVE", pin("package.tgz", archive))
    with pytest.raises(DataError, match="another kind of file"):
        unpacked(archive)


def test_the_exports_become_one_object():
    exports = b"export{q as InferenceSession,r as other,t as Tensor,e as env};"
    text = module_text(b"var x=1;" + exports + b"\n//# sourceMappingURL=a.map\n")
    assert text == "var x=1;const fivefoldRuntime={InferenceSession:q,Tensor:t,env:e};"


@pytest.mark.parametrize(
    "script",
    [
        b"var a=1;",
        b"export{a as env};",
        b"export{a as env,b as Tensor,c as InferenceSession};more()",
        b"'</script>';export{a as env,b as Tensor,c as InferenceSession};",
        b"'<!--';export{a as env,b as Tensor,c as InferenceSession};",
    ],
)
def test_other_scripts_are_refused(script):
    with pytest.raises(ArgumentError, match="ends with its exports"):
        module_text(script)
