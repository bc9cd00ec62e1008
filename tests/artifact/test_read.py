"""Reading: a corpus of tampered artifacts, each refused with a message that says what is wrong."""

import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from fivefold.artifact import Bundle, load, read, save
from fivefold.core import ArtifactError

from .conftest import assert_same, make_bundle

Resign = Callable[..., Path]


def edit(path: Path, **changes: object) -> bytes:
    record = json.loads(path.read_text())
    record.update(changes)
    return json.dumps(record).encode()


def header(record: object, data: bytes = b"") -> bytes:
    text = record if isinstance(record, bytes) else json.dumps(record).encode()
    return struct.pack("<Q", len(text)) + text + data


# Damage: the manifest stays as it was.


@pytest.mark.parametrize(
    "name", ["model.json", "tensors.safetensors", "README.md", "report.html", "plan.json"]
)
def test_a_flipped_bit_anywhere_is_seen(saved: Path, name: str) -> None:
    path = saved / name
    whole = path.read_bytes()
    for place in {0, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=f"the contents of {name}"):
            load(saved)


def test_swapped_files_are_seen(saved: Path) -> None:
    one, two = (saved / "plan.json").read_bytes(), (saved / "report.html").read_bytes()
    (saved / "plan.json").write_bytes(two)
    (saved / "report.html").write_bytes(one)
    with pytest.raises(ArtifactError, match=r"(bytes in|the contents of) (plan\.json|report\.html)"):
        load(saved)


def test_a_file_of_another_artifact_is_seen(saved: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other", make_bundle(2.5))
    (saved / "tensors.safetensors").write_bytes((other / "tensors.safetensors").read_bytes())
    with pytest.raises(ArtifactError, match=r"the contents of tensors\.safetensors"):
        load(saved)


def test_a_truncated_file_is_seen(saved: Path) -> None:
    path = saved / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"bytes in tensors\.safetensors"):
        load(saved)


def test_a_missing_file_is_named(saved: Path) -> None:
    (saved / "plan.json").unlink()
    with pytest.raises(ArtifactError, match=r"none named plan\.json"):
        load(saved)


@pytest.mark.parametrize("name", ["evil.py", ".hidden", "__init__.py", "a\x1b[31mred\n.txt"])
def test_an_added_file_is_named_without_its_control_characters(saved: Path, name: str) -> None:
    (saved / name).write_text("print('hello')")
    with pytest.raises(ArtifactError, match=r"only the files that manifest\.json lists") as caught:
        load(saved)
    assert str(caught.value).isprintable()


def test_an_added_directory_is_refused(saved: Path) -> None:
    (saved / "more").mkdir()
    with pytest.raises(ArtifactError, match="only the files"):
        load(saved)


# Places that are no artifact.


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="nothing of that name; check the path"):
        load(tmp_path / "none")


def test_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(ArtifactError, match="got a file; name its directory"):
        load(tmp_path / "a")


def test_a_missing_manifest(saved: Path) -> None:
    (saved / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="this is no saved model, or it was not copied whole"):
        load(saved)


def test_a_file_that_may_not_be_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(read, "read_plain_file", refuse)
    with pytest.raises(ArtifactError, match="got Permission denied; check its permissions"):
        load(saved)


