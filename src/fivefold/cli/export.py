"""``fivefold export DIR``: a model of pictures for other programs, or as a page for a browser."""

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.options import Debug, Json, Quiet
from fivefold.cli.terminal import out as write_out
from fivefold.cli.terminal import say

if TYPE_CHECKING:
    from fivefold.tasks.images.export.evidence import Evidence
    from fivefold.tasks.images.export.onnx_file import ExportReport
    from fivefold.tasks.images.export.runtime import WebRuntime
    from fivefold.tasks.images.model import ImageModel


class Format(StrEnum):
    """What is written."""

    ONNX = "onnx"
    WEB = "web"


_ENDINGS = {Format.ONNX: ".onnx", Format.WEB: ".html"}


def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The saved model, of pictures.")],
    form: Annotated[
        Format, typer.Option("--format", help="A file of ONNX, or one page for a browser.")
    ] = Format.ONNX,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Pictures to prove it with; with --int8, in a folder a class."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute in 8 bits where that is as accurate and faster.")
    ] = False,
    most_loss: Annotated[
        float, typer.Option(metavar="SHARE", help="Accuracy that 8 bits may cost at most.")
    ] = 0.01,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The file [default: DIR's name].")
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="For web: the npm package onnxruntime-web, archive or folder."),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="For web: fetch that package from npm's registry.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Export a model of pictures, with proof that it answers the same.

    The file takes raw pictures and gives calibrated probabilities. It is compared with the model and timed
    beside it before it is written; 8 bits are taken on evidence alone.
    """
    with guarded(debug):
        from fivefold.core import ArgumentError, require
        from fivefold.tasks.images.export.out_file import check_place

        web = form is Format.WEB
        require(0 <= most_loss <= 1, "a --most-loss between 0 and 1", most_loss)
        require(not int8 or pictures is not None, "--pictures with --int8, to judge by", "none")
        require(web or not (runtime or download), "--runtime and --download with --format web", form.value)
        if web and (runtime is None) != download:
            raise ArgumentError(
                "either --runtime or --download with --format web",
                "both" if download else "neither",
                "the page carries onnxruntime-web, which is not part of fivefold",
            )
        place = check_place(default_place(directory, form) if out is None else out)
        model = _image_model(directory)
        found = _evidence(model, pictures, int8=int8)
        carried = _runtime(runtime) if web else None
        if not quiet:
            say(f"comparing and timing with {len(found.pictures):,} pictures: {found.source}")
        report = _written(model, found, carried, place, most_loss)
        if as_json:
            write_out(json.dumps(report.to_record(), allow_nan=False))
            return
        write_out(str(report))
        write_out(f"\n{'page' if web else 'model'}:  {place}")


def default_place(directory: Path, form: Format) -> Path:
    """Return the file's name where none is given: the model's, here, with the ending of the format.

    >>> default_place(Path("runs/cats.fivefold"), Format.WEB).name
    'cats.html'
    """
    return Path(directory.resolve().name.removesuffix(".fivefold") + _ENDINGS[form])


def _image_model(directory: Path) -> "ImageModel":
    from fivefold.core import ArgumentError
    from fivefold.tasks.images.model import ImageModel
    from fivefold.tasks.saved import load

    model = load(directory)
    if not isinstance(model, ImageModel):
        raise ArgumentError(
            "a model of pictures", "one of a table or of texts", "those are predicted with: fivefold predict"
        )
    return model


def _evidence(model: "ImageModel", pictures: str | None, *, int8: bool) -> "Evidence":
    from fivefold.tasks.images.export.evidence import evidence_of, made_up_pictures

    if pictures is None:
        return made_up_pictures(model.shape)
    from fivefold.tasks.images.read import read_images

    return evidence_of(read_images(pictures, labelled=int8), model.shape, model.classes, int8=int8)


def _runtime(path: Path | None) -> "WebRuntime":
    if path is None:
        from fivefold.tasks.images.export.download import download_runtime

        return download_runtime()
    from fivefold.tasks.images.export.runtime import read_runtime

    return read_runtime(path)


def _written(
    model: "ImageModel", found: "Evidence", carried: "WebRuntime | None", place: Path, most_loss: float
) -> "ExportReport":
    from fivefold.tasks.images.export.evidence import examples_of
    from fivefold.tasks.images.export.onnx_file import Source, proved_onnx
    from fivefold.tasks.images.export.out_file import write_export
    from fivefold.tasks.images.export.web_page import web_page

    source = Source(
        model.network,
        model.shape,
        model.classes,
        model.mean.tolist(),
        model.std.tolist(),
        model.temperature,
        model.flip,
    )
    data, report = proved_onnx(
        source,
        found.pictures,
        labels=found.labels,
        calibration=found.calibration,
        most_loss=most_loss,
    )
    if carried is not None:
        text = web_page(
            data,
            carried,
            classes=model.classes,
            shape=model.shape,
            facts=facts(report, found.source),
            examples=examples_of(found),
        )
        data = text.encode()
    return replace(report, path=write_export(place, data), bytes=len(data))


def facts(report: "ExportReport", source: str) -> list[tuple[str, str]]:
    """Return what the page says of the proof.

    Args:
        report: Of the export.
        source: What the pictures were.
    """
    parity, fall = report.parity, report.int8.fall if report.int8 is not None else None
    whose = "log-probabilities"
    if report.form == "int8" and fall is not None:
        numbers = (
            f"8 bits: accuracy {fall.after:.1%} for {fall.before:.1%} in 32-bit floats (fall {fall.low:+.2%} "
            f"to {fall.high:+.2%}, 95% interval) on {fall.pictures} pictures"
        )
        whose = "before it was put into 8 bits: log-probabilities"
    else:
        numbers = "32-bit floats"
    return [
        (
            "Agreement",
            f"{whose} within {parity.difference:.1e} of the trained network's, and the same class "
            f"for {parity.agreement:.1%} of {parity.pictures} pictures ({source})",
        ),
        ("Numbers", numbers),
    ]
