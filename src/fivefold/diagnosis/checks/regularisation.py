"""Penalties and noise that outweigh what is to be learnt."""

import math

from torch import nn

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.checks.rates import risen
from fivefold.diagnosis.checks.seen import DROPOUTS, curve, late, losses_of, median
from fivefold.diagnosis.finding import Finding, Picture
from fivefold.diagnosis.observation.record import Group, LossCall, Record, Step

DECOUPLED = ("AdamW", "NAdamW", "Lion", "ScheduleFreeAdamW")


def _decay_share(step: Step) -> float:
    """Largest ratio, over groups, of what weight decay asks for to what the loss asks for."""
    by_name = {p.name: p for p in step.parameters}
    top = 0.0
    for group in step.groups:
        decay = group.settings.get("weight_decay", 0.0)
        held = [by_name[n] for n in group.names if n in by_name and by_name[n].gradient]
        if decay <= 0.0 or not held:
            continue
        weight = math.hypot(*(p.weight for p in held))
        if group.optimizer in DECOUPLED or group.settings.get("decoupled_weight_decay", 0.0):
            update = math.hypot(*(p.update for p in held))
            top = max(top, group.settings.get("lr", 0.0) * decay * weight / max(update, 1e-30))
        else:
            gradient = math.hypot(*(p.gradient for p in held if p.gradient))
            top = max(top, decay * weight / max(gradient, 1e-30))
    return top


def _pull(step: Step) -> float:
    r"""Largest share of its weights, over groups, that decay alone takes off at an update,

    .. math:: \eta \lambda / (1 - m)

    with rate, decay and momentum (0 where decay is decoupled); 0 for optimizers that divide the decay by the
    size of gradients.
    """
    top = 0.0
    for group in step.groups:
        held = group.settings
        decoupled = group.optimizer in DECOUPLED or bool(held.get("decoupled_weight_decay", 0.0))
        if decoupled or group.optimizer in {"SGD", "ASGD"}:
            inertia = 0.0 if decoupled else min(held.get("momentum", 0.0), 0.999)
            top = max(top, held.get("lr", 0.0) * held.get("weight_decay", 0.0) / (1.0 - inertia))
    return top


def _divides(group: Group) -> bool:
    """Whether an optimizer adds decay to the gradient and divides by the size of both."""
    plain = group.optimizer in {*DECOUPLED, "SGD", "ASGD", "LBFGS", "Muon"}
    return (
        not plain
        and group.settings.get("weight_decay", 0.0) > 0.0
        and not group.settings.get("decoupled_weight_decay", 0.0)
    )


