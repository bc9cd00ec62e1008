"""Labels of tokens that meet the predictions for other tokens."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_pairs, of_shares
from fivefold.diagnosis.checks.played import given_at, losses_on
from fivefold.diagnosis.checks.probes import first_tensor, in_evaluation
from fivefold.diagnosis.finding import Finding, Picture, Place
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Slot, Tape

LEAST_ROWS = 6
FEW_KINDS = 200


def check_tags(record: Record) -> list[Finding]:
    """Find a loss of tokens whose targets are in another order than its predictions.

    Statistics: which token each row of the predictions is of (an index goes through the operations between
    the model and the loss), beside where targets are ignored: at the padding of their own sequence. Where
    nothing is ignored, the share of targets that a token tells (each kind of token its commonest target), as
    they are paired and with the targets in the order of the inputs. Null: ignored targets lie exactly at the
    padding. Found where as many are ignored as are padded, but elsewhere, in every batch, so that false
    alarms
    would need targets that are ignored by another rule in exactly as many places; without padding, where the
    other order tells 0.1 more, beyond 6 standard errors.

    Args:
        record: What was seen.
    """
    seen = [told for tape in record.tapes if tape.playable and (told := _pairing(tape)) is not None]
    if not seen:
        return []
    verdicts = [_verdict(*each[:3]) for each in seen]
    place = seen[-1][3]
    if all(v == "rows" for v in verdicts):
        return [
            Finding(
                "batch.mixed",
                "inputs and targets are in different orders within their batch",
                f"in {len(seen)} of {len(seen)} batches the ignored targets of each row are as many as "
                "another row's padding: the lengths are the same, and their order is not",
                "high",
                "one of the two was sorted by length, or shuffled, when the batch was made",
                "reorder inputs and targets by the same index, or leave them (enforce_sorted=False)",
                place=place,
                picture=_picture([each[:3] for each in seen]),
            )
        ]
    if all(v == "axes" for v in verdicts):
        return [
            Finding(
                "axis.targets",
                "predictions and targets are laid out along different axes",
                f"in {len(seen)} of {len(seen)} batches each prediction meets the target of another token: "
                "the predictions come in the order (time, batch), the targets in the order (batch, time), or "
                "the other way round",
                "high",
                "one of the two was transposed before both were made one long row of tokens",
                "make both flat in the same order: transpose both or neither",
                place=place,
                picture=_picture([each[:3] for each in seen]),
            )
        ]
    return []


def _pairing(tape: Tape) -> tuple[Tensor, Tensor, Tensor, Place | None] | None:
    """Tokens [b, t]; of each prediction, its token; the targets [b * t], in the order of the predictions,
    with
    -1 for ignored ones; and the line of the loss.
    """
    calls = [(i, e) for i, e in enumerate(tape.entries) if isinstance(e.call, nn.Module)]
    places = losses_on(tape)
    if len(calls) != 1 or len(places) != 1:
        return None
    at, entry = calls[0]
    x = first_tensor(entry)
    if x is None or x.ndim != 2 or x.is_floating_point() or len(x) < LEAST_ROWS or x.shape[1] < 3:
        return None
    loss = tape.entries[places[0]]
    if loss.args and not isinstance(loss.args[0], Slot):
        return None
    given = given_at(tape, places[0])
    logits, target = given.get("input"), given.get("target")
    if not isinstance(logits, Tensor) or not isinstance(target, Tensor) or target.is_floating_point():
        return None
    if target.numel() != x.numel() or logits.numel() != x.numel() * logits.shape[1]:
        return None
    order = _order(tape, at, places[0], x, logits.shape[1])
    if order is None:
        return None
    ignored = int(given.get("ignore_index", -100))
    flat = target.reshape(-1).cpu()
    return x.cpu(), order, torch.where(flat == ignored, -1, flat), loss.place


def _order(tape: Tape, at: int, place: int, x: Tensor, classes: int) -> Tensor | None:
    """The token of each prediction: an index in the place of the model's output, made as the loss gets it."""
    b, t = x.shape
    index = torch.arange(b * t, dtype=torch.float64)
    entry = tape.entries[at]
    with in_evaluation(entry.call):  # type: ignore[arg-type]
        outputs = held_tensors(entry.call(*entry.args, **entry.kwargs))
    laid: dict[tuple[int, ...], Tensor] = {
        (b, t, classes): index.reshape(b, t, 1).expand(b, t, classes),
        (b, classes, t): index.reshape(b, 1, t).expand(b, classes, t),
        (t, b, classes): index.reshape(b, t).T[:, :, None].expand(t, b, classes),
    }
    which = [i for i, o in enumerate(outputs) if tuple(o.shape) in laid]
    if len(which) != 1 or b == t:
        return None
    made: list[Tensor] = [*outputs]
    made[which[0]] = laid[tuple(outputs[which[0]].shape)].contiguous()
    try:
        got = given_at(tape, place, instead={at: made})["input"]
    except (RuntimeError, IndexError, TypeError, ValueError):
        return None
    if got.shape[1] != classes or got.numel() != index.numel() * classes:
        return None
    rows = got.movedim(1, -1).reshape(-1, classes)
    if not bool((rows == rows[:, :1]).all()) or not torch.equal(rows[:, 0].sort().values, index):
        return None  # something is computed on the way, or left out
    order: Tensor = rows[:, 0].long()
    return order


