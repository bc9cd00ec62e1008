"""A missing package is named before anything is computed."""

import pytest

from fivefold.core import MissingExtraError
from fivefold.tasks.images.export.installed import PACKAGES, check_installed


def test_what_an_export_needs_is_here():
    check_installed()
    assert set(PACKAGES) == {"onnx", "onnxscript", "onnxruntime"}


def test_a_missing_package_is_named_with_the_extra():
    with pytest.raises(MissingExtraError, match=r"nosuchpackage.*fivefold\[images\]"):
        check_installed(("json", "nosuchpackage"), "images")