def check_regularisation(record: Record) -> list[Finding]:
    """Find weight decay or a penalty that pulls harder than the loss, and dropout that leaves little.

    Statistics: median over the last half of |decay * w| / |gradient| (of the decay's part of the update, for
    decoupled decay) together with the loss of weight (half of it suffices where a decay of 0.02 or more goes
    through Adam's division); the share of the weights that decay alone takes off at
    an update, median over all, together with that loss; the share of the total loss that is not from loss
    functions; the largest dropout probability, and label smoothing. Null: ratios below 1 for decays of 1e-2
    and less; a share far below a hundredth, so that what is learnt outlasts hundreds of updates; penalties
    below half the loss; dropout to 0.5, smoothing to 0.2. False alarms: networks with batch norm reach a
    balance in which decay and gradient are equal (decays below 0.02 are left out).

    Args:
        record: What was seen.
    """
    out = []
    decays = [g.settings.get("weight_decay", 0.0) for s in record.steps for g in s.groups]
    top = max(decays, default=0.0)
    steps = [s for s in late(record.steps) if s.parameters]
    if top > 0.0 and steps:
        ratio = median(_decay_share(s) for s in steps)
        weights = [math.hypot(*(p.weight for p in s.parameters)) for s in record.steps if s.parameters]
        shrunk = weights[-1] / max(weights[0], 1e-30)
        pull = median(_pull(s) for s in record.steps)
        forgets = top >= 0.02 and pull > 0.01 and shrunk < 0.5
        # Adam and its kin divide the decay's gradient by its size: it acts where the loss asks for little.
        divided = top >= 0.02 and shrunk < 0.5 and any(_divides(g) for s in steps for g in s.groups)
        if (top >= 0.02 and ratio > 0.5) or (top >= 0.1 and shrunk < 0.5) or forgets or divided:
            seen = f"decay {top:g} pulls {ratio:.2g} times as hard as the gradient in the last half; "
            if forgets:
                seen += f"alone it takes off {pull:.1%} of the weights at an update; "
            out.append(
                Finding(
                    "regularisation.decay",
                    "weight decay outweighs the loss",
                    f"{seen}the weights' norm went from {weights[0]:.3g} to {weights[-1]:.3g}",
                    "high" if ratio > 0.7 or shrunk < 0.5 else "medium",
                    "the penalty holds the weights near zero, where the network can say little",
                    "lower weight_decay to 1e-4 to 1e-2",
                    picture=Picture(
                        "The norm of the weights",
                        "update",
                        "norm",
                        {"weights": curve([s for s in record.steps if s.parameters], weights)},
                    ),
                )
            )
    with_losses = [s for s in late(record.steps) if s.losses and s.loss > 0]
    shares = [1.0 - sum(c.value for c in s.losses) / s.loss for s in with_losses]
    penalised = any(isinstance(arg, nn.Parameter) for t in record.tapes for e in t.entries for arg in e.args)
    # After a loss that rose manyfold, the weights are large, and so is a sound penalty on them.
    if penalised and shares and median(shares) > 0.5 and not risen(record) > 5.0:
        out.append(
            Finding(
                "regularisation.penalty",
                "a penalty on the weights outweighs the loss",
                f"{median(shares):.0%} of the total loss does not come from the loss function",
                "high" if median(shares) > 0.6 else "medium",
                "the factor of the penalty is too large",
                "lower the factor until the penalty is a small part of the loss",
                picture=Picture(
                    "What is not from the loss function: less than half where nothing is wrong",
                    "update",
                    "share of the total loss",
                    {"penalty": curve(with_losses, shares)},
                    (0.5, "half the loss"),
                ),
            )
        )
    out.extend(_dropout(record))
    out.extend(_smoothing(record))
    return out


def _dropout(record: Record) -> list[Finding]:
    """Dropout as it ran, as a module or as a function; as modules say where no call was seen."""
    calls = [o for s in record.steps for o in s.operations if o.function == "dropout"]
    named = {name: m.p for name, m in record.modules() if isinstance(m, DROPOUTS)}
    named |= {
        name: m.dropout
        for name, m in record.modules()
        if (isinstance(m, nn.RNNBase) and m.num_layers > 1) or isinstance(m, nn.MultiheadAttention)
    }
    worst = max([*named.values(), *(o.value for o in calls)], default=0.0)
    if worst < 0.65:
        return []
    names = [name for name, p in named.items() if p >= 0.65] or ["a call of dropout in the model"]
    place = next((o.place for o in calls if o.value == worst), None) if worst not in named.values() else None
    return [
        Finding(
            "regularisation.dropout",
            "dropout leaves too little",
            f"{', '.join(names[:4])}: {worst:.0%} of the units are left out in every pass",
            "high" if worst >= 0.75 else "medium",
            "what remains changes so much from batch to batch that little can be learnt",
            "use a probability of 0.1 to 0.5",
            place=place,
            picture=of_shares(
                "Units that dropout leaves out",
                "share of the units",
                named if worst in named.values() else {"a call of dropout": worst, **named},
                (0.5, "most in practice"),
            ),
        )
    ]


def _smoothing(record: Record) -> list[Finding]:
    """Targets that are smoothed until they hardly tell the classes apart."""
    calls = [
        c for c in losses_of(record, ("cross_entropy",)) if c.settings.get("label_smoothing", 0.0) >= 0.4
    ]
    if not calls:
        return []
    share = float(calls[-1].settings["label_smoothing"])
    return [
        Finding(
            "regularisation.smoothing",
            "label smoothing leaves too little of the labels",
            f"label_smoothing is {share:g}: the true class keeps {1 - share:.0%} of its weight beside the "
            "uniform part",
            "high" if share >= 0.6 else "medium",
            "the loss asks for nearly the same probability of every class",
            "use 0.05 to 0.1",
            place=calls[-1].place,
            picture=of_shares(
                "What a target is made of",
                "share",
                {"the label": 1.0 - share, "the uniform part": share},
                (0.2, "most smoothing in practice"),
            ),
        )
    ]


