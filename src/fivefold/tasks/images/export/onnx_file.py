"""Export to ONNX: folded, checked, run beside the original, and written when it has passed."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fivefold.core import NumericalError, require
from fivefold.networks.mode import in_mode
from fivefold.networks.packed import pack_convolutions
from fivefold.tasks.images.export.graph import OPSET, PictureGraph, folded_graph, onnx_model
from fivefold.tasks.images.export.int8 import Verdict, judge, paired_fall, quantize
from fivefold.tasks.images.export.out_file import ONNX, check_place, write_export
from fivefold.tasks.images.export.parity import Parity, measure_parity
from fivefold.tasks.images.export.session import answer, open_session
from fivefold.tasks.images.export.speed import Speed, affordable_batch, race

if TYPE_CHECKING:
    import onnxruntime

Pictures = npt.NDArray[np.uint8]
MOST_DIFFERENCE = 1e-3
"""Largest difference of log-probabilities that passes: float32 in another order of sums stays far below."""
_COMPARED = 256
"""Pictures that parity is measured on at most."""
_SHARE = 0.25
"""Of the seconds for timing, for the judgement on 8 bits."""


@dataclass(frozen=True, eq=False)
class Source:
    """A trained network and what belongs to it, as plain things.

    Args:
        network: Takes standardised pictures and gives [N, K]; it stays as it is.
        shape: Channels, height and width of the pictures.
        classes: Names of the K outputs.
        mean: Mean of each channel, for values in 0..1.
        std: Standard deviation of each channel.
        temperature: Divides the outputs.
        flip: Average the outputs of each picture and of its mirror image.
        whites: Which numbers were white in the arrays of the fit, by kind: the file says it in its metadata.
    """

    network: nn.Module
    shape: tuple[int, int, int]
    classes: Sequence[str]
    mean: Sequence[float]
    std: Sequence[float]
    temperature: float = 1.0
    flip: bool = False
    whites: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ExportReport:
    """What was written, and the proof.

    Attributes:
        path: The file; ``None`` where nothing was written yet.
        bytes: Its size.
        opset: Operator set of the graph.
        folded: Batch norms that went into the layer before them.
        parity: Of the float32 graph in ONNX Runtime with the original network in torch.
        speeds: Of every form and batch, beside eager torch, on this machine.
        threads: That all were timed with.
        int8: The verdict on 8 bits; ``None`` where it was not asked for.
    """

    path: Path | None
    bytes: int
    opset: int
    folded: int
    parity: Parity
    speeds: tuple[Speed, ...]
    threads: int
    int8: Verdict | None = None

    @property
    def form(self) -> str:
        """What the file computes in: ``int8`` or ``float32``."""
        return "int8" if self.int8 is not None and self.int8.accepted else "float32"

    def to_record(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "path": None if self.path is None else str(self.path),
            "bytes": self.bytes,
            "form": self.form,
            "opset": self.opset,
            "folded": self.folded,
            "parity": self.parity.to_record(),
            "speeds": [speed.to_record() for speed in self.speeds],
            "threads": self.threads,
            "int8": None if self.int8 is None else self.int8.to_record(),
        }

    def __str__(self) -> str:
        lines = [
            f"{self.form} ONNX, operator set {self.opset}; a file of {self.bytes:,} bytes; "
            f"{self.folded} batch norms folded",
            f"parity: log-probabilities differ by at most {self.parity.difference:.1e}, and "
            f"{self.parity.agreement:.1%} of {self.parity.pictures} pictures get the same class",
            f"speed here with {self.threads} thread{'' if self.threads == 1 else 's'}, beside eager torch:",
        ]
        for s in self.speeds:
            lines.append(
                f"  {s.name:<21} batch {s.batch:>3}  {1e3 * s.seconds / s.batch:8.3f} ms a picture   "
                f"{s.ratio:.2f} of its time ({s.low:.2f} to {s.high:.2f}; {s.rounds} rounds)"
            )
        return "\n".join(lines if self.int8 is None else [*lines, f"int8 {self.int8.reason}"])


def export_onnx(
    source: Source,
    path: str | PathLike[str],
    pictures: Pictures,
    *,
    overwrite: bool = False,
    **options: Any,
) -> ExportReport:
    """Write a network as one ONNX file that takes raw pictures and gives calibrated probabilities.

    Nothing is written before the file's answers agree with the network's.

    Args:
        source: The network.
        path: The file, whose name ends in ``.onnx``.
        pictures: As in :func:`proved_onnx`.
        overwrite: Replace an earlier export of that name, in one step; nothing else is ever replaced.
        options: As in :func:`proved_onnx`.

    Returns:
        The report; printed, it is for a person.

    Raises:
        ArgumentError: It cannot be written there, or as :func:`proved_onnx`.
        NumericalError: The graph's answers are not the network's, or not finite.
        MissingExtraError: The extra ``export`` is not installed.
    """
    place = check_place(Path(path), ONNX, overwrite=overwrite)
    data, report = proved_onnx(source, pictures, **options)
    return replace(report, path=write_export(place, data, overwrite=overwrite))


def proved_onnx(
    source: Source,
    pictures: Pictures,
    *,
    labels: npt.NDArray[np.integer[Any]] | None = None,
    calibration: Pictures | None = None,
    most_loss: float = 0.01,
    batches: Sequence[int] = (1, 32),
    rounds: int = 21,
    seconds: float = 30.0,
    progress: Callable[[str], None] | None = None,
) -> tuple[bytes, ExportReport]:
    """Return a network as ONNX, and the proof that it answers the same.

    With ``calibration`` an 8-bit form is made, too, and returned instead where it is as accurate and faster
    (:func:`~fivefold.tasks.images.export.int8.judge`).

    Args:
        source: The network; it stays as it is.
        pictures: Bytes [n, C, H, W], at least one, as the network will meet them.
        labels: Their codes [n]; needed for 8 bits.
        calibration: Other pictures, for 8 bits.
        most_loss: Largest fall of accuracy that 8 bits may cost, by the upper end of its interval.
        batches: Pictures at once that speed is measured with; none, and only 8 bits are timed. Beyond the
            least of them a batch is halved until six rounds fit into the seconds, and left out where none do.
        rounds: Of each timing at most, at least 6.
        seconds: For all timings, positive; six rounds of the least batch are run in any case.
        progress: Told, in words, what is done next, wherever it may take long.

    Raises:
        ArgumentError: Pictures, labels or classes that do not fit; a network that ONNX cannot express; no
            time.
        NumericalError: The graph's answers are not the network's, or not finite.
        MissingExtraError: The extra ``export`` is not installed.
    """
    _check(source, pictures, labels, calibration)
    require(min(batches, default=1) >= 1, "batches of at least 1 picture", list(batches))
    require(seconds > 0, "more than 0 seconds for the timing", seconds)
    tell = progress or (lambda said: None)
    eager = PictureGraph(source.network, source.mean, source.std, source.temperature, flip=source.flip)
    with in_mode(eager, training=False):
        compared = torch.from_numpy(np.ascontiguousarray(pictures[:_COMPARED]))
        tell(f"answering {len(compared):,} pictures with the network")
        with torch.inference_mode():
            expected = torch.cat([eager(part) for part in torch.split(compared, 50)]).numpy()
        if not np.isfinite(expected).all():
            raise NumericalError("finite probabilities of the network", "others", "train it anew")
        tell("translating it into ONNX, and answering the same pictures")
        folded, count = folded_graph(eager, compared)
        model = onnx_model(folded, source.shape, source.classes, source.whites)
        data = model.SerializeToString()
        session = open_session(data)
        parity = measure_parity(expected, answer(session, compared.numpy()))
        if parity.difference > MOST_DIFFERENCE:
            raise NumericalError(
                f"log-probabilities within {MOST_DIFFERENCE:g} of the network's",
                f"{parity.difference:.3g} away",
                "nothing was written; please report this network",
            )
        small, eight, verdict = b"", None, None
        if calibration is not None and labels is not None:
            tell(f"putting it into 8 bits by {len(calibration):,} pictures of calibration")
            small = quantize(model, calibration)
            eight = open_session(small)
            tell(f"judging 8 bits by {len(pictures):,} pictures")
            options = {"rounds": max(rounds, 21), "seconds": _SHARE * seconds}
            verdict = _judged(session, eight, pictures, labels, most_loss, len(small), options)
            data = small if verdict.accepted else data

        def works(batch: int) -> dict[str, Callable[[], object]]:
            return forms_of(eager, folded, session, eight, _batch_of(pictures, batch))

        left = seconds if verdict is None else (1 - _SHARE) * seconds
        speeds = _timed(works, sorted(batches), rounds, left, tell)
    threads = torch.get_num_threads()
    return data, ExportReport(None, len(data), OPSET, count, parity, tuple(speeds), threads, verdict)


def _timed(
    works: Callable[[int], Mapping[str, Callable[[], object]]],
    batches: Sequence[int],
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> list[Speed]:
    """Time all forms with each batch, the least first, each with an equal share of what is left."""
    speeds: list[Speed] = []
    last: list[Speed] = []
    end = perf_counter() + seconds
    for turn, batch in enumerate(batches):
        share = max(0.0, end - perf_counter()) / (len(batches) - turn)
        taken = affordable_batch(batch, last, share) if last else batch
        if taken:
            many = "1 picture" if taken == 1 else f"{taken} pictures at once"
            tell(f"timing {many}, for up to {share:.2g} s")
            last = race(works(taken), batch=taken, rounds=rounds, seconds=share)
            speeds += last
    return speeds


def forms_of(
    eager: PictureGraph,
    folded: PictureGraph,
    session: "onnxruntime.InferenceSession",
    eight: "onnxruntime.InferenceSession | None",
    pictures: Pictures,
) -> dict[str, Callable[[], object]]:
    """Return every form of the network as a call on the same pictures, eager torch first.

    Args:
        eager: The graph as it was trained.
        folded: With its batch norms folded.
        session: Of its ONNX.
        eight: Of that in 8 bits, where there is one.
        pictures: Raw pictures [n, C, H, W].
    """
    x = torch.from_numpy(pictures)

    def in_torch(graph: PictureGraph, layout: torch.memory_format) -> Callable[[], object]:
        own = deepcopy(graph).to(memory_format=layout)  # type: ignore[call-overload]

        def work() -> object:
            with torch.inference_mode():
                return own(x.contiguous(memory_format=layout))

        return work

    plain, last = torch.contiguous_format, torch.channels_last
    works = {
        "eager": in_torch(eager, plain),
        "eager channels_last": in_torch(eager, last),
        "folded": in_torch(folded, plain),
        "folded channels_last": in_torch(folded, last),
        "ONNX Runtime": lambda: answer(session, pictures, len(pictures)),
    }
    packed = pack_convolutions(deepcopy(folded).to(memory_format=last), x)  # type: ignore[call-overload]
    if isinstance(packed, PictureGraph):
        works["folded packed"] = in_torch(packed, last)
    if eight is not None:
        works["ONNX Runtime int8"] = lambda: answer(eight, pictures, len(pictures))
    return works


def _check(
    source: Source,
    pictures: Pictures,
    labels: npt.NDArray[np.integer[Any]] | None,
    calibration: Pictures | None,
) -> None:
    for given in (pictures, pictures if calibration is None else calibration):
        fits = given.dtype == np.uint8 and given.ndim == 4 and given.shape[1:] == tuple(source.shape)
        wanted = ", ".join(map(str, source.shape))
        require(fits and len(given) > 0, f"pictures of bytes [n, {wanted}]", (given.dtype, given.shape))
    require(calibration is None or labels is not None, "labels, to judge 8 bits by", "none")
    if labels is not None:
        known = labels.shape == (len(pictures),) and bool(
            ((labels >= 0) & (labels < len(source.classes))).all()
        )
        require(
            known, f"a code below {len(source.classes)} for each of {len(pictures)} pictures", labels.shape
        )
    require(len(set(source.classes)) == len(source.classes), "classes that differ", len(source.classes))


def _batch_of(pictures: Pictures, batch: int) -> Pictures:
    """As many pictures as asked for, again from the first where there are fewer."""
    return np.ascontiguousarray(pictures[np.arange(batch) % len(pictures)])


def _judged(
    session: "onnxruntime.InferenceSession",
    eight: "onnxruntime.InferenceSession",
    pictures: Pictures,
    labels: npt.NDArray[np.integer[Any]],
    most_loss: float,
    size: int,
    timing: dict[str, Any],
) -> Verdict:
    """Judge 8 bits against the float graph: accuracy on all labelled pictures, seconds of one picture."""
    right = [answer(each, pictures).argmax(1) == labels for each in (session, eight)]
    one = _batch_of(pictures, 1)
    works = {"float32": lambda: answer(session, one), "int8": lambda: answer(eight, one)}
    timed = race(works, **timing)[1]
    return judge(paired_fall(*right), (timed.ratio, timed.low, timed.high), most_loss, size)
