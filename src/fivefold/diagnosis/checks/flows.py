"""Changes of variables whose layers leave some of the variables as they came."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.pictures import of_shares
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.held_tensors import held_tensors
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Tape

MOST_COLUMNS = 512
LEAST_SHARE = 0.1


def couplings_in(tape: Tape) -> list[tuple[nn.Module, Tensor, Tensor]]:
    """Return the layers of a change of variables that ran, with what each was given and gave, both [b, d].

    It is a layer with weights that is given one matrix and gives another of its shape together with one
    number for each row, the logarithm of the change of volume; of those inside one another, the outermost
    counts that is called most.

    Args:
        tape: One that can be played; it is played once, at the weights of now.
    """
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        given, made = held_tensors(args), held_tensors(output)
        if not given or len(made) != 2 or not isinstance(output, tuple | list):
            return
        x, z, change = given[0], made[0], made[1]
        if x.ndim == 2 and z.shape == x.shape and change.shape == x.shape[:1] and x.is_floating_point():
            seen.append((module, x.detach().clone(), z.detach().clone()))

    def hooked(module: nn.Module) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            handles = [
                m.register_forward_hook(hook) for m in module.modules() if any(True for _ in m.children())
            ]
            try:
                return module(*args, **kwargs)
            finally:
                for handle in handles:
                    handle.remove()

        return call

    with torch.no_grad():
        tape.with_calls(lambda e: hooked(e.call) if isinstance(e.call, nn.Module) else None).play()
    inside = {id(part) for m, _, _ in seen for part in m.modules() if part is not m}
    parts = [each for each in seen if id(each[0]) in inside]
    return parts or seen


def _chains(calls: list[tuple[nn.Module, Tensor, Tensor]]) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Calls that follow one another in a pass: how many, what the first was given, what the last gave."""
    by_rows: dict[tuple[int, ...], list[tuple[nn.Module, Tensor, Tensor]]] = {}
    for each in calls:
        by_rows.setdefault(tuple(each[1].shape), []).append(each)
    for group in by_rows.values():
        first, count = 0, 0
        for place, (module, _, _) in enumerate(group):
            if place and module is group[first][0]:  # a pass over another batch begins
                yield count, group[first][1], group[place - 1][2]
                first, count = place, 0
            count += 1
        if group:
            yield count, group[first][1], group[-1][2]


def check_flows(record: Record) -> list[Finding]:
    """Find changes of variables (normalising flows) that leave variables as they came through all their
    layers.

    Statistic: of the variables that the first layer is given, how many come out of the last one unchanged, to
    the bit, in every example of every watched pass. Null: 0 where what one layer leaves is changed by
    another; by
    chance a number that was multiplied and shifted does not come out the same. False alarms: layers that
    still
    are the identity, as at the first update (all variables are unchanged then: left out), and variables that
    are
    given as conditions.

    Args:
        record: What was seen.
    """
    counts: list[int] = []
    shares: list[tuple[int, int]] = []
    for tape in record.tapes:
        if not tape.playable:
            continue
        for count, x, z in _chains(couplings_in(tape)):
            if not 2 <= x.shape[1] <= MOST_COLUMNS or len(x) < 8:
                continue
            varies = (x != x[:1]).any(0)
            # Layers may put the variables in another order.
            kept = torch.stack([(z == x[:, j : j + 1]).all(0).any() for j in range(x.shape[1])]) & varies
            counts.append(count)
            shares.append((int(kept.sum()), int(varies.sum())))
    if not shares or any(same < LEAST_SHARE * of or same == of or not of for same, of in shares):
        return []
    same, of = min(shares)
    alone = max(counts) == 1
    return [
        Finding(
            "capacity.small" if alone else "mask.unchanging",
            "one coupling leaves the other variables as they are"
            if alone
            else "all layers leave the same variables as they are",
            f"{same} of {of} variables come out of {'the only layer' if alone else f'{max(counts)} layers'} "
            f"as they went in, to the bit, in all {len(shares)} watched passes",
            "high",
            "what a coupling does not change must be changed by another, with another mask; their density is "
            "never fitted here",
            "stack several couplings, and alternate their masks (mask, 1 - mask, ...)",
            picture=of_shares(
                "Variables that no layer changes in a watched pass: none where nothing is wrong",
                "share of the variables",
                {f"pass {i}": kept / varied for i, (kept, varied) in enumerate(shares, 1)},
                (LEAST_SHARE, "none in earnest up to here"),
            ),
        )
    ]
