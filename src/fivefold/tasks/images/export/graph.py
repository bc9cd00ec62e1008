r"""The graph that is exported: raw bytes in, calibrated probabilities out.

.. math:: p = \mathrm{softmax}\left( f\left( \tfrac{x / 255 - \mu}{\sigma} \right) / T \right)

Standardisation, temperature and softmax are part of the graph, so that whoever runs it cannot leave them out
or do them otherwise.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fivefold.artifact.version import library_version
from fivefold.core import ArgumentError, MissingExtraError, NumericalError, require
from fivefold.networks.fold import find_batch_norms, fold_batch_norm
from fivefold.tasks.images.raw_pictures import RawPictures

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""Operator set of the graph: every runtime since ONNX Runtime 1.14 (2023) reads it."""

INPUT, OUTPUT = "pictures", "probabilities"
MOST_BYTES = 1 << 30
"""Largest graph that is written: a file of protocol buffers ends at 2 GiB."""

_NOISY = ("torch.onnx._internal.exporter._registration", "onnxscript")


class PictureGraph(nn.Module):
    """Probabilities [N, K] of raw pictures [N, C, H, W] of bytes.

    Args:
        network: What takes standardised pictures and gives [N, K].
        mean: Mean of each channel, for values in 0..1.
        std: Standard deviation of each channel, positive.
        temperature: Divides the outputs, positive.
        flip: Average the outputs of each picture and of its mirror image.

    Raises:
        ArgumentError: A deviation or a temperature that is not positive.

    >>> graph = PictureGraph(nn.Flatten(), [0.5], [0.25])
    >>> graph(torch.tensor([[[[0, 0]]]], dtype=torch.uint8)).tolist()
    [[0.5, 0.5]]
    """

    def __init__(
        self,
        network: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        temperature: float = 1.0,
        *,
        flip: bool = False,
    ) -> None:
        super().__init__()
        require(0 < temperature < float("inf"), "a positive temperature", temperature)
        self.raw = RawPictures(network, list(mean), list(std))
        self.temperature, self.flip = float(temperature), flip

    def forward(self, x: Tensor) -> Tensor:
        """Softmax of the outputs over the temperature."""
        y: Tensor = self.raw(x)
        if self.flip:
            y = (y + self.raw(x.flip(3))) / 2
        return torch.softmax(y / self.temperature, dim=1)


def folded_graph(graph: PictureGraph, pictures: Tensor) -> tuple[PictureGraph, int]:
    """Return the graph with its batch norms folded, and how many were; as it is where folding is refused.

    Args:
        graph: In evaluation mode.
        pictures: Raw pictures [N, C, H, W], at least one.
    """
    raw = graph.raw
    example = raw.standardise(pictures[:2])
    count = len(find_batch_norms(raw.network, example).folded)
    if count == 0:
        return graph, 0
    try:
        network = fold_batch_norm(raw.network, example)
    except NumericalError:
        return graph, 0
    other = PictureGraph(
        network, [0.5] * len(raw.shift), [0.5] * len(raw.shift), graph.temperature, flip=graph.flip
    )
    other.raw.shift, other.raw.factor = raw.shift, raw.factor
    return other.eval(), count


def onnx_model(
    graph: PictureGraph,
    shape: tuple[int, int, int],
    classes: Sequence[str],
    whites: Mapping[str, float] | None = None,
) -> "onnx.ModelProto":
    """Translate a graph into ONNX of :data:`OPSET`, for any number of pictures at once.

    The model holds its weights itself, names no file of this machine, and is checked, shapes included.

    Args:
        graph: In evaluation mode.
        shape: Channels, height and width of the pictures.
        classes: Names of the outputs; kept as JSON under ``classes`` in the model's metadata.
        whites: Which numbers were white in the arrays that the network was fitted to, by kind; kept as JSON
            under ``whites``, where there are any.

    Raises:
        MissingExtraError: The extra ``export`` is not installed.
        ArgumentError: Too large, another number of classes, or what ONNX cannot express.
    """
    try:
        import_module("onnxscript")  # what torch translates with
    except ImportError as error:
        raise MissingExtraError.of(error.name or "onnx", extra="export") from error
    size = sum(value.nbytes for value in graph.state_dict().values())
    require(size < MOST_BYTES, f"weights of less than {MOST_BYTES} bytes", size, "take a smaller network")
    example = torch.zeros((2, *shape), dtype=torch.uint8)
    with torch.no_grad():
        outputs = tuple(graph(example).shape)
    require(outputs == (2, len(classes)), f"a network with outputs [N, {len(classes)}]", list(outputs))
    with _quietly(), torch.no_grad():
        try:
            program = torch.onnx.export(
                graph,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            said = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise ArgumentError(
                "a network that ONNX can express", said, "take an architecture of networks.names()"
            ) from error
    if program is None:  # cannot happen with dynamo, but torch's types allow it
        raise ArgumentError("a network that ONNX can express", "no program")
    model = program.model_proto
    notes = {
        "classes": json.dumps(list(classes), ensure_ascii=False),
        "shape": json.dumps(list(shape)),
        "fivefold_version": library_version(),
    }
    if whites:
        notes["whites"] = json.dumps(dict(whites))
    tidy_(model, notes)
    check_model(model)
    return model


def check_model(model: "onnx.ModelProto") -> None:
    """Refuse a model that is not plain ONNX, holds no weights of its own, or is too large.

    Raises:
        ArgumentError: With what is wrong.
    """
    import onnx

    require(model.ByteSize() < MOST_BYTES, f"a model of less than {MOST_BYTES} bytes", model.ByteSize())
    foreign = sorted({node.domain for node in model.graph.node} - {"", "ai.onnx"})
    require(not foreign and not model.functions, "operators of ONNX alone", foreign or "functions")
    outside = [t.name for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    require(not outside, "weights inside of the model", ", ".join(outside[:5]))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArgumentError("a valid ONNX model", str(error).splitlines()[0][:200]) from error


def tidy_(model: "onnx.ModelProto", notes: dict[str, str]) -> None:
    """Take out what tells of the machine and the source, such as traces of calls, and put notes in.

    Args:
        model: It is changed.
        notes: The model's metadata.
    """
    model.producer_name, model.producer_version = "fivefold", library_version()
    model.doc_string = model.graph.doc_string = ""
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.metadata_props[:]
    for key, value in notes.items():
        model.metadata_props.add(key=key, value=value)
    used = {node.domain or "" for node in graph.node} | {""}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    versions = [(entry.domain, entry.version) for entry in kept]
    del model.opset_import[:]
    for domain, version in versions:
        model.opset_import.add(domain=domain, version=version)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without torch's remarks on packages that are not needed and on its own deprecations."""
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in _NOISY]
    for logger, _ in before:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind in (DeprecationWarning, FutureWarning, UserWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
