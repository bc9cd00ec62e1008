"""Examples that influence each other's predictions, and predictions that see what they must not."""

import torch
from torch import Tensor

from fivefold.diagnosis.checks.probes import Dropouts, ask, differs, first_tensor, in_evaluation, last_call
from fivefold.diagnosis.checks.seen import losses_of
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record


def _per_example(record: Record, n: int) -> bool:
    """Whether the loss has one target per example: [n] labels, or [n, k] numbers."""
    calls = losses_of(record)
    if not calls or not calls[-1].target.shape:
        return False
    target = calls[-1].target
    return target.shape[0] in {n, calls[-1].prediction.shape[0]} and (
        len(target.shape) == 1 or not target.integer
    )


def _another(x: Tensor, place: int) -> Tensor:
    """An example in place of one: its numbers moved by the spread of the batch, or its tokens by those of
    others.
    """
    if x.is_floating_point():
        draw = torch.randn(x[place].shape, generator=torch.Generator().manual_seed(0)).to(x)
        return x[place] + draw * x.float().std().to(x)
    others = x[torch.arange(len(x)) != place]
    return others[0] if not torch.equal(others[0], x[place]) else others[-1].flip(0)


def check_mixing(record: Record) -> list[Finding]:
    """Find models in which an example's prediction depends on the other examples of its batch.

    Statistic: the change of all other outputs when one example is replaced by another, in evaluation mode,
    where not even batch norm mixes. Null: nothing but rounding. False alarms: models of graphs or sets, whose
    rows belong together (left out where a matrix of n x n is given beside the inputs, or where the loss has
    no target per example).

    Args:
        record: What was seen.
    """
    found = last_call(record)
    if found is None:
        return []
    entry = found[1]
    x = first_tensor(entry)
    if x is None or x.ndim < 1 or len(x) < 3 or not _per_example(record, len(x)):
        return []
    others = [a for a in entry.args if isinstance(a, Tensor) and a is not x]
    if any(a.ndim >= 2 and a.shape[-1] == a.shape[-2] == len(x) for a in others):
        return []
    with in_evaluation(entry.call):  # type: ignore[arg-type]
        dropouts = Dropouts()
        with dropouts:
            before = ask(entry, x)
        again = ask(entry, x)
        middle = len(x) // 2
        changed = x.clone()
        changed[middle] = _another(x, middle)
        after = ask(entry, changed)
    outputs = [i for i, o in enumerate(before) if o.ndim >= 1 and len(o) == len(x)]
    if not outputs or torch.equal(changed, x):
        return []
    if any(differs(before[i], again[i]) for i in outputs):
        return _random(dropouts)
    kept = [i for i in range(len(x)) if i != middle]
    mixed = [i for i in outputs if differs(before[i][kept], after[i][kept])]
    if not mixed:
        return []
    return [
        Finding(
            "batch.mixed",
            "an example's prediction depends on the other examples of its batch",
            f"with one of {len(x)} examples replaced, the outputs for the others change, in evaluation mode",
            "high",
            "an operation runs along the batch: a wrong dim, a reshape where a transpose was meant, or a "
            "recurrent or attention layer "
            "that takes the first dimension for time (batch_first)",
            "keep dimension 0 for examples throughout: check view/reshape, dim=, and batch_first=True",
        )
    ]


def _random(dropouts: Dropouts) -> list[Finding]:
    """Of a model that differs from pass to pass: only dropout is a fault, sampling may be meant."""
    if not dropouts.on:
        return []
    return [
        Finding(
            "mode.dropout-in-evaluation",
            "dropout stays on in evaluation mode",
            "two passes in a row, in evaluation mode, differ; dropout is called as a function with training "
            "on",
            "high",
            "functional dropout does not know of the module's mode",
            "use torch.nn.Dropout, or pass training=self.training",
            place=dropouts.place,
        )
    ]


def _tokens(record: Record) -> tuple[Tensor, Tensor] | None:
    """Input tokens [b, t] of the last watched batch and its targets in the same shape; ``None`` where there
    are none.
    """
    rows = record.training_rows
    for x, y in zip(reversed(rows.inputs), reversed(rows.targets), strict=True):
        if (
            y is not None
            and not x.is_floating_point()
            and x.ndim == 2
            and y.numel() == x.numel()
            and x.shape[1] >= 4
        ):
            return x, y.reshape(x.shape)
    return None


def check_future(record: Record) -> list[Finding]:
    """Find language models that see the token which they are to predict.

    Statistics: the share of targets equal to the input at their own place, and at the next; where targets are
    the next tokens, the change of outputs at a place when only later tokens change. Null: targets are the
    next tokens and outputs do not change. False alarms: models that fill gaps (their targets are ignored
    where the input is shown).

    Args:
        record: What was seen.
    """
    seen = _tokens(record)
    found = last_call(record)
    if seen is None or found is None:
        return []
    x, y = seen
    own = float((x == y).float().mean())
    following = float((x[:, 1:] == y[:, :-1]).float().mean())
    if own > 0.95 and following < 0.95:
        return [
            Finding(
                "mask.unshifted",
                "the targets are the inputs, not the tokens that follow them",
                f"{own:.1%} of the targets equal the input at their own place, {following:.1%} the next "
                "input",
                "high",
                "inputs and targets are cut from the text at the same places",
                "use text[:-1] as inputs and text[1:] as targets",
            )
        ]
    if following < 0.95:
        return []
    entry = found[1]
    given = first_tensor(entry)
    if given is None or given.is_floating_point() or given.ndim != 2 or given.shape[1] < 4:
        return []
    b, t = given.shape
    cut = t // 2
    with in_evaluation(entry.call):  # type: ignore[arg-type]
        before = ask(entry, given)
        changed = given.clone()
        changed[:, cut:] = given[:, cut:].flip(0).roll(1, dims=1)
        after = ask(entry, changed)
    for a, c in zip(before, after, strict=True):
        if a.ndim >= 2 and a.shape[0] * (a.shape[1] if a.ndim >= 3 else 1) == b * t:
            a3, c3 = a.reshape(b, t, -1), c.reshape(b, t, -1)
            if differs(a3[:, :cut], c3[:, :cut]):
                return [
                    Finding(
                        "mask.future",
                        "the model sees the tokens that it is to predict",
                        f"outputs at the first {cut} places change when only tokens after them change, and "
                        "targets are the next tokens "
                        f"({following:.1%})",
                        "high",
                        "attention has no causal mask (or one that hides the wrong side), or a recurrent "
                        "layer runs in both directions",
                        "mask places after the present one: is_causal=True, or torch.triu(..., diagonal=1) "
                        "set to -inf before softmax",
                    )
                ]
    return []
