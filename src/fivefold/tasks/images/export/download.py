"""The one place that uses the network, and only where the user asks for it: ``export --download``.

It fetches one file of a pinned name, size and SHA-512 from npm's registry. Nothing is sent but the request.
"""

from collections.abc import Callable
from typing import IO
from urllib.error import URLError
from urllib.request import Request, urlopen

from fivefold.core import DataError
from fivefold.tasks.images.export.runtime import ARCHIVE, VERSION, WebRuntime, unpacked

URL = f"https://registry.npmjs.org/onnxruntime-web/-/{ARCHIVE.name}"
_SECONDS = 60.0


def download_runtime(open_url: Callable[[str], IO[bytes]] | None = None) -> WebRuntime:
    """Fetch the runtime for browsers, and check it before it is opened.

    Args:
        open_url: Opens an address for reading; over HTTPS where ``None``.

    Raises:
        DataError: No answer, or another file than the pinned one.
    """
    try:
        with (open_url or _open)(URL) as answer:
            data = answer.read(ARCHIVE.bytes + 1)
    except (URLError, OSError) as error:
        raise DataError(
            f"onnxruntime-web {VERSION} from {URL}",
            str(getattr(error, "reason", error))[:200],
            f"run elsewhere: npm pack onnxruntime-web@{VERSION}, and name the archive with --runtime",
        ) from error
    return unpacked(data)


def _open(url: str) -> IO[bytes]:
    answer: IO[bytes] = urlopen(Request(url, headers={"User-Agent": "fivefold"}), timeout=_SECONDS)  # noqa: S310
    return answer
