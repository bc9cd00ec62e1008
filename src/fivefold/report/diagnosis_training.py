"""One training of a diagnosis in pictures and sentences, from the plain record of what was seen."""

from typing import Any

from fivefold.report import numbers
from fivefold.report.diagnosis_figures import Curve, ends_in_words, lines, parts
from fivefold.report.diagnosis_layers import Points, calm, layers, picture, points
from fivefold.report.record import entries, finite, mapping, sequence, whole
from fivefold.report.text import clean

_PHASES = (
    ("data", "waiting for data"),
    ("forward", "forward pass"),
    ("backward", "backward pass"),
    ("update", "the optimizer"),
)


def training(part: dict[str, Any], key: str) -> dict[str, Any]:
    """Return what the page shows of one training: facts, and pictures with their captions.

    Args:
        part: ``models``, ``optimizers``, ``updates``, ``watched``, ``seconds``, ``spent`` and ``series``, as
            :mod:`fivefold.report.diagnosis_page` describes them. Any may be missing or of another type.
        key: Unique in the page.

    >>> training({"series": {"loss": [[0, 2.0], [9, 0.5]]}}, "t1")["pictures"][0]["title"]
    'Loss'
    """
    part = mapping(part)
    series = mapping(part.get("series"))
    stop, last = whole(series.get("first_nonfinite")), whole(series.get("last"))
    made = [
        _loss(series, key, stop, last),
        _right(series, key),
        _gradient(series, key, stop, last),
        _rates(series, key),
        *layers(series, key),
        _edge(mapping(series.get("deep")), key),
        _along(mapping(series.get("deep")), key),
        _noise(mapping(series.get("deep")), key),
        _time(mapping(series.get("seconds")), part, key),
    ]
    return {
        "key": key,
        "models": _names(part.get("models")),
        "optimizers": _names(part.get("optimizers")) or "no optimizer",
        "counts": counts(part),
        "calm": calm(mapping(series.get("idle"))),
        "pictures": [each for each in made if each is not None],
    }


def counts(part: dict[str, Any]) -> str:
    """Say how many updates were made, and how many of them were seen in full.

    >>> counts({"updates": 1200, "watched": 80})
    '1,200 updates, 80 of them seen in full'
    """
    updates, watched = whole(part.get("updates")), whole(part.get("watched"))
    if updates is None:
        return ""
    text = numbers.plural(updates, "update")
    if watched is None or watched >= updates > 0:
        return f"{text}, all seen in full"
    last = whole(mapping(part.get("series")).get("last"))
    late = f", the last of them update {last + 1:,}" if last is not None and last < 0.9 * updates else ""
    return f"{text}, {numbers.count(watched)} of them seen in full{late}"


def _names(value: object) -> str:
    listed = [text for item in sequence(value)[:20] if (text := clean(item, 80))]
    return ", ".join(dict.fromkeys(listed))


def _loss(series: dict[str, Any], key: str, stop: int | None, last: int | None) -> dict[str, str] | None:
    own, held = points(series.get("loss")), points(series.get("held_out"))
    curves = [Curve("training", own, 0)] if own else []
    curves += [Curve("held out", held, 1)] if held else []
    said = [f"{c.name} {ends_in_words(c.points)}" for c in curves if c.points]
    caption = f"Loss of the batches: {'; '.join(said)}."
    if held:
        least = min(held, key=lambda p: p[1])
        caption += (
            f" Held out is what the script evaluates without gradients: least after {least[0]:,.0f} updates."
        )
    if stop is not None:
        caption += f" From update {stop:,} on, numbers were not finite."
    figure = lines(
        f"{key}-loss", "Loss", curves, ("update", "loss"), stop=stop, until=last, description=caption
    )
    return picture("Loss", figure, caption)


def _right(series: dict[str, Any], key: str) -> dict[str, str] | None:
    held = points(series.get("right"))
    if len(held) < 2:
        return None
    best = max(held, key=lambda p: p[1])
    caption = (
        "Share of evaluated examples that the script's own comparison found right: "
        f"{numbers.percent(held[-1][1])} at the last evaluation that was seen, {numbers.percent(best[1])} at "
        f"best, after {best[0]:,.0f} updates."
    )
    figure = lines(
        f"{key}-right", "Share of evaluated examples found right", [Curve("right", held)],
        ("update", "share found right"), log=False, description=caption,
    )  # fmt: skip
    return picture("Examples found right", figure, caption)


def _gradient(series: dict[str, Any], key: str, stop: int | None, last: int | None) -> dict[str, str] | None:
    norms = points(series.get("gradient"))
    caption = (
        f"Norm of the whole gradient at the update, {ends_in_words(norms)}. Single peaks are usual; a "
        "climb over powers of ten is not, and neither is a norm of next to nothing from the start."
    )
    figure = lines(
        f"{key}-gradient", "Norm of the gradient", [Curve("norm", norms)], ("update", "norm of the gradient"),
        stop=stop, until=last, description=caption,
    )  # fmt: skip
    return picture("Gradient", figure, caption)


