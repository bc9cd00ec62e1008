"""Copies of the folders: what the script would write stays in them."""

import os
from pathlib import Path

import pytest

from fivefold.core import DataError
from fivefold.diagnosis.trial import workspace
from fivefold.diagnosis.trial.workspace import copy_folders


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A script with what lies beside it."""
    home = tmp_path / "project"
    (home / "data").mkdir(parents=True)
    (home / "train.py").write_text("x = 1\n")
    (home / "data" / "rows.csv").write_text("1,2\n")
    (home / ".git").mkdir()
    (home / ".git" / "config").write_text("")
    return home


def into(tmp_path: Path) -> Path:
    place = tmp_path / "copy"
    place.mkdir()
    return place


def test_a_copy_of_script_and_data(project: Path, tmp_path: Path) -> None:
    space = copy_folders(project / "train.py", project, into(tmp_path))
    assert space.script.read_text() == "x = 1\n"
    assert space.folder == space.home == space.script.parent
    (space.folder / "data" / "rows.csv").write_text("changed")
    assert (project / "data" / "rows.csv").read_text() == "1,2\n"
    assert not (space.folder / ".git").exists()
    assert space.temporary.is_dir()


@pytest.mark.parametrize("where", ["above", "below", "apart"])
def test_the_working_folder_may_be_another(project: Path, tmp_path: Path, where: str) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    folder = {"above": project.parent, "below": project / "data", "apart": apart}[where]
    space = copy_folders(project / "train.py", folder, Path(os.path.realpath(into(tmp_path / "apart"))))
    assert space.script.read_text() == "x = 1\n"
    if where != "apart":
        same = os.path.relpath(project / "train.py", folder)
        assert os.path.relpath(space.script, space.folder) == same


def test_large_files_are_linked_but_never_those_that_the_script_writes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "LARGEST_FILE", 3)
    (project / "weights.pt").write_text("old weights")
    written = [str(project / "weights.pt")]
    space = copy_folders(project / "train.py", project, into(tmp_path), written)
    assert (space.folder / "data" / "rows.csv").is_symlink()
    assert not (space.folder / "weights.pt").is_symlink()
    assert not space.script.is_symlink()


def test_a_folder_of_very_many_files_is_linked_whole(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "MOST_ENTRIES", 5)
    for i in range(9):
        (project / "data" / f"{i}.png").write_text("")
    space = copy_folders(project / "train.py", project, into(tmp_path))
    assert (space.folder / "data").is_symlink()
    again = copy_folders(
        project / "train.py", project, into(tmp_path / "copy"), [str(project / "data" / "0.png")]
    )
    assert not (again.folder / "data").is_symlink(), "the script writes there"


def test_a_script_that_writes_elsewhere_is_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"it wrote '/srv/results\.csv'"):
        copy_folders(project / "train.py", project, into(tmp_path), ["/srv/results.csv"])
    kept = ["/home/somebody/.cache/torch/x", str(project / "out.csv"), "/tmp/some"]
    copy_folders(project / "train.py", project, into(tmp_path / "copy"), kept)


def test_a_folder_that_cannot_be_read(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        copy_folders(project / "train.py", project, into(tmp_path))
