"""Forward pass of a dense network, or of an ensemble of them, in NumPy alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.core import require

ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "selu")
"""Names that a dense network accepts; each is computed alike by torch and by NumPy."""

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def activate(name: str, x: NDArray[Any]) -> NDArray[Any]:
    r"""Apply an activation function elementwise.

    relu: max(x, 0). gelu: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the tanh form, because NumPy has
    no error function (it differs from the exact one by less than 5e-4). silu: x / (1 + exp(-x)). tanh. selu:
    s max(x, 0) + s a (exp(min(x, 0)) - 1).

    Args:
        name: One of :data:`ACTIVATIONS`.
        x: Any shape, floating.

    Returns:
        The same shape and dtype.

    Raises:
        ArgumentError: No such activation.

    >>> activate("relu", np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    require(name in ACTIVATIONS, f"an activation among {', '.join(ACTIVATIONS)}", name)
    if name == "relu":
        return np.asarray(np.maximum(x, 0))
    if name == "tanh":
        return np.asarray(np.tanh(x))
    if name == "silu":
        # tanh saturates where exp(-x) would overflow: x sigmoid(x) = x (1 + tanh(x / 2)) / 2
        return np.asarray(0.5 * x * (1 + np.tanh(0.5 * x)))
    if name == "selu":
        negative = _SELU_ALPHA * np.expm1(np.minimum(x, 0))
        return np.asarray(_SELU_SCALE * np.where(x > 0, x, negative))
    inner = 0.7978845608028654 * (x + 0.044715 * (x * x * x))
    return np.asarray(0.5 * x * (1 + np.tanh(inner)))


def evaluate_dense(
    arrays: Mapping[str, NDArray[Any]], X: NDArray[Any], *, activation: str, rows: int = 8192
) -> NDArray[Any]:
    r"""Outputs of a dense network from its arrays, without torch.

    h_0 = X * scale, h_l = a(h_{l-1} W_l + b_l), output h_{L-1} W_L + b_L; for an ensemble of K members every
    array has a leading dimension K, and each member sees the same rows.

    Args:
        arrays: ``weight.l`` [in_l, out_l] and ``bias.l`` [out_l] for l = 0 .. L-1 and, optionally, ``scale``
            [inputs], all with a leading K for an ensemble: what ``DenseNetwork.arrays()`` and
            ``EnsembleDense.arrays()`` return.
        X: Inputs [n, inputs]; computed in the dtype of the weights.
        activation: One of :data:`ACTIVATIONS`, between layers.
        rows: Rows computed at once, at least 1, which bounds the memory.

    Returns:
        [n, outputs], or [K, n, outputs] for an ensemble.

    Raises:
        ArgumentError: A missing or surplus array, shapes that do not fit together, or an unknown activation.

    >>> arrays = {"weight.0": np.array([[2.0], [1.0]]), "bias.0": np.array([0.5])}
    >>> evaluate_dense(arrays, np.array([[1.0, 3.0]]), activation="relu").tolist()
    [[5.5]]
    """
    require(rows >= 1, "at least 1 row at once", rows)
    require(activation in ACTIVATIONS, f"an activation among {', '.join(ACTIVATIONS)}", activation)
    layers, scale = _layers(arrays)
    X = np.asarray(X)
    inputs, dtype = layers[0][0].shape[-2], layers[0][0].dtype
    require(X.ndim == 2 and X.shape[1] == inputs, f"inputs of shape [n, {inputs}]", X.shape)
    outputs = layers[-1][0].shape[-1]
    result = np.empty((*layers[0][0].shape[:-2], X.shape[0], outputs), dtype)
    for start in range(0, X.shape[0], rows):
        h = X[start : start + rows].astype(dtype, copy=False)
        if scale is not None:
            h = h * scale[..., None, :]
        for index, (weight, bias) in enumerate(layers):
            h = h @ weight + bias[..., None, :]
            if index < len(layers) - 1:
                h = activate(activation, h)
        result[..., start : start + rows, :] = h
    return result


def _layers(
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[list[tuple[NDArray[Any], NDArray[Any]]], NDArray[Any] | None]:
    """Pair the weights and biases and check that their shapes chain."""
    depth = sum(name.startswith("weight.") for name in arrays)
    expected = {f"{part}.{i}" for part in ("weight", "bias") for i in range(depth)}
    names = set(arrays) - {"scale"}
    require(depth >= 1 and names == expected, "weight.l and bias.l for l = 0, 1, ...", sorted(arrays))
    layers = [(np.asarray(arrays[f"weight.{i}"]), np.asarray(arrays[f"bias.{i}"])) for i in range(depth)]
    lead = layers[0][0].shape[:-2]
    width: int | None = None
    for i, (weight, bias) in enumerate(layers):
        fits = weight.ndim in (2, 3) and weight.shape[:-2] == lead and bias.shape == (*lead, weight.shape[-1])
        require(fits and width in (None, weight.shape[-2]), f"layer {i} to fit the one before", weight.shape)
        width = weight.shape[-1]
    scale = arrays.get("scale")
    if scale is not None:
        want = (*lead, layers[0][0].shape[-2])
        require(np.shape(scale) == want, f"a scale of shape {want}", np.shape(scale))
    return layers, scale