def _rates(series: dict[str, Any], key: str) -> dict[str, str] | None:
    groups = [(name, points(value)) for name, value in list(mapping(series.get("rates")).items())[:4]]
    groups = [(name, found) for name, found in groups if found]
    caption = "; ".join(f"{clean(name, 40)} {_course(found)}" for name, found in groups) + "."
    figure = lines(
        f"{key}-rate", "Learning rate", [Curve(name, found, i) for i, (name, found) in enumerate(groups)],
        ("update", "learning rate"), zero=True, description=caption,
    )  # fmt: skip
    return picture("Learning rate", figure, caption)


def _course(found: Points) -> str:
    rates = [y for _, y in found]
    if min(rates) == max(rates):
        return f"constant at {numbers.number(rates[0])}"
    return f"{ends_in_words(found)}, at most {numbers.number(max(rates))}"


def _edge(deep: dict[str, Any], key: str) -> dict[str, str] | None:
    product, edge = points(deep.get("product")), points(deep.get("edge"))
    level = (edge[-1][1], "the edge") if edge else None
    caption = (
        f"Rate times sharpness, {ends_in_words(product)}, and the optimizer's edge of stability. Training "
        "on all rows rises to the edge and stays about it, which does no harm; far beyond it the loss "
        "grows."
    )
    figure = lines(
        f"{key}-edge", "Distance from the edge of stability", [Curve("product", product)],
        ("update", "rate times sharpness"), level=level, description=caption,
    )  # fmt: skip
    return picture("Edge of stability", figure, caption)


def _along(deep: dict[str, Any], key: str) -> dict[str, str] | None:
    best, bend = points(deep.get("best_multiple")), points(deep.get("along"))
    caption = (
        f"Where along the update the loss of its batch would be least, as a multiple of the update, "
        f"{ends_in_words(best)}: at 1 the update ends at the bottom, below 1/2 it overshoots and ends higher "
        "than it began, far above 1 it could be longer."
    )
    if bend:
        caption += f" The curvature along it: {ends_in_words(bend)}."
    figure = lines(
        f"{key}-along", "Where along the update the loss is least", [Curve("multiple", best)],
        ("update", "multiple of the update"), level=(0.5, "overshoots below"), description=caption,
    )  # fmt: skip
    return picture("Along the update", figure, caption)


def _noise(deep: dict[str, Any], key: str) -> dict[str, str] | None:
    scale, rows = points(deep.get("noise_scale")), points(deep.get("rows"))
    if not scale:
        return None
    curves = [Curve("noise scale", scale, 0)]
    curves += [Curve("batch", [p for p in rows if p[1] > 0], 1)] if rows else []
    caption = (
        f"Noise scale of the gradient, {ends_in_words(scale)} rows, beside the rows of the batch: batches "
        "far smaller give mostly noise, far larger ones little more."
    )
    figure = lines(
        f"{key}-noise", "Noise scale of the gradient", curves, ("update", "rows"), description=caption
    )
    return picture("Noise of the gradient", figure, caption)


def _time(seconds: dict[str, Any], part: dict[str, Any], key: str) -> dict[str, str] | None:
    found = [(name, words, finite(seconds.get(name))) for name, words in _PHASES]
    known = [(name, words, v) for name, words, v in found if v is not None and v >= 0]
    if not known or sum(v for _, _, v in known) <= 0:
        return None
    said = "; ".join(f"{words} {numbers.seconds(v)}" for _, words, v in known)
    caption = (
        f"Median of one update that was seen in full: {said}. To be seen costs time, most of it in the "
        "forward pass."
    )
    total, spent = finite(part.get("seconds")), finite(part.get("spent"))
    if total and spent is not None:
        caption += f" Watching took {numbers.seconds(spent)} of {numbers.seconds(total)} in all."
    figure = parts(f"{key}-time", "Where the time goes", [(name, v) for name, _, v in known], caption)
    return picture("Where the time goes", figure, caption)


def first_and_last_loss(record: dict[str, Any]) -> tuple[float, float, float | None, int | None] | None:
    """Return the first and the last seen loss of the first training, its last held-out loss, and the update
    from which on numbers were not finite.

    >>> first_and_last_loss({"trainings": [{"series": {"loss": [[0, 2.0], [9, 0.5]]}}]})
    (2.0, 0.5, None, None)
    """
    for part in entries(record.get("trainings")):
        series = mapping(part.get("series"))
        own, held = points(series.get("loss")), points(series.get("held_out"))
        if own:
            stop = whole(series.get("first_nonfinite"))
            return own[0][1], own[-1][1], held[-1][1] if held else None, stop
    return None