def test_a_directory_that_never_rests(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(path: Path) -> Bundle:
        save(saved, make_bundle(), overwrite=True)
        raise FileNotFoundError(2, "gone")

    monkeypatch.setattr(read, "_load", replace)
    with pytest.raises(ArtifactError, match="being replaced all the time"):
        load(saved)


def test_what_a_killed_writer_left_aside_is_found(saved: Path, bundle: Bundle) -> None:
    saved.rename(saved.with_name(f".{saved.name}.previous"))
    assert_same(bundle, load(saved))


def test_a_link_to_an_artifact_is_followed(saved: Path, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(saved)
    assert_same(bundle, load(tmp_path / "latest"))


# Attack: the manifest fits what was put there.


def test_resigning_alone_is_accepted(saved: Path, resign: Resign, bundle: Bundle) -> None:
    """The corpus below is refused for what is in it, not for a manifest that does not fit."""
    assert_same(bundle, load(resign({})))


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("name", ["plan.json", "model.json", "manifest.json"])
def test_links_are_refused(saved: Path, resign: Resign, tmp_path: Path, name: str, outside: bool) -> None:
    place = tmp_path / "elsewhere" if outside else saved / "copy"
    place.write_bytes((saved / name).read_bytes())
    (saved / name).unlink()
    (saved / name).symlink_to(place)
    if name != "manifest.json":
        resign({})
    with pytest.raises(ArtifactError, match=r"regular files in an artifact|only the files"):
        load(saved)


def test_a_pipe_is_not_waited_for(saved: Path) -> None:
    (saved / "plan.json").unlink()
    os.mkfifo(saved / "plan.json")
    with pytest.raises(ArtifactError, match="link or special file"):
        load(saved)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:evil",
        "..",
        ".",
        "",
        "a\0b",
        "a\nb",
        "café",
        "-rf",
        "x" * 129,
    ],
)
def test_names_that_lead_elsewhere_are_refused(saved: Path, name: str) -> None:
    record = json.loads((saved / "manifest.json").read_text())
    record["files"][name] = {"size": 0, "sha256": "0" * 64}
    (saved / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match="plain file names") as caught:
        load(saved)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"size": -1, "sha256": "0" * 64}, "a size of 0 to"),
        ({"size": 10**15, "sha256": "0" * 64}, "a size of 0 to"),
        ({"size": True, "sha256": "0" * 64}, "a size of 0 to"),
        ({"size": 1.0, "sha256": "0" * 64}, "a size of 0 to"),
        ({"size": 0, "sha256": "0" * 63}, "64 hexadecimal digits"),
        ({"size": 0, "sha256": 0}, "64 hexadecimal digits"),
        ({"size": 0}, "size and sha256"),
        ({"size": 0, "sha256": "0" * 64, "run": "rm"}, "size and sha256"),
        ("x", "size and sha256"),
    ],
)
def test_entries_of_the_manifest_that_cannot_be(saved: Path, entry: object, message: str) -> None:
    record = json.loads((saved / "manifest.json").read_text())
    record["files"]["plan.json"] = entry
    (saved / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ArtifactError, match=message):
        load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something else"}, "a fivefold artifact"),
        ({"format_version": 0}, "a format version of at least 1"),
        ({"format_version": "1"}, "a format version of at least 1"),
        ({"format_version": True}, "a format version of at least 1"),
        ({"files": []}, "the keys"),
        ({"files": {}}, r"model\.json in manifest\.json"),
        ({"more": 1}, "the keys"),
        ({"files": {f"f{i}": {"size": 0, "sha256": "0" * 64} for i in range(1001)}}, "at most 1000 files"),
        ({"files": {"manifest.json": {"size": 0, "sha256": "0" * 64}}}, r"no manifest\.json in the list"),
    ],
)
def test_manifests_that_are_not_ours(saved: Path, changes: dict[str, object], message: str) -> None:
    (saved / "manifest.json").write_bytes(edit(saved / "manifest.json", **changes))
    with pytest.raises(ArtifactError, match=message):
        load(saved)


@pytest.mark.parametrize(
    ("writer", "advice"),
    [
        ("9.1.0", r"pip install 'fivefold>=9\.1\.0'"),
        ("9.1.0rc1", r"pip install 'fivefold>=9\.1\.0rc1'"),
        ("0+source", "pip install --upgrade fivefold"),
        ("9'; rm -rf ~ #", "pip install --upgrade fivefold"),
        (None, "pip install --upgrade fivefold"),
    ],
)
def test_a_newer_version_says_what_to_install(resign: Resign, writer: object, advice: str) -> None:
    with pytest.raises(ArtifactError, match=f"format version 1 or older; got version 2.*{advice}$") as caught:
        load(resign({}, format_version=2, fivefold_version=writer, unknown_key=1))
    assert "rm -rf" not in str(caught.value)


def test_versions_of_the_two_files_must_agree(saved: Path, resign: Resign) -> None:
    with pytest.raises(ArtifactError, match="format version 1 or older; got version 3"):
        load(resign({"model.json": edit(saved / "model.json", format_version=3)}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "os:system"}, "lower-case name as kind"),
        ({"kind": "subprocess.Popen"}, "lower-case name as kind"),
        ({"kind": ["eval"]}, "lower-case name as kind"),
        ({"config": [1]}, "the keys"),
        ({"__reduce__": ["os.system", ["true"]]}, "the keys"),
    ],
)
def test_descriptions_that_are_not_ours(
    saved: Path, resign: Resign, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ArtifactError, match=message):
        load(resign({"model.json": edit(saved / "model.json", **changes)}))


