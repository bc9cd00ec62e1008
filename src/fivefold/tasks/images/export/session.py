"""Running an ONNX model in ONNX Runtime, on the processor, with as many threads as torch uses."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.core import ArgumentError, MissingExtraError
from fivefold.tasks.images.export.graph import INPUT, OUTPUT

if TYPE_CHECKING:
    import onnxruntime


def open_session(model: bytes) -> "onnxruntime.InferenceSession":
    """Open a model from its bytes.

    Args:
        model: A serialised ONNX model.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ArgumentError: It does not take the model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError.of("onnxruntime", extra="export") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors alone
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no class of their own but Exception
        said = str(error).strip().splitlines()[0][:200]
        raise ArgumentError("a model that ONNX Runtime takes", said) from error


def answer(
    session: "onnxruntime.InferenceSession", pictures: npt.NDArray[np.uint8], batch: int = 100
) -> npt.NDArray[np.float32]:
    """Return probabilities [n, K] of raw pictures [n, C, H, W].

    Args:
        session: Of a model with :func:`~fivefold.tasks.images.export.graph.onnx_model`'s input and output.
        pictures: Bytes.
        batch: Pictures at once.
    """
    parts: list[Any] = [
        session.run([OUTPUT], {INPUT: np.ascontiguousarray(pictures[i : i + batch])})[0]
        for i in range(0, len(pictures), batch)
    ]
    return np.concatenate(parts).astype(np.float32, copy=False)
