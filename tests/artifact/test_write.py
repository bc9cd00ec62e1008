"""Writing: what comes back is what went, and no failure at any step leaves anything else behind."""

import errno
import fcntl
import os
import re
import resource
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from fivefold.artifact import Bundle, is_artifact, load, save, swap, write
from fivefold.artifact.write import check_target
from fivefold.core import ArgumentError, ArtifactError

from .conftest import assert_same, make_bundle

_CALLS = ("mkdir", "open", "write", "fsync", "rename", "close")


def test_round_trip(saved: Path, bundle: Bundle) -> None:
    assert_same(bundle, load(saved))
    assert sorted(path.name for path in saved.iterdir()) == [
        "README.md",
        "manifest.json",
        "model.json",
        "plan.json",
        "report.html",
        "tensors.safetensors",
    ]
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path, bundle: Bundle) -> None:
    first, second = save(tmp_path / "a", bundle), save(tmp_path / "b", bundle)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_strided_and_big_endian_arrays_come_back(tmp_path: Path) -> None:
    square = np.arange(12.0).reshape(3, 4)
    tensors = {"strided": square[:, ::2], "transposed": square.T, "big": np.arange(3, dtype=">f8")}
    back = load(save(tmp_path / "a", Bundle("tables", {}, tensors))).tensors
    for name, value in tensors.items():
        np.testing.assert_array_equal(back[name], value)


def test_a_bundle_that_was_read_can_be_written_again(saved: Path) -> None:
    first = load(saved)
    save(saved, first, overwrite=True)
    assert_same(first, load(saved))


def test_missing_parents_are_made_and_an_empty_directory_is_filled(tmp_path: Path, bundle: Bundle) -> None:
    assert_same(bundle, load(save(tmp_path / "a" / "b" / "c", bundle)))
    (tmp_path / "empty").mkdir()
    assert_same(bundle, load(save(tmp_path / "empty", bundle)))


def test_the_file_mode_follows_the_umask(tmp_path: Path, bundle: Bundle) -> None:
    before = os.umask(0o027)
    try:
        path = save(tmp_path / "a", bundle)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o750
    assert (path / "model.json").stat().st_mode & 0o777 == 0o640


def test_an_artifact_is_replaced_only_when_asked(saved: Path, bundle: Bundle) -> None:
    with pytest.raises(ArtifactError, match=r"expected a free name .*; got an artifact"):
        save(saved, make_bundle(2.0))
    assert_same(bundle, load(saved))
    save(saved, make_bundle(2.0), overwrite=True)
    assert_same(make_bundle(2.0), load(saved))
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_through_a_link_its_target_is_replaced(saved: Path) -> None:
    link = saved.parent / "latest"
    link.symlink_to(saved)
    save(link, make_bundle(2.0), overwrite=True)
    assert link.is_symlink()
    assert_same(make_bundle(2.0), load(saved))


@pytest.mark.parametrize(
    "what",
    [
        "listed directory",
        "listed link",
        "file",
        "directory",
        "added file",
        "added directory",
        "added link",
        "no manifest",
    ],
)
def test_what_is_not_an_artifact_of_ours_is_never_replaced(saved: Path, what: str) -> None:
    target = saved
    if what == "file":
        target = saved.parent / "thesis.txt"
        target.write_text("precious")
    elif what == "directory":
        target = saved.parent / "photos"
        target.mkdir()
        (target / "a.jpg").write_text("precious")
    elif what == "added file":
        (saved / "predictions.csv").write_text("precious")
    elif what == "listed directory":
        (saved / "plan.json").unlink()
        (saved / "plan.json").mkdir()
    elif what == "listed link":
        (saved / "plan.json").unlink()
        (saved / "plan.json").symlink_to("/etc/passwd")
    elif what == "added directory":
        (saved / "notes").mkdir()
    elif what == "added link":
        (saved / "link").symlink_to("/etc")
    else:
        (saved / "manifest.json").unlink()
    before = _snapshot(saved.parent)
    for overwrite in (False, True):
        with pytest.raises(ArtifactError, match="nothing was changed"):
            save(target, make_bundle(2.0), overwrite=overwrite)
        with pytest.raises(ArtifactError, match="nothing was changed"):
            check_target(target, overwrite)
    assert _snapshot(saved.parent) == before
    assert is_artifact(target) is False


