"""What saved models of every kind share: their files, and how a bundle becomes a model or is refused."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from fivefold.artifact import Bundle
from fivefold.core import ArtifactError

Made = TypeVar("Made")


def files_of(record: dict[str, Any], plan: dict[str, Any]) -> dict[str, bytes]:
    """Return report, record and plan as the files of an artifact."""
    from fivefold.report.page import render

    return {
        "report.html": render(record).encode(),
        "record.json": json.dumps(record, allow_nan=False).encode(),
        "plan.json": json.dumps(plan, allow_nan=False).encode(),
    }


def assembled(
    bundle: Bundle, kind: str, what: str, make: Callable[[dict[str, Any], dict[str, Any]], Made]
) -> Made:
    """Make the model of an artifact, or refuse it; a forged description fails anywhere, nothing of it stays.

    Args:
        bundle: What was read.
        kind: The kind that it must be.
        what: The model, for messages: ``"an image model"``.
        make: Makes it from the record and the plan, which may be empty.

    Raises:
        ArtifactError: Another kind, or parts that do not fit each other.

    >>> assembled(Bundle("a", {}), "b", "a model", lambda record, plan: None)
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected an artifact of kind b; got 'a'
    """
    if bundle.kind != kind:
        raise ArtifactError(f"an artifact of kind {kind}", repr(bundle.kind))
    try:
        record, plan = (json.loads(bundle.files.get(name, b"{}")) for name in ("record.json", "plan.json"))
        return make(record, plan)
    except ArtifactError:
        raise
    except (Exception, MemoryError) as error:
        raise ArtifactError(
            f"parts of {what} that fit each other",
            f"{type(error).__name__}: {error}"[:300],
            "the artifact was changed or damaged: fit anew",
        ) from None