def _picture(seen: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Picture | None:
    """Of each batch, how many ignored targets meet padding; without padding, what tokens tell."""
    met = {
        f"batch {i + 1}": float(padded.reshape(-1)[order][target == -1].float().mean())
        for i, (x, order, target) in enumerate(seen)
        if (padded := _padding(x, target)) is not None
    }
    if met:
        title = "Ignored targets that meet the padding of their row: all where nothing is wrong"
        return of_shares(title, "share of those ignored", met, (1.0, "all"))
    return of_pairs(
        "Targets that their token tells: most as they are paired where nothing is wrong",
        "share of the targets",
        {
            f"batch {i + 1}": (_told(x.reshape(-1)[order], target)[0], _told(x.reshape(-1), target)[0])
            for i, (x, order, target) in enumerate(seen)
        },
        ("as paired", "as the inputs lie"),
    )


def _padding(x: Tensor, target: Tensor) -> Tensor | None:
    """Where rows are filled up, [b, t], if their lengths differ and as many targets are ignored."""
    last = int(x[:, -1].mode().values)
    padded = x.flip(1).eq(last).long().cumprod(1).flip(1).bool()
    as_many = int((target == -1).sum()) == int(padded.sum())
    return padded if as_many and len(np.unique(padded.sum(1).numpy())) >= 4 else None


def _verdict(x: Tensor, order: Tensor, target: Tensor) -> str:
    """``"rows"``, ``"axes"``, or empty where the two agree or nothing can be said."""
    b, t = x.shape
    padded, ignored = _padding(x, target), target == -1
    if padded is not None:
        if torch.equal(padded.reshape(-1)[order], ignored):
            return ""
        if torch.equal(padded.reshape(-1), ignored) or torch.equal(padded.T.reshape(-1), ignored):
            return "axes"
        laid = torch.empty_like(ignored)
        laid[order] = ignored
        rows = laid.reshape(b, t)
        runs, lengths = rows.flip(1).long().cumprod(1).sum(1), padded.sum(1)
        trailing = torch.equal(runs, rows.sum(1))
        return "rows" if trailing and torch.equal(runs.sort().values, lengths.sort().values) else ""
    straight = torch.arange(b * t)
    if torch.equal(order, straight) or int(x.max()) >= FEW_KINDS:
        return ""
    own, n = _told(x.reshape(-1)[order], target)
    other, _ = _told(x.reshape(-1), target)
    return "axes" if other - own > 0.1 and other - own > 6 * math.sqrt(0.5 / max(n, 1)) else ""


def _told(tokens: Tensor, target: Tensor) -> tuple[float, int]:
    """Share of the targets that are the commonest one of their token, and how many there are."""
    kept = target >= 0
    x, y = tokens[kept].numpy(), target[kept].numpy()
    if not len(x):
        return 0.0, 0
    table = np.zeros((int(x.max()) + 1, int(y.max()) + 1))
    np.add.at(table, (x, y), 1.0)
    return float(table.max(1).sum() / len(x)), len(x)
