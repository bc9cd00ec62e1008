"""The download: one address, bounded, checked; no network in this test."""

import io
from urllib.error import URLError

import pytest

from fivefold.core import DataError
from fivefold.tasks.images.export import download
from fivefold.tasks.images.export.download import URL, download_runtime
from fivefold.tasks.images.export.runtime import ARCHIVE, WebRuntime


def test_what_comes_is_bounded_and_checked(monkeypatch):
    asked, sizes = [], []

    class Endless(io.BytesIO):
        def read(self, size=-1):
            sizes.append(size)
            return b"x" * min(size, 100)

    def answer(url):
        asked.append(url)
        return Endless()

    with pytest.raises(DataError, match="npm pack"):
        download_runtime(answer)
    assert asked == [URL]
    assert sizes == [ARCHIVE.bytes + 1]
    assert URL.startswith("https://registry.npmjs.org/onnxruntime-web/")
    monkeypatch.setattr(download, "unpacked", lambda data: WebRuntime(data, b""))
    assert download_runtime(answer).script == b"x" * 100


@pytest.mark.parametrize("error", [URLError("no route"), TimeoutError("timed out")])
def test_no_answer(error):
    def answer(url):
        raise error

    with pytest.raises(DataError, match="--runtime"):
        download_runtime(answer)
