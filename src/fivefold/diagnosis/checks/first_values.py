"""First weights that are all alike, too large or too small."""

import math

import torch

from fivefold.diagnosis.checks.heads import heads
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import curve, initial_loss, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import FirstWeights, Record

LARGE = 4.0
SMALL = 0.05
SHRINKING = 0.4
FAR = 4.0
EMBEDDINGS = ("Embedding", "EmbeddingBag")
FAR_OFF = 5.0
"""Size from which on embeddings, of words or of positions, drown what they meet."""

LEAST_NUMBERS = 64


def _shrinks(record: Record) -> bool:
    """Whether the signal of the first watched pass shrinks a hundredfold from the first layer to the last
    hidden one.
    """
    layers = [
        x for s in record.steps[:1] for x in s.layers if x.kind in {"Linear", "Conv1d", "Conv2d", "Conv3d"}
    ]
    return len(layers) >= 3 and layers[-2].output.std < 1e-2 * layers[0].output.std


def check_first_values(record: Record) -> list[Finding]:
    """Find layers whose first weights cannot break symmetry, or lose the scale of the signal.

    Statistics: whether all units of a hidden layer have the same weights; the standard deviation of
    embeddings, and the root mean square of parameters that a module of the user's holds itself (positions,
    queries; constants are left out); the first loss of classes, beside log(classes); the gain std(w)
    sqrt(inputs per
    unit), which keeps the variance of the signal where it is about 1 (sqrt(2) before ReLU, 0.58 as torch
    draws). Null: gains from 0.3 to 2 for every usual scheme; such parameters up to 1; a first loss within
    twice that of a guess. False
    alarms: weights that an earlier training gave (left out); layers whose outputs no
    other layer reads (heads) are begun small or at zero on purpose (left out); so are gates and the ends of
    branches at zero, which get a gradient at the first update and whose units are all different in the end
    (left out); and so are layers scaled down with depth (which stay above the bound).

    Args:
        record: What was seen.
    """
    layers = [f for f in record.first_weights if f.kind not in EMBEDDINGS and not _taken_over(record, f)]
    out = _embeddings(record) + _own_parameters(record)
    if not layers:
        return out
    ends = heads(record)  # begun small or at zero on purpose: their scale is that of the first output
    alike = [
        f for f in layers[:-1] if f.alike and not (f.std == 0.0 and (f.name in ends or _parted(record, f)))
    ]
    if not alike and len(layers) == 1 and layers[0].alike and layers[0].std > 0:
        alike = layers
    if alike:
        out.append(
            Finding(
                "initialisation.constant",
                "the units of a layer begin alike",
                f"{', '.join(f.name for f in alike[:4])}: every unit has the same weights before the first "
                "update",
                "high",
                "units with the same weights get the same gradients and stay alike: the layer works as one "
                "unit",
                "draw the weights at random, as torch does by default (only biases may begin at zero)",
            )
        )
    picture = Picture(
        "The gain of each layer's first weights",
        "layer",
        "std(w) x sqrt(inputs)",
        {"gain": tuple((float(i), f.gain) for i, f in enumerate(layers))},
        (1.0, "keeps the variance"),
        bars=True,
        logarithmic=True,
        names=tuple(f.name for f in layers),
    )
    # A recurrent matrix is applied at every time step: its gain is about its spectral radius.
    recurrent = [f for f in layers if "weight_hh" in f.name]
    large = [f for f in layers if not f.alike and (f.gain > LARGE or (f in recurrent and f.gain > 2.0))]
    limit = SHRINKING if _shrinks(record) else SMALL
    # The spread of a few numbers may be small by chance.
    many = [f for f in layers[:-1] if f.inputs * f.outputs >= LEAST_NUMBERS]
    hidden = [f for f in many if f.name not in ends and not f.alike]
    small = [f for f in hidden if f.gain < limit or (f in recurrent and f.gain < 0.2)]
    for which, found, code, word in (
        (large, large, "initialisation.too-large", "large"),
        (small, small, "initialisation.too-small", "small"),
    ):
        if not which:
            continue
        gain = median(f.gain for f in found)
        out.append(
            Finding(
                code,
                f"the first weights are too {word}",
                f"{', '.join(f.name for f in found[:4])}: standard deviation times the root of the inputs is "
                f"{gain:.2g} where about 1 "
                f"keeps the scale of the signal; first loss {initial_loss(record):.3g}",
                "high",
                f"each layer multiplies the scale of its inputs by about {gain:.2g}",
                "leave torch's first values, or use torch.nn.init.kaiming_normal_ (ReLU) or xavier_normal_ "
                "(tanh)",
                picture=picture,
            )
        )
    if not out:
        out.extend(_first_loss(record))
    return out


def _taken_over(record: Record, first: FirstWeights) -> bool:
    """Whether what a layer begins with is what an earlier training has made of it."""
    return bool(record.taken_over & {first.name, f"{first.name}.weight" if first.name else "weight"})


def _parted(record: Record, first: FirstWeights) -> bool:
    """Whether a layer that began at zero had a gradient at once, and no two of its units are alike now."""
    own = (first.name, f"{first.name}.weight" if first.name else "weight")
    step = next((s for s in record.steps if s.index == 0), None)
    seen = [p.gradient for p in step.parameters if p.name in own] if step else []
    weights = [p.detach() for name, p in record.parameters() if name in own and p.ndim >= 2]
    if not (weights and any(gradient is not None and gradient > 0.0 for gradient in seen)):
        return False
    rows = weights[0].flatten(1)
    return len(torch.unique(rows, dim=0)) == len(rows)