def test_what_looks_like_code_stays_data(saved: Path, resign: Resign, tmp_path: Path) -> None:
    """Names of classes and calls in the configuration come back as the text that they are."""
    trap = tmp_path / "trap"
    config = {
        "__reduce__": ["os.system", [f"touch {trap}"]],
        "__class__": "subprocess.Popen",
        "py/object": "os.system",
        "$import": "antigravity",
    }
    modules = set(sys.modules)
    back = load(resign({"model.json": edit(saved / "model.json", config=config)}))
    assert back.config == config
    assert type(back.config) is dict
    assert not trap.exists()
    assert "antigravity" not in set(sys.modules) - modules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b'{"a": NaN}', "the number NaN"),
        (b'{"a": -Infinity}', "the number -Infinity"),
        (b'{"a": 1e999}', "not finite"),
        (b"[" * 100_000, "levels of nesting"),
        (b'{"a":' * 100_000, "levels of nesting"),
        (b'{"a": "\xff"}', "utf-8"),
        (b"\xef\xbb\xbf{}", "BOM|Expecting"),
        (b"", "Expecting value"),
        (b'{"a": 1', "Expecting"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b"[" + b"0," * 5_000_000 + b"0]", "at most 4000000 values"),
        (b"null", "a fivefold artifact"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_json_that_is_refused(resign: Resign, text: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=message) as caught:
        load(resign({"model.json": text}))
    assert len(str(caught.value)) < 500


def test_a_large_json_file_is_refused_before_it_is_read(saved: Path, resign: Resign) -> None:
    with (saved / "model.json").open("r+b") as stream:
        stream.truncate((64 << 20) + 1)  # sparse
    with pytest.raises(ArtifactError, match="a size of 0 to 67108864"):
        load(resign({}))


_ENTRY = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "at least 8 bytes"),
        (b"1234567", "at least 8 bytes"),
        (struct.pack("<Q", 2**63), "a safetensors header of at most"),
        (struct.pack("<Q", 100) + b"{}", "a whole safetensors header"),
        (header(b"{"), "valid JSON in the safetensors header"),
        (header([]), "a safetensors header with names"),
        (header({"w": 1}), "dtype, shape and data_offsets"),
        (header({"w": {**_ENTRY, "code": "x"}}, bytes(16)), "dtype, shape and data_offsets"),
        (header({"w": {**_ENTRY, "dtype": "pickle"}}, bytes(16)), "a known type"),
        (header({"w": {**_ENTRY, "dtype": ["F64"]}}, bytes(16)), "a known type"),
        (header({"w": {**_ENTRY, "shape": [2**40, 2**40]}}, bytes(16)), "bytes for 'w' of shape"),
        (header({"w": {**_ENTRY, "shape": [2**62]}}, bytes(16)), "a shape of at most"),
        (header({"w": {**_ENTRY, "shape": [-2]}}, bytes(16)), "a shape of at most"),
        (header({"w": {**_ENTRY, "shape": [True, 2]}}, bytes(16)), "a shape of at most"),
        (header({"w": {**_ENTRY, "shape": "2"}}, bytes(16)), "a shape of at most"),
        (header({"w": {**_ENTRY, "shape": [1] * 9}}, bytes(16)), "a shape of at most 8 lengths"),
        (header({"w": {**_ENTRY, "data_offsets": [0, 2**40]}}, bytes(16)), "offsets of 'w' inside 16 bytes"),
        (header({"w": {**_ENTRY, "data_offsets": [16, 0]}}, bytes(16)), "offsets of 'w'"),
        (header({"w": {**_ENTRY, "data_offsets": [0]}}, bytes(16)), "offsets of 'w'"),
        (header({"w": _ENTRY}, bytes(17)), "16 bytes of arrays after the header"),
        (header({"w": _ENTRY, "v": _ENTRY}, bytes(32)), "valid safetensors"),  # they overlap
        (
            header(
                {"w": {**_ENTRY, "data_offsets": [16, 32]}, "v": {**_ENTRY, "data_offsets": [16, 32]}},
                bytes(32),
            ),
            "valid safetensors",
        ),
        (header(b'{"w": {}, "w": {}}'), "the key 'w' twice"),
        (
            header({f"w{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(10_001)}),
            "at most 10000 arrays",
        ),
        (save_tensors({"w": np.array([1.0, np.nan])}), "finite numbers in the array 'w'"),
        (save_tensors({"w": np.array([np.inf], dtype=np.float32)}), "finite numbers in the array 'w'"),
        (save_tensors({"w": np.array([1.0], dtype=np.float16)}), "a known type"),
        (save_tensors({"w": np.ones(1)}, metadata={"a": "b"}), "dtype, shape and data_offsets"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_tensors_that_are_refused(resign: Resign, data: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=message) as caught:
        load(resign({"tensors.safetensors": data}))
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()