def check_clipping(record: Record) -> list[Finding]:
    """Find gradients that are cut to the same small norm at every update.

    Statistic: the relative spread of the gradient's norm over watched updates. Null: far above 1%; it is zero
    only where every gradient is clipped. False alarms: clipping everything on purpose with a rate chosen for
    it.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if math.isfinite(s.gradient)]
    if len(steps) < 4:
        return []
    norms = [s.gradient for s in steps]
    typical = median(norms)
    same = [n for n in norms if abs(n / typical - 1.0) < 0.01] if typical > 0 else []
    if len(same) < 0.8 * len(norms) or typical > 0.3:
        return []
    plain = any(g.optimizer in {"SGD", "ASGD"} for s in steps for g in s.groups)
    return [
        Finding(
            "clipping.always",
            "the gradient is clipped at every update, far below its size",
            f"its norm is {typical:.2g} (within 1%) at {len(same)} of {len(norms)} watched updates",
            "high" if plain or typical < 1e-3 else "medium",
            "the threshold of clip_grad_norm_ lies below every gradient: with plain descent the rate is in "
            "fact far smaller",
            "raise the threshold to about the 90th percentile of the norms that occur (often near 1), or "
            "leave clipping out",
            picture=Picture(
                "The norm of the gradient at the update", "update", "norm", {"norm": curve(steps, norms)}
            ),
        )
    ]


def _size(call: LossCall) -> float:
    """The largest size of a finite prediction; nan where none is finite."""
    return max(abs(call.prediction.low), abs(call.prediction.high))


def _of_steps(record: Record, coarse: float) -> Picture | None:
    """How much each update changes the weights, beside what their type rounds to nothing."""
    changes = (median(p.update / p.weight for p in s.parameters if p.weight > 0) for s in record.steps)
    shown = curve(record.steps, (max(c, 1e-9) for c in changes))
    if len(shown) < 2:
        return None
    return Picture(
        "Change of the weights at each update, over their size",
        "update",
        "relative change",
        {"change": shown},
        (coarse, "rounds to nothing below"),
        logarithmic=True,
    )


def check_precision(record: Record) -> list[Finding]:
    """Find weights or losses held in half precision.

    Statistic: the types of parameters and predictions. Null: float32 weights, also under autocast. False
    alarms: bfloat16 training with an optimizer that rounds stochastically.

    Args:
        record: What was seen.
    """
    kinds = [(name, str(p.dtype).removeprefix("torch.")) for name, p in record.parameters()]
    half = [(n, k) for n, k in kinds if k in {"float16", "bfloat16"}]
    if half and len(half) >= 0.5 * len(kinds):
        kind = half[0][1]
        coarse = 5e-4 if kind == "float16" else 4e-3
        smallest = "6e-5 (6e-8 denormal)" if kind == "float16" else "1e-38"
        return [
            Finding(
                "precision.half-weights",
                f"the weights themselves are {kind}",
                f"{len(half)} of {len(kinds)} parameters; steps below "
                f"{'5e-4' if kind == 'float16' else '4e-3'} of a weight round "
                f"to nothing, gradients below {smallest} to zero",
                "high",
                "model.half() or .bfloat16() was called for training",
                "keep float32 weights and use torch.autocast (with a GradScaler for float16)",
                picture=_of_steps(record, coarse),
            )
        ]
    calls = [c for s in record.steps for c in s.losses if c.prediction.dtype == "float16"]
    large = [c for c in calls if _size(c) > 3e4 or c.prediction.finite < 1]
    if large:
        sizes = tuple((float(i), s) for i, s in enumerate(map(_size, calls)) if 0.0 < s < math.inf)
        return [
            Finding(
                "precision.overflow",
                "predictions overflow float16",
                f"largest size {max(_size(c) for c in large):.3g} of at most 65,504",
                "high",
                "a computation runs in float16 whose numbers are too large for it",
                "use bfloat16, scale the inputs, or leave this part in float32",
                picture=Picture(
                    "Largest prediction of each call in float16",
                    "watched call of the loss",
                    "largest size",
                    {"prediction": sizes},
                    (65_504.0, "float16 ends here"),
                    logarithmic=True,
                ),
            )
        ]
    return []
