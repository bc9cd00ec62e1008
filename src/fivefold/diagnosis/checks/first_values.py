"""First weights that are all alike, too large or too small."""

from fivefold.diagnosis.checks.seen import initial_loss, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Record

LARGE = 4.0
SMALL = 0.05
SHRINKING = 0.4


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

    Statistics: whether all units of a hidden layer have the same weights; the gain std(w) sqrt(inputs per
    unit), which keeps the variance of the signal where it is about 1 (sqrt(2) before ReLU, 0.58 as torch
    draws). Null: gains from 0.3 to 2 for every usual scheme. False alarms: a last layer at zero is sound
    (left out), so are layers scaled down with depth (which stay above the bound).

    Args:
        record: What was seen.
    """
    layers = record.first_weights
    if not layers:
        return []
    out = []
    alike = [f for f in layers[:-1] if f.alike]
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
    small = [f for f in layers[:-1] if not f.alike and (f.gain < limit or (f in recurrent and f.gain < 0.2))]
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
    return out
