"""The verb ``fit``: a table, pictures or texts, whatever the user has."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fivefold.core import ArgumentError
from fivefold.tasks.recognise import kind_of
from fivefold.tasks.user_path import user_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from fivefold.core import Budget
    from fivefold.tasks.images.model import ImageModel
    from fivefold.tasks.tables.model import Model
    from fivefold.tasks.text.model import TextModel


def fit(
    data: Any,
    target: Any = None,
    *,
    budget: "str | float | Budget | None" = "60s",
    seed: int = 0,
    weights: str | Path | None = None,
    architecture: str | None = None,
    design: "str | float | Budget | None" = None,
    design_directory: str | Path | None = None,
    replay: str | Path | None = None,
    progress: "Callable[[str, dict[str, object]], None] | None" = None,
    **options: Any,
) -> "Model | ImageModel | TextModel":
    """Fit the model whose mathematics fits the data, chosen on evidence and measured on what it has not seen.

    A folder of pictures, IDX or NPZ file goes to :func:`fivefold.tasks.images.fit.fit_images`, and so does a
    table of paths to pictures. A folder of text files, and a table of nothing but texts and the target, goes
    to :func:`fivefold.tasks.text.fit.fit_texts`. A table is a file or a data frame. Everything else is one,
    for :func:`fivefold.tasks.tables.fit.fit`, whose options are taken: one of them makes texts a table.

    Args:
        data: A folder, a path, a data frame, a dict of columns, an array [rows, columns]; beside a target of
            values also an array of pictures [N, H, W(, C)], or a list of texts or of paths to pictures.
        target: The column to predict; pictures in folders need none. Or its values themselves, one a row:
            ``fit(X, y)``.
        budget: Seconds, as ``"60s"`` or a number.
        seed: Seed of everything random.
        weights: For pictures, a trained network to start from: a saved model, or a checkpoint of ImageNet.
        architecture: Of a checkpoint: a name out of ``fivefold.networks.names()``.
        design: For pictures, a part of the budget for a search among architectures.
        design_directory: Where that search writes its trials, and goes on from after a kill.
        replay: Artifact whose plan is followed to the same bits.
        progress: Called with an event's name and details.
        options: Of a table: ``group``, ``time``, ``weight``, ``exposure``, ``drop``, ``types``, ``order``,
            ``metric``, ``query``, ``allow_trees``, ``rows``.

    Returns:
        The model, with its record (the report's content) and plan.

    Raises:
        DataError: The data cannot be read or modelled.
        ArgumentError: An option that does not fit, no target for a table, or values beside a path or not as
            many as rows.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=200)
    >>> model = fit({"x": x, "y": 3 * x}, "y", budget="2s")
    >>> abs(float(model.predict({"x": [1.0]})[0]) - 3) < 0.1
    True
    >>> abs(float(fit(x[:, None], 3 * x, budget="2s").predict(np.ones((1, 1)))[0]) - 3) < 0.1
    True
    """
    if target is not None and not isinstance(target, str):
        from fivefold.tasks.apart import joined

        data, target = joined(data, target)
    kind = kind_of(data, target)
    file = not isinstance(data, str | Path) or user_path(data).is_file()
    if kind == "texts" and options and file:
        kind = "table"  # whose options they are
    if kind == "pictures":
        if options:
            named = ", ".join(sorted(options))
            raise ArgumentError("options of a fit to pictures", named, "leave them out: they are of tables")
        from fivefold.tasks.images.fit import fit_images

        return fit_images(
            data,
            target=target,
            budget=budget,
            seed=seed,
            weights=weights,
            architecture=architecture,
            design=design,
            design_directory=design_directory,
            replay=replay,
            progress=progress,
        )
    of_pictures = {
        "weights": weights,
        "architecture": architecture,
        "design": design,
        "design_directory": design_directory,
    }
    given = sorted(name for name, value in of_pictures.items() if value is not None)
    if kind == "texts":
        given += sorted([*options, *(["replay"] if replay is not None else [])])
        if given:
            raise ArgumentError("options of a fit to texts", ", ".join(given), "leave them out")
        from fivefold.tasks.text.fit import fit_texts

        return fit_texts(data, target=target, budget=budget, seed=seed, progress=progress)
    if given:
        named = ", ".join(given)
        raise ArgumentError("options of a fit to a table", named, "leave them out: they are of pictures")
    if target is None:
        raise ArgumentError(
            "a target, the column to predict",
            "none",
            "give target=COLUMN (--target), or the values themselves",
        )
    from fivefold.tasks.tables.fit import fit as fit_table

    if progress is not None:
        options["progress"] = progress
    return fit_table(data, target, budget=budget, seed=seed, replay=replay, **options)