def _embeddings(record: Record) -> list[Finding]:
    """Tables of embeddings that begin far from the size of one."""
    found = [
        f
        for f in record.first_weights
        if f.kind in EMBEDDINGS and f.outputs > 1 and not _taken_over(record, f)
    ]
    out = []
    if len(found) >= 2 and all(f.std == 0.0 for f in found):
        out.append(
            Finding(
                "initialisation.constant",
                "all embeddings begin alike",
                f"{', '.join(f.name for f in found[:4])}: every number is the same before the first update",
                "high",
                "products of embeddings that are all zero have no gradient, and those that are all alike "
                "stay so",
                "draw the embeddings at random, as torch does by default",
                picture=_sizes({f.name: f.std for f in found}),
            )
        )
    for code, word, names in (
        ("initialisation.too-large", "large", [f.name for f in found if f.std > FAR_OFF]),
        ("initialisation.too-small", "small", [f.name for f in found if 0.0 < f.std < 5e-4]),
    ):
        if names:
            size = median(f.std for f in found if f.name in names)
            out.append(
                Finding(
                    code,
                    f"the first embeddings are too {word}",
                    f"{', '.join(names[:4])}: standard deviation {size:.2g} before the first update",
                    "high" if word == "large" else "medium",
                    "what follows is given numbers far from the size of one",
                    "leave torch's first values (standard deviation 1), or use one of 0.02 to 1",
                    picture=_sizes({f.name: f.std for f in found}),
                )
            )
    return out


def _sizes(sizes: dict[str, float]) -> Picture | None:
    return of_numbers(
        "Size of first values by name, from 0.02 to 1 where nothing is wrong",
        "root mean square",
        sizes,
        (1.0, "the size of one"),
        logarithmic=True,
    )


def _own_parameters(record: Record) -> list[Finding]:
    """Tables and matrices that a module of the user's holds itself, as embeddings of positions."""
    first = next((s for s in record.steps if s.index == 0), None)
    if first is None:
        return []
    # A constant that is learnt, as the logarithm of a variance, may be of any size.
    varied = {
        name
        for name, p in record.parameters()
        if p.ndim >= 2
        and p.numel() >= LEAST_NUMBERS
        and p.is_floating_point()
        and float(p.detach().float().std()) > 0.5 * float(p.detach().float().square().mean()) ** 0.5
    }
    layers = tuple(
        f"{name}." if name else "" for name, m in record.modules() if type(m).__module__.startswith("torch.")
    )
    found = {
        p.name: p.weight / math.sqrt(p.numbers)
        for p in first.parameters
        if p.gradient is not None
        and p.name in varied
        and p.name not in record.taken_over
        and not p.name.startswith(layers)
        and p.weight > FAR_OFF * math.sqrt(p.numbers)
    }
    if not found:
        return []
    # Frequencies that inputs are multiplied with, before a sine, may be large on purpose.
    widths = {x.shape[-1] for x in first.inputs if x.shape}
    shapes = [tuple(p.shape) for name, p in record.parameters() if name in found]
    matrix = all(len(shape) == 2 and widths & set(shape) for shape in shapes)
    return [
        Finding(
            "initialisation.too-large",
            "the first values of a parameter are too large",
            f"{', '.join(list(found)[:4])}: root mean square {max(found.values()):.3g} before the first "
            "update",
            "medium" if matrix else "high",
            "what it is added to, or multiplied with, drowns beside it: examples hardly differ any more",
            "draw it with a standard deviation of 0.02 to 1",
            picture=_sizes(found),
        )
    ]


def _first_loss(record: Record) -> list[Finding]:
    """A first loss of classes far above that of a guess, at inputs of usual size."""
    step = next((s for s in record.steps if s.index == 0 and len(s.losses) == 1), None)
    if step is None or any(max(abs(x.mean), x.std) > 5.0 for x in step.inputs if not x.integer):
        return []
    call = step.losses[0]
    mean = call.settings.get("reduction", "mean") == "mean"
    if call.function != "cross_entropy" or not mean or not call.target.integer:
        return []
    classes = max(2, call.prediction.shape[1])
    if not call.value > FAR * math.log(classes):
        return []
    values = [s.losses[0].value if s.losses else s.loss for s in record.steps]
    return [
        Finding(
            "initialisation.too-large",
            "the first loss is far above that of a guess",
            f"{call.value:.3g} at the first update, where a guess among {classes} classes has "
            f"{math.log(classes):.3g}; logits have standard deviation {call.prediction.std:.3g}",
            "medium",
            "first weights, or a factor in the network, are so large that wrong answers are given with "
            "certainty",
            "look at the scale of first weights and of what each layer gives; begin with logits of size one",
            place=call.place,
            picture=Picture(
                "The loss, which begins near that of a guess where nothing is wrong",
                "update",
                "loss",
                {"loss": curve(record.steps, values)},
                (math.log(classes), f"a guess among {classes}"),
                logarithmic=True,
            ),
        )
    ]
