"""The journal: what is whole is read, what is damaged or another's is refused."""

import json

import pytest

from fivefold.core import ArtifactError
from fivefold.tasks.images.design.journal import Journal, read_identity
from fivefold.tasks.images.design.trial import Ending, Trial

ONE = Trial("D:4:1", "D:4:1", 0, (), "", Ending.TRAINED, "ok", 0.25, (0.1, 0.2, 0.25), loss=1.5)


def written(folder):
    journal = Journal(folder, {"seed": 3, "space": {"widths": (8, 16)}})
    journal.append(ONE)
    journal.append(ONE)
    return folder / "journal.jsonl"


def test_trials_come_back_as_they_went(tmp_path):
    written(tmp_path)
    assert Journal(tmp_path, {"seed": 3, "space": {"widths": [8, 16]}}).trials == [ONE, ONE]
    assert read_identity(tmp_path) == {"seed": 3, "space": {"widths": [8, 16]}}
    assert read_identity(tmp_path / "elsewhere") is None


def test_every_cut_of_the_file_leaves_its_whole_lines(tmp_path):
    """A kill while writing: whatever the byte at which it came."""
    file = written(tmp_path)
    data = file.read_bytes()
    lines = data.count(b"\n")
    for cut in range(0, len(data), 7):
        file.write_bytes(data[:cut])
        whole = data[:cut].count(b"\n")
        journal = Journal(tmp_path, {"seed": 3, "space": {"widths": (8, 16)}})
        assert len(journal.trials) == max(0, whole - 1)
        journal.append(ONE)
        assert file.read_bytes().count(b"\n") == max(1, whole) + 1
    assert lines == 3


def test_the_journal_of_another_search_is_refused_by_name(tmp_path):
    written(tmp_path)
    with pytest.raises(ArtifactError, match="the same seed; got 3 instead of 4"):
        Journal(tmp_path, {"seed": 4, "space": {"widths": (8, 16)}})


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{",
        b'{"key": "D:4:1"}',
        b'{"key": NaN}',
        b"\xff",
        json.dumps({**ONE.to_record(), "ending": "lost"}).encode(),
    ],
)
def test_a_damaged_line_is_refused(tmp_path, line):
    file = written(tmp_path)
    with file.open("ab") as opened:
        opened.write(line + b"\n")
    with pytest.raises(ArtifactError, match="line 4"):
        Journal(tmp_path, {"seed": 3, "space": {"widths": (8, 16)}})


def test_another_format_is_refused(tmp_path):
    (tmp_path / "journal.jsonl").write_text('{"format": 99, "identity": {}}\n')
    with pytest.raises(ArtifactError, match="a journal of format 2; got 99"):
        read_identity(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    file = written(tmp_path)
    journal = Journal(tmp_path, {"seed": 3, "space": {"widths": (8, 16)}})
    file.unlink()
    file.mkdir()
    with pytest.raises(ArtifactError, match=r"a place to write journal\.jsonl"):
        journal.append(ONE)


def test_an_overlong_journal_is_refused(tmp_path):
    with (tmp_path / "journal.jsonl").open("wb") as file:
        file.truncate((1 << 28) + 1)
    with pytest.raises(ArtifactError, match="at most"):
        read_identity(tmp_path)
