"""``fivefold export DIR``: a model of pictures for other programs, or as a page for a browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.exits import guarded
from fivefold.cli.fit import check_source, free_name, save_free
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
    budget: Annotated[
        str,
        typer.Option(metavar="TIME", help="For the timing alone: 10s, 2m; six rounds are run in any case."),
    ] = "30s",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The file, .onnx or .html [default: DIR's name, here]."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export of that name.")
    ] = False,
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
        from fivefold.tasks.images.export.installed import PACKAGES, check_installed
        from fivefold.tasks.images.export.out_file import check_place, write_export
        from fivefold.tasks.seconds import seconds_of

        web = form is Format.WEB
        require(0 <= most_loss <= 1, "a --most-loss between 0 and 1", most_loss)
        require(not int8 or pictures is not None, "--pictures with --int8, to judge by", "none")
        require(web or not (runtime or download), "--runtime and --download with --format web", form.value)
        fix = "leave --int8 out: 8 bits are taken by their time here, which says nothing of a browser"
        require(not (web and int8), "32-bit floats with --format web", "--int8", fix)
        if web and (runtime is None) != download:
            raise ArgumentError(
                "either --runtime or --download with --format web",
                "both" if download else "neither",
                "the page carries onnxruntime-web, which is not part of fivefold",
            )
        seconds = seconds_of(budget)
        place = check_place(choose_file(directory, form, out, overwrite), _ENDINGS[form], overwrite=overwrite)
        if pictures is not None:
            check_source(pictures)
        check_installed(PACKAGES)
        if web or pictures is not None:
            check_installed(("PIL",), "images")
        tell: Callable[[str], None] = (lambda said: None) if quiet else say
        tell(f"reading {directory}")
        model = _image_model(directory)
        carried = _carried(model, runtime) if web else None
        if pictures is not None:
            tell(f"reading {pictures}")
        found = _evidence(model, pictures, int8=int8)
        tell(f"comparing and timing with {len(found.pictures):,} pictures: {found.source}")
        data, report = _proved(model, found, carried, most_loss, seconds, tell)
        saved = save_free(lambda at, again: write_export(at, data, overwrite=again), place, overwrite)
        report = replace(report, path=saved, bytes=len(data))
        if as_json:
            write_out(json.dumps(report.to_record(), allow_nan=False))
            return
        write_out(str(report))
        write_out(f"\n{'page' if web else 'model'}:  {report.path}")


def choose_file(directory: Path, form: Format, wanted: Path | None, overwrite: bool) -> Path:
    """Return where the export goes: where it is wanted, else the model's name, here, or the next free such.

    Args:
        directory: The saved model.
        form: Its ending is that of the name.
        wanted: ``--out``.
        overwrite: Take the first name though it is taken.

    >>> choose_file(Path("runs/cats.fivefold"), Format.WEB, None, True).name
    'cats.html'
    """
    if wanted is not None:
        return wanted
    first = Path(directory.resolve().name.removesuffix(".fivefold") + _ENDINGS[form])
    return first if overwrite else free_name(first)


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

    images = read_images(pictures, labelled=int8, whites=model.whites)
    return evidence_of(images, model.shape, model.classes, int8=int8)


def _carried(model: "ImageModel", path: Path | None) -> "WebRuntime":
    """What runs the model in a page, where one can carry it."""
    from fivefold.tasks.images.export.web_page import check_size

    check_size(sum(weight.nbytes for weight in model.network.parameters() if weight.ndim > 1))
    return _runtime(path)


def _runtime(path: Path | None) -> "WebRuntime":
    if path is None:
        from fivefold.tasks.images.export.download import download_runtime

        return download_runtime()
    from fivefold.tasks.images.export.runtime import read_runtime

    return read_runtime(path)


def _proved(
    model: "ImageModel",
    found: "Evidence",
    carried: "WebRuntime | None",
    most_loss: float,
    seconds: float,
    tell: Callable[[str], None],
) -> "tuple[bytes, ExportReport]":
    from fivefold.tasks.images.export.evidence import examples_of
    from fivefold.tasks.images.export.onnx_file import Source, proved_onnx
    from fivefold.tasks.images.export.web_page import web_page

    source = Source(
        model.network,
        model.shape,
        model.classes,
        model.mean.tolist(),
        model.std.tolist(),
        model.temperature,
        model.flip,
        model.whites,
    )
    data, report = proved_onnx(
        source,
        found.pictures,
        labels=found.labels,
        calibration=found.calibration,
        most_loss=most_loss,
        seconds=seconds,
        progress=tell,
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
    return data, report


def facts(report: "ExportReport", source: str) -> list[tuple[str, str]]:
    """Return what the page says of the proof.

    Args:
        report: Of the export.
        source: What the pictures were.
    """
    parity = report.parity
    return [
        (
            "Agreement",
            f"log-probabilities within {parity.difference:.1e} of the trained network's, and the same class "
            f"for {parity.agreement:.1%} of {parity.pictures} pictures ({source})",
        ),
        ("Numbers", "32-bit floats"),
    ]