def test_files_of_a_file_manager_do_not_hinder(saved: Path, bundle: Bundle) -> None:
    (saved / ".DS_Store").write_bytes(b"\0")
    assert_same(bundle, load(saved))
    save(saved, make_bundle(2.0), overwrite=True)
    assert_same(make_bundle(2.0), load(saved))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "os:system"}, "lower-case name as kind"),
        ({"kind": ""}, "lower-case name as kind"),
        ({"config": {"a": float("nan")}}, r"a finite number at model.json\['config'\]\['a'\]"),
        ({"config": {"a": [1, {"b": float("inf")}]}}, r"\['a'\]\[1\]\['b'\]"),
        ({"config": {1: 2}}, "text keys"),
        ({"config": {"a": np.int64(3)}}, "got int64"),
        ({"config": {"a": {3}}}, "got set"),
        ({"config": {"a": b"bytes"}}, "got bytes"),
        ({"tensors": {"w": np.array([1.0, np.nan])}}, "finite numbers in 'w'"),
        ({"tensors": {"w": np.array([1.0, -np.inf], dtype=np.float32)}}, "finite numbers in 'w'"),
        ({"tensors": {"w": np.array(["a"], dtype=object)}}, "floats, integers or booleans"),
        ({"tensors": {"w": np.array([1j])}}, "floats, integers or booleans"),
        ({"tensors": {"w": [1.0]}}, "got list"),
        ({"tensors": {"__metadata__": np.ones(1)}}, "array names"),
        ({"tensors": {"": np.ones(1)}}, "array names"),
        ({"tensors": {"w": np.ones((1,) * 9)}}, "at most 8 dimensions"),
        ({"tensors": {f"w{i}": np.ones(1) for i in range(10_001)}}, "at most 10000 arrays"),
        ({"files": {"../evil": b""}}, "plain file names"),
        ({"files": {"a/b": b""}}, "plain file names"),
        ({"files": {"a..b": b""}}, "plain file names"),
        ({"files": {".hidden": b""}}, "plain file names"),
        ({"files": {"a\nb": b""}}, "plain file names"),
        ({"files": {"": b""}}, "plain file names"),
        ({"files": {"manifest.json": b""}}, "another name than manifest.json"),
        ({"files": {"model.json": b""}}, "another name than model.json"),
        ({"files": {"a.txt": "text"}}, "bytes as a.txt"),
        ({"files": {"a.txt": b"", "A.txt": b""}}, "differ by more than case"),
        ({"files": {f"f{i}": b"" for i in range(1000)}}, "at most 996 files"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    parts: dict[str, object] = {"kind": "tables", "config": {}, "tensors": {}, "files": {}, **change}
    with pytest.raises(ArgumentError, match=message):
        save(tmp_path / "deep" / "a", Bundle(**parts))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_too_deep_a_configuration_is_refused(tmp_path: Path) -> None:
    config: dict[str, object] = {}
    for _ in range(70):
        config = {"a": config}
    with pytest.raises(ArgumentError, match="levels of nesting"):
        save(tmp_path / "a", Bundle("tables", config))


def test_a_parent_that_is_a_file_and_a_directory_without_permission(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="a place to write"):
        save(tmp_path / "file" / "a", bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/a", "Not a directory"),
        ("a" * 240, "File name too long"),
        ("a/" + "b" * 256 + "/c", "File name too long"),
        ("old/new", "outside a saved model"),
        ("old/deep/new", "outside a saved model"),
    ],
)
def test_a_place_is_refused_before_anything_is_computed(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    save(tmp_path / "old", make_bundle(1.0))
    before = _snapshot(tmp_path)
    with pytest.raises(ArtifactError, match=message):
        check_target(tmp_path / name)
    assert _snapshot(tmp_path) == before


def test_a_parent_without_permission_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(ArtifactError, match="Permission denied"):
        check_target(tmp_path / "new" / "a")


def _snapshot(place: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else None
        for path in place.rglob("*")
    }


class _Fault:
    """The step-th call of the functions that touch the disk raises; where none is given, it only counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: int | None, error: BaseException) -> None:
        self.calls: list[str] = []
        for name in _CALLS:
            self._wrap(monkeypatch, os, name, step, error)
        self._wrap(monkeypatch, swap, "exchange", step, error)

    def _wrap(
        self,
        monkeypatch: pytest.MonkeyPatch,
        place: object,
        name: str,
        step: int | None,
        error: BaseException,
    ) -> None:
        original = getattr(place, name)

        def call(*args: object, **options: object) -> object:
            self.calls.append(name)
            if len(self.calls) == step:
                if name == "close":
                    original(*args, **options)
                raise error
            return original(*args, **options)

        monkeypatch.setattr(place, name, call)


@pytest.mark.parametrize("swap_exists", [True, False])
@pytest.mark.parametrize("previous", [True, False])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_at_any_step_leaves_the_old_artifact_or_the_whole_new_one(
    tmp_path: Path, previous: bool, swap_exists: bool, error: BaseException
) -> None:
    old, new = make_bundle(1.0), make_bundle(2.0)
    step, failures = 0, 0
    while True:
        step += 1
        target = tmp_path / str(step) / "model"
        if previous:
            save(target, old)
        with pytest.MonkeyPatch.context() as patch:
            if not swap_exists:
                patch.setattr(swap, "exchange", lambda first, second: False)
            fault = _Fault(patch, step, error)
            try:
                save(target, new, overwrite=True)
                failed = False
            except (ArtifactError, KeyboardInterrupt):
                failed = True
            steps = len(fault.calls)
        failures += failed
        if not target.exists():
            assert failed
            assert not previous
            assert not target.parent.exists() or list(target.parent.iterdir()) == []
        else:
            assert load(target).config["intercept"] in ({1.0, 2.0} if previous else {2.0})
            assert failed or load(target).config["intercept"] == 2.0
            assert [path.name for path in target.parent.iterdir()] == ["model"]
        if step > steps:
            break
    # Every file is opened, written, flushed and closed, the directory too, and the names change.
    assert step > 4 * 6
    assert failures >= 3 * 6


_KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from fivefold.artifact import Bundle, load, save, swap

    place, with_swap = Path(sys.argv[1]), sys.argv[2] == "swap"
    if not with_swap:
        swap.exchange = lambda first, second: False
    bundle = lambda number: Bundle("tables", {"number": number}, {"w": np.full(1000, number)}, {"a": b"x"})
    names = ["mkdir", "open", "write", "fsync", "rename", "close", "unlink", "rmdir"]
    outcomes, step = [], 0
    while True:
        step += 1
        target = place / f"{step}-model"
        save(target, bundle(1.0))
        child = os.fork()
        if child == 0:
            calls = 0
            def count(function):
                def call(*args, **options):
                    global calls
                    calls += 1
                    if calls == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return function(*args, **options)
                return call
            for name in names:
                setattr(os, name, count(getattr(os, name)))
            swap.exchange = count(swap.exchange)
            save(target, bundle(2.0), overwrite=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        back = load(target)
        assert set(back.tensors["w"].tolist()) == {back.config["number"]}, step
        outcomes.append(back.config["number"])
        # The next writer finds its way whatever the dead one left.
        save(target, bundle(3.0), overwrite=True)
        assert load(target).config["number"] == 3.0, step
        if os.WIFEXITED(status):
            break
    assert set(outcomes) == {1.0, 2.0} and outcomes == sorted(outcomes), outcomes
    print(step)
    """
)


