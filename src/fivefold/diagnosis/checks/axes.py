"""Softmax and normalisation along the batch, and attention along the wrong side."""

from fivefold.diagnosis.checks.seen import batch_size
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Operation, Record


def _over_batch(op: Operation, n: int) -> bool:
    return (
        op.function in {"softmax", "log_softmax", "normalize"}
        and len(op.shape) >= 2
        and op.dim == 0
        and op.shape[0] == n
    )


def _over_queries(op: Operation) -> bool:
    """Scores of attention [.., queries, keys], at least three dimensions, normalised along the queries."""
    return (
        op.function == "softmax" and len(op.shape) >= 3 and op.dim == len(op.shape) - 2 and op.shape[-1] > 1
    )


def check_axes(record: Record) -> list[Finding]:
    """Find operations that normalise along the batch, or attention along its queries.

    Statistic: the dimension given to softmax, log_softmax and normalize beside the shape and the size of the
    batch. Null: probabilities of classes sum to one along the classes. False alarms: contrastive losses that
    normalise along the batch on purpose (square scores [n, n] are left out); attention written with its
    scores transposed.

    Args:
        record: What was seen.
    """
    n = batch_size(record)
    if n < 2:
        return []
    out = []
    ops = [op for s in record.steps for op in s.operations]
    batch = [op for op in ops if _over_batch(op, n) and op.shape[:2] != (n, n)]
    if batch:
        last = batch[-1]
        out.append(
            Finding(
                "axis.batch",
                f"{last.function} runs along the batch, not along the classes",
                f"dim=0 of a tensor of shape {list(last.shape)}, batches of {n}, {len(batch)} calls",
                "high",
                "examples compete with each other: the prediction for one depends on the others in its batch",
                f"use dim=-1 (or dim=1) in {last.function}",
                place=last.place,
            )
        )
    queries = [op for op in ops if _over_queries(op)]
    if queries:
        last = queries[-1]
        square = last.shape[-1] == last.shape[-2]
        out.append(
            Finding(
                "axis.queries",
                "attention is normalised along the queries, not along the keys",
                f"softmax with dim={last.dim - len(last.shape)} of scores of shape {list(last.shape)}, "
                f"{len(queries)} calls",
                "high" if square else "medium",
                "the weights that a query gives to the keys do not sum to 1",
                "use dim=-1 where scores are queries @ keys.T",
                place=last.place,
            )
        )
    return out


def check_views(record: Record) -> list[Finding]:
    """Find views that stand in the place of a transposition.

    Statistic: the dimensions that ``view`` or ``reshape`` are given, written in the user's code, beside those
    of what they give, both without dimensions of size 1. Null: a view splits or joins dimensions; the same
    dimensions in another order leave the numbers where they were, so that each row becomes a mixture of
    several. False alarms: dimensions that are split and joined at once, and by chance have the sizes of the
    former ones (views whose dimensions agree by chance in one batch alone are left out, where batches differ
    in size).

    Args:
        record: What was seen.
    """
    steps = [[op for op in s.operations if op.function == "view"] for s in record.steps]
    found = [op for each in steps for op in each]
    if not found or sum(bool(each) for each in steps) < 0.5 * len(steps):
        return []
    last = found[-1]
    was, now = last.shape[: last.dim], last.shape[last.dim :]
    moved = [i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b]
    swap = len(was) == len(now) and len(moved) == 2
    call = f"transpose({moved[0]}, {moved[1]})" if swap else "permute with the dimensions in their new order"
    return [
        Finding(
            "axis.view",
            "a view stands in the place of a transposition",
            f"shape {list(was)} becomes {list(now)} at {len(found)} calls: the numbers stay in their order, "
            "so that what belongs to one row is spread over several",
            "high",
            "view and reshape split and join dimensions; they do not change their order",
            f"use {call}",
            place=last.place,
            figures={"dims": tuple(moved)} if swap else {},
        )
    ]
