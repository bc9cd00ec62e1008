r"""Whole numbers of 8 bits instead of floats: made by ONNX Runtime, accepted on evidence alone.

Weights are rounded channel by channel, activations by the range that they take on pictures of calibration
(static quantization, in the form with QuantizeLinear and DequantizeLinear). It is accepted where both hold:

- the accuracy falls by no more than a bound: of the paired interval of the fall, the upper end;
- it is faster on this machine: of the interval of the ratio of seconds, the upper end is below 1.

Weights are of 7 bits, -64 to 64. Processors of the kind x86 without VNNI instructions add two products of an
activation and a weight in 16 bits with a sign, and cut off what is beyond: 2 * 255 * 64 = 32,640 stays below
32,768, so that no sum is cut off on any of them. With weights up to 127 it would be 64,770.

With b pictures that the float model alone gets right, c that the other alone does, of n:

.. math:: \hat d = \frac{b - c}{n + 2}, \qquad
    \hat d \pm z \, \frac{\sqrt{(b + c + 1) - (b - c)^2 / (n + 2)}}{n + 2}.

Agresti and Min, "Simple improved confidence intervals for comparing matched proportions", 2005: half a
picture is added to each of the four counts, so that no difference at all does not look like certainty.
"""

import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fivefold.core import MissingExtraError, require
from fivefold.tasks.images.export.graph import INPUT, check_model, tidy_

if TYPE_CHECKING:
    import onnx

OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "MaxPool", "AveragePool", "Concat")
"""What is computed in whole numbers; softmax and what makes numbers of bytes are not."""


@dataclass(frozen=True)
class Fall:
    """How much accuracy one form loses beside another, on the same pictures.

    Attributes:
        before: Accuracy of the first form.
        after: Accuracy of the second.
        low: Lower end of the paired interval of ``before - after``.
        high: Upper end.
        pictures: How many were judged.
    """

    before: float
    after: float
    low: float
    high: float
    pictures: int


@dataclass(frozen=True)
class Verdict:
    """Whether the 8-bit form is taken, and why.

    Attributes:
        accepted: Whether it is.
        reason: One sentence with the figures.
        fall: Of the accuracy.
        ratio: Median of its seconds over the float form's.
        low: Lower end of the ratio's interval.
        high: Upper end.
        bytes: Its size.
    """

    accepted: bool
    reason: str
    fall: Fall
    ratio: float
    low: float
    high: float
    bytes: int

    def to_record(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        return asdict(self)


def paired_fall(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], coverage: float = 0.95) -> Fall:
    """Return the fall of accuracy and its paired interval.

    Args:
        before: Which pictures [n] the first form gets right.
        after: Which the second does.
        coverage: Of the interval, in (0, 1).

    Raises:
        ArgumentError: No picture, or other numbers of them.

    >>> right = np.ones(98, dtype=bool)
    >>> fall = paired_fall(right, right)
    >>> fall.before, fall.after, round(fall.high, 4)
    (1.0, 1.0, 0.0196)
    """
    require(
        before.shape == after.shape and before.ndim == 1 and len(before) > 0,
        "pairs of answers [n]",
        before.shape,
    )
    require(0 < coverage < 1, "a coverage between 0 and 1", coverage)
    n, lost, won = len(before), int((before & ~after).sum()), int((~before & after).sum())
    z = NormalDist().inv_cdf((1 + coverage) / 2)
    centre = (lost - won) / (n + 2)
    half = z * ((lost + won + 1) - (lost - won) ** 2 / (n + 2)) ** 0.5 / (n + 2)
    return Fall(float(before.mean()), float(after.mean()), centre - half, centre + half, n)


def judge(fall: Fall, ratio: tuple[float, float, float], most_loss: float, size: int) -> Verdict:
    """Accept or refuse, and say why.

    Args:
        fall: Of the accuracy.
        ratio: Median, low and high of the seconds over the float form's.
        most_loss: Largest fall of the accuracy that may still be believed, in [0, 1].
        size: Bytes of the 8-bit form.

    Raises:
        ArgumentError: ``most_loss`` outside [0, 1].

    >>> judge(Fall(0.9, 0.9, -0.002, 0.002, 1000), (0.6, 0.5, 0.7), 0.01, 1).accepted
    True
    """
    require(0 <= most_loss <= 1, "a bound of the fall between 0 and 1", most_loss)
    middle, low, high = ratio
    accuracy = (
        f"accuracy {fall.before:.2%} becomes {fall.after:.2%} on {fall.pictures:,} pictures "
        f"(fall {fall.low:+.2%} to {fall.high:+.2%}; allowed {most_loss:.2%})"
    )
    times = f"{middle:.2f} ({low:.2f} to {high:.2f})"
    time = f"on this machine it takes {times} of the time of the file in 32-bit floats"
    whole = {
        (True, True): f"accepted: {accuracy}, and {time}",
        (True, False): f"refused: {time}, which is not faster; {accuracy}",
        (False, True): f"refused: {accuracy}; {time}",
        (False, False): f"refused: {accuracy}, and {time}, which is not faster",
    }[fall.high <= most_loss, high < 1]
    accepted = fall.high <= most_loss and high < 1
    return Verdict(accepted, whole, fall, middle, low, high, size)


def quantize(model: "onnx.ModelProto", pictures: npt.NDArray[np.uint8], batch: int = 50) -> bytes:
    """Return the model with activations of 8 bits and weights of 7, stored in 8.

    Args:
        model: With the input of :func:`~fivefold.tasks.images.export.graph.onnx_model`.
        pictures: Pictures of calibration [n, C, H, W], at least one: a hundred or more are wanted, of all
            classes, none of them judged afterwards.
        batch: Pictures at once.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ArgumentError: No picture.
    """
    require(len(pictures) > 0, "pictures of calibration", 0)
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise MissingExtraError.of(error.name or "onnxruntime", extra="export") from error

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        """The pictures, a batch at a time."""

        def __init__(self) -> None:
            self.start = 0

        def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
            """Return the next batch, or ``None`` after the last."""
            part = pictures[self.start : self.start + batch]
            self.start += batch
            return {INPUT: np.ascontiguousarray(part)} if len(part) else None

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # its advice goes to the root logger
    try:
        with tempfile.TemporaryDirectory(prefix="fivefold-int8-") as place:
            given, ready, done = (Path(place) / f"{name}.onnx" for name in ("given", "ready", "done"))
            given.write_bytes(model.SerializeToString())  # handed over as an object, it would be changed
            quant_pre_process(str(given), str(ready), skip_symbolic_shape=True)
            quantize_static(
                str(ready),
                str(done),
                Batches(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(OPERATORS),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                reduce_range=True,
                extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
            )
            found = onnx.load_model(str(done))
    finally:
        logger.setLevel(level)
    tidy_(found, {each.key: each.value for each in model.metadata_props})
    check_model(found)
    data: bytes = found.SerializeToString()
    return data
