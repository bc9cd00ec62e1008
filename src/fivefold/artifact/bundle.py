"""What an artifact holds, in memory."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, slots=True)
class Bundle:
    """A model as plain data: a name, a JSON configuration, arrays, and further files.

    Args:
        kind: Which loader understands it; looked up in a closed :class:`~fivefold.artifact.Registry`.
            Lower-case letters, digits, ``.``, ``_`` and ``-``, at most 64 characters.
        config: What JSON can say: dictionaries with text keys, lists, text, finite numbers, booleans and
            ``None``. Tuples come back as lists.
        tensors: Named arrays of floats (finite), integers or booleans, any shape of at most 8 dimensions.
        files: Further files by plain name, as bytes: ``report.html``, ``plan.json``, ``record.json``,
            ``README.md`` (written from the record where it is not given).

    >>> bundle = Bundle("tables", {"intercept": 1.5}, {"weights": np.array([2.0, 3.0])})
    >>> bundle.kind, bundle.files
    ('tables', {})
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