@pytest.mark.parametrize("way", ["swap", "two renames"])
def test_a_kill_at_any_step_leaves_the_old_artifact_or_the_whole_new_one(tmp_path: Path, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), way],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_a_full_file_system_leaves_the_old_artifact(tmp_path: Path) -> None:
    """The kernel refuses: a tiny tmpfs where we may mount one, else a limit on the size of files."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
        == 0
    )
    large = Bundle("tables", {}, {"w": np.ones(100_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        save(place / "model", make_bundle(1.0))
        before = _snapshot(place)
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, limits[1]))
        with pytest.raises(ArtifactError, match=r"No space left on device|File too large"):
            save(place / "model", large, overwrite=True)
        assert _snapshot(place) == before
        assert_same(make_bundle(1.0), load(place / "model"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def test_leftovers_of_killed_writers_go_and_those_of_living_ones_stay(tmp_path: Path, bundle: Bundle) -> None:
    dead, alive, fresh, other = (tmp_path / f".model.{digit * 16}.part" for digit in "0123")
    for path in (dead, alive, fresh, other):
        path.mkdir()
        (path / "model.json").write_text("half")
    other = other.rename(tmp_path / ".another.0000000000000000.part")
    for path in (dead, alive, other):
        os.utime(path, (time.time() - 3600,) * 2)
    handle = os.open(alive, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        save(tmp_path / "model", bundle)
    finally:
        os.close(handle)
    assert [path.exists() for path in (dead, alive, fresh, other)] == [False, True, True, True]


def test_readers_see_a_whole_artifact_while_it_is_replaced_again_and_again(tmp_path: Path) -> None:
    target = save(tmp_path / "model", make_bundle(0.0))
    done = threading.Event()

    def replace() -> None:
        for number in range(1, 40):
            save(target, make_bundle(float(number)), overwrite=True)
        done.set()

    writer = threading.Thread(target=replace)
    writer.start()
    seen = []
    while not done.is_set():
        back = load(target)
        assert back.config["intercept"] == float(back.tensors["scalar"])
        seen.append(back.config["intercept"])
    writer.join()
    assert seen == sorted(seen)
    assert load(target).config["intercept"] == 39.0


def test_something_that_takes_the_name_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    target = tmp_path / "model"
    original = write._sync_directory

    def intrude(path: Path) -> None:
        original(path)
        target.mkdir()
        (target / "photo.jpg").write_text("precious")

    monkeypatch.setattr(write, "_sync_directory", intrude)
    with pytest.raises(ArtifactError, match=re.escape("what was there before is untouched")):
        save(target, bundle, overwrite=True)
    assert (target / "photo.jpg").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("previous", [True, False])
def test_everything_is_on_disk_before_the_name_changes_and_the_manifest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, previous: bool
) -> None:
    target = tmp_path / "model"
    if previous:
        save(target, make_bundle(1.0))
    paths: dict[int, str] = {}
    written: list[str] = []
    flushed: list[str] = []
    at_the_change: list[list[str]] = []
    opened, wrote, synced = os.open, os.write, os.fsync

    def open_(path: object, *rest: object, **options: object) -> int:
        handle = opened(path, *rest, **options)  # type: ignore[arg-type]
        paths[handle] = Path(os.fsdecode(path)).name  # type: ignore[arg-type]
        return handle

    def write_(handle: int, data: bytes) -> int:
        written.append(paths[handle])
        return wrote(handle, data)

    def sync_(handle: int) -> None:
        flushed.append(paths[handle])
        synced(handle)

    for place, name in ((os, "rename"), (swap, "exchange")):

        def change(*names: Path, original: object = getattr(place, name)) -> object:
            at_the_change.append(list(flushed))
            return original(*names)  # type: ignore[operator]

        monkeypatch.setattr(place, name, change)
    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "write", write_)
    monkeypatch.setattr(os, "fsync", sync_)
    save(target, make_bundle(2.0), overwrite=True)
    files = sorted(path.name for path in target.iterdir())
    assert sorted(set(written)) == files
    assert written[-1] == "manifest.json"
    assert sorted(at_the_change[0][:-1]) == files
    assert at_the_change[0][-1].endswith(".part")  # the directory itself
    assert flushed[-1] == tmp_path.name


def test_a_writer_holds_a_lock_by_which_others_see_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    original, tried = write._write_file, []

    def write_file(path: Path, data: bytes) -> None:
        handle = os.open(path.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
        tried.append(path.name)
        original(path, data)

    monkeypatch.setattr(write, "_write_file", write_file)
    save(tmp_path / "model", bundle)
    assert len(tried) == 6


def test_a_place_that_takes_no_folders_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **named: object) -> str:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(ArtifactError, match=r"a place to write .*Read-only file system"):
        check_target(tmp_path / "new")
