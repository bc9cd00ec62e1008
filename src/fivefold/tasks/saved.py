"""Saved models of every kind: one function that reads what ``fit`` wrote."""

from pathlib import Path
from typing import TYPE_CHECKING

from fivefold.artifact import Bundle, Registry
from fivefold.artifact import load as load_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from fivefold.tasks.images.model import ImageModel
    from fivefold.tasks.tables.model import Model
    from fivefold.tasks.text.model import TextModel


def load(directory: str | Path) -> "Model | ImageModel | TextModel":
    """Read a model that ``save`` wrote; nothing in it is executed.

    The kind that stands in it chooses among the kinds listed here, and nothing else.

    Args:
        directory: Where it was saved.

    Raises:
        ArtifactError: Missing, damaged, tampered with, of an unknown kind or of a newer version.

    >>> load("/nonexistent")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected a saved model at /nonexistent; got nothing of that name; ...
    """
    bundle = load_bundle(directory)
    kinds: dict[str, Callable[[Bundle], Model | ImageModel | TextModel]] = {
        "fivefold.table": _table,
        "fivefold.images": _images,
        "fivefold.texts": _texts,
    }
    return Registry("model kind", kinds).get(bundle.kind)(bundle)


# Each room is imported when one of its models is read: a table predicts without torch.


def _table(bundle: Bundle) -> "Model":
    from fivefold.tasks.tables.model import from_bundle

    return from_bundle(bundle)


def _images(bundle: Bundle) -> "ImageModel":
    from fivefold.tasks.images.model import from_bundle

    return from_bundle(bundle)


def _texts(bundle: Bundle) -> "TextModel":
    from fivefold.tasks.text.model import from_bundle

    return from_bundle(bundle)
