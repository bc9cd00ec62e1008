"""The saved form of fitted parts: nested plain records whose arrays travel apart, as named tensors.

Every fitted part (encoder, block, predictor) writes ``state()``, a dict of JSON values and NumPy arrays,
and reads it back with ``from_state``. Nothing in a state names code.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from fivefold.core import ArtifactError

Array = npt.NDArray[Any]
_KEY = "tensor:"


def flatten(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Take the arrays out of a nested state.

    Returns:
        The state with every array replaced by the text ``tensor:NAME``, and the arrays by name.

    >>> config, tensors = flatten({"a": [1, {"w": np.zeros(2)}]})
    >>> config, sorted(tensors)
    ({'a': [1, {'w': 'tensor:a.1.w'}]}, ['a.1.w'])
    """
    tensors: dict[str, Array] = {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, np.ndarray):
            name = path
            while name in tensors:  # keys may hold points: {"a": {"b": …}} and {"a.b": …}
                name += "'"
            tensors[name] = value
            return _KEY + name
        if isinstance(value, dict):
            return {key: walk(item, f"{path}.{key}" if path else key) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [walk(item, f"{path}.{i}") for i, item in enumerate(value)]
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, str) and value.startswith(_KEY):
            return "text:" + value
        if isinstance(value, str) and value.startswith("text:"):
            return "text:" + value
        return value

    return walk(state, ""), tensors


def unflatten(config: dict[str, Any], tensors: dict[str, Array]) -> dict[str, Any]:
    """Put the arrays back; the inverse of :func:`flatten`.

    Raises:
        ArtifactError: A tensor is named that is not there.

    >>> state = {"a": [1, {"w": np.arange(2)}], "b": "tensor:x"}
    >>> back = unflatten(*flatten(state))
    >>> back["a"][1]["w"].tolist(), back["b"]
    ([0, 1], 'tensor:x')
    """

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str) and value.startswith("text:"):
            return value.removeprefix("text:")
        if isinstance(value, str) and value.startswith(_KEY):
            name = value.removeprefix(_KEY)
            if name not in tensors:
                raise ArtifactError(f"the tensor {name!r}", "no such tensor", "the artifact is damaged")
            return tensors[name]
        return value

    back: dict[str, Any] = walk(config)
    return back
