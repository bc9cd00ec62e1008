"""Gradients that vanish or explode on their way through the layers."""

import math

from fivefold.diagnosis.checks.first_values import EMBEDDINGS
from fivefold.diagnosis.checks.loss_level import level_tells
from fivefold.diagnosis.checks.seen import curve, initial_loss, late_loss, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record


def _steady(values: list[float]) -> bool:
    """Whether gradients grow from layer to layer nearly without exception: then the first alone is what all
    others have shrunk to.
    """
    if len(values) < 5:
        return False
    ranks = [sorted(values).index(v) for v in values]
    n = len(values)
    squares = sum((i - r) ** 2 for i, r in enumerate(ranks))
    return 1.0 - 6.0 * squares / (n * (n * n - 1)) > 0.85


def check_gradient_flow(record: Record) -> list[Finding]:
    """Find gradients that lose or gain many orders of magnitude between the last layer and the first.

    Statistic: r = median over watched updates of the root mean square gradient of the first weight matrix
    over that of the last; where gradients shrink steadily through five layers or more (rank correlation with
    depth above 0.85), of the first alone, else the largest of the first three. Null: 0.01 to 10 in networks
    that train. False alarms: sparse first layers
    (embeddings, left out below 100 times).

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters and math.isfinite(s.gradient)]
    if len(steps) < 2:
        return []
    order = {f.name: i for i, f in enumerate(record.first_weights) if f.kind not in EMBEDDINGS}
    ratios: dict[str, float] = {}
    for name in order:
        found = [
            p.gradient / math.sqrt(p.numbers)
            for s in steps
            for p in s.parameters
            if p.name == f"{name}.weight" and p.gradient is not None
        ]
        if found:
            ratios[name] = median(found)
    out = []
    names = list(ratios)
    if len(names) >= 3 and ratios[names[-1]] > 0:
        # The largest of the first layers: queries and keys of attention have next to none at the start,
        # values have.
        count = max(1, min(3, len(names) // 3))
        first, last = max(ratios[n] for n in names[:count]), median(ratios[n] for n in names[-count:])
        if _steady(list(ratios.values())):
            first, last = ratios[names[0]], max(ratios[n] for n in names[-count:])
        if first < 1e-3 * last:
            out.append(
                Finding(
                    "gradient.vanishes",
                    "the gradient vanishes on its way to the first layers",
                    f"root mean square gradient {first:.1e} in {names[0]}, {last:.1e} in {names[-1]}, over "
                    f"{len(names)} layers",
                    "high" if first < 1e-4 * last else "medium",
                    "every layer multiplies the gradient by less than one: saturating activations, small "
                    "weights, or depth without normalisation or residual connections",
                    "use ReLU-like activations with their initialisation, normalisation, or residual "
                    "connections",
                    picture=_bars(ratios),
                )
            )
    norms = [s.gradient for s in steps]
    typical = median(norms)
    top = max(norms)
    failed = level_tells(record) and not late_loss(record) < 0.9 * initial_loss(record)
    if (top > 1e3 * typical and top > 10.0) or (typical > 1e3 and failed):
        out.append(
            Finding(
                "gradient.explodes",
                "the gradient explodes",
                f"norm up to {top:.2g}, median {typical:.2g}",
                "high" if top > 1e4 * typical or typical > 1e4 else "medium",
                "products over many layers or time steps grow without bound",
                "clip the gradient's norm (torch.nn.utils.clip_grad_norm_ at about 1) and check the scale of "
                "weights and inputs",
                picture=Picture(
                    "The norm of the gradient",
                    "update",
                    "norm",
                    {"norm": curve(steps, norms)},
                    logarithmic=True,
                ),
            )
        )
    return out


def _bars(values: dict[str, float]) -> Picture:
    points = tuple((float(i), max(v, 1e-38)) for i, v in enumerate(values.values()))
    return Picture(
        "Root mean square gradient by layer, the first at the left",
        "layer",
        "gradient",
        {"gradient": points},
        logarithmic=True,
        bars=True,
        names=tuple(values),
    )
