"""Rewrites of a network, each tried: whether it computes the same, and how much faster it is on this machine.

One is adopted only where it keeps what it promises and the whole interval of its ratio of times is below 1.
The intervals hold together: each has the level that all trials leave it (Bonferroni).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fivefold.core import fork_global, torch_generator
from fivefold.networks.first_weights import CONVOLUTIONS
from fivefold.networks.guidelines import LayerReport
from fivefold.networks.layer_rewrites import OtherWidths, input_of, other_widths, with_widths
from fivefold.networks.layer_times import run_step
from fivefold.networks.paired_times import fewest_pairs, time_pairs
from fivefold.networks.rewrites import REWRITES, SAME, copied, difference, rewrite
from fivefold.networks.stopwatch import call_seconds

Scope = Literal["forward pass", "training step", "layer alone"]
TOGETHER = " + "
"""Stands between the names of rewrites that were tried together."""
_ALL = 0.95
_MUCH_SLOWER = 3.0
_ALONE = 0.05


@dataclass(frozen=True)
class Trial:
    """A rewrite and what came of it.

    Attributes:
        rewrite: Its name.
        what: What was tried, in words.
        scope: What was timed.
        adopted: Faster for certain, and the same function where it promises that.
        ratio: Median of the new time over the old; ``None`` where it was not timed.
        lower: Lower end of the ratio's interval.
        upper: Upper end.
        pairs: Pairs of times.
        before_ms: Median milliseconds before.
        after_ms: And after.
        difference: Largest difference over the largest number, outputs or gradients, in float64, or in
            float32 where a rewrite is for that alone; ``None`` where the function changes.
        verdict: In words.
    """

    rewrite: str
    what: str
    scope: Scope
    adopted: bool
    ratio: float | None
    lower: float | None
    upper: float | None
    pairs: int
    before_ms: float | None
    after_ms: float | None
    difference: float | None
    verdict: str

    def to_record(self) -> dict[str, Any]:
        """Return numbers and words only."""
        return asdict(self)


@dataclass(frozen=True)
class _Plan:
    name: str
    what: str
    scope: Scope
    keeps: bool
    make: Callable[[], tuple[Callable[[], object], Callable[[], object]] | None]
    compare: Callable[[], float] | None
    same: float = 0.0


def try_rewrites(
    network: nn.Module,
    x: Tensor,
    rows: Sequence[LayerReport],
    seconds: float,
    *,
    trains: bool,
    training_mode: bool = True,
    seed: int = 0,
) -> list[Trial]:
    """Try each rewrite that has something to rewrite, and then those adopted for the forward pass together.

    Args:
        network: The network; left as it was.
        x: What it takes, the batch included.
        rows: Its measured layers.
        seconds: To be spent on all of them; one that needs far more than its part is left out, and says so.
        trains: Whether training steps are tried.
        training_mode: Whether steps run in training mode.
        seed: Of inputs, perturbed weights and dropout.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh())
    >>> found = try_rewrites(network, torch.zeros(1, 3, 8, 8), [], 0.1, trains=False)
    >>> found[0].rewrite  # with bfloat16 after it, where the processor computes in it
    'channels_last'
    """
    plans = _plans(network, x, rows, trains, training_mode, seed)
    trials: dict[int, Trial] = {}
    end = perf_counter() + seconds
    level = 1 - (1 - _ALL) / (len(plans) + 1)
    # single layers first: they take little
    for done, index in enumerate(sorted(range(len(plans)), key=lambda i: plans[i].scope != "layer alone")):
        plan, left = plans[index], max(0.0, end - perf_counter())
        share = left / (len(plans) - done + 1)
        most = _ALONE * seconds if plan.scope == "layer alone" else share
        trials[index] = _try(plan, min(share, most), left, level, seed)
    ordered = [trials[index] for index in range(len(plans))]
    adopted = [
        t.rewrite for t in ordered if t.adopted and t.scope == "forward pass" and t.difference is not None
    ]
    if len(adopted) > 1:
        together = _whole(network, x, adopted, "forward pass", training_mode, seed)
        left = max(0.0, end - perf_counter())
        ordered.append(_try(together, left, left, level, seed))
    return ordered


def _plans(
    network: nn.Module, x: Tensor, rows: Sequence[LayerReport], trains: bool, training_mode: bool, seed: int
) -> list[_Plan]:
    plans: list[_Plan] = []
    with fork_global(seed, "makes"):
        possible = [name for name, kind in REWRITES.items() if kind.make(network, x[:2]) is not None]
    for name in possible:
        plans.append(_whole(network, x, [name], "forward pass", training_mode, seed))
        if trains and REWRITES[name].trains:
            plans.append(_whole(network, x, [name], "training step", training_mode, seed))
    if x.ndim > 2:
        plans += [_alone(network, x, each, seed) for each in other_widths(network, rows, x.shape[1])]
    return plans


def _whole(
    network: nn.Module, x: Tensor, names: list[str], scope: Scope, training_mode: bool, seed: int
) -> _Plan:
    training = scope == "training step"
    mode = training and training_mode

    def make() -> tuple[Callable[[], object], Callable[[], object]]:
        before = copied(network).train(mode)
        after = rewrite(network, names, x).train(mode)

        def run(one: nn.Module) -> Callable[[], object]:
            return lambda: run_step(one, x) if training else one(x)

        return run(before), run(after)

    def compare() -> float:
        return difference(
            network, lambda m, e: rewrite(m, names, e), x, training=mode, seed=seed, dtype=dtype
        )

    dtype = max((REWRITES[name].dtype for name in names), key=SAME.__getitem__)
    keeps = all(REWRITES[name].keeps for name in names)
    what = "all adopted ones together" if len(names) > 1 else REWRITES[names[0]].what
    return _Plan(TOGETHER.join(names), what, scope, keeps, make, compare if keeps else None, SAME[dtype])


def _alone(network: nn.Module, x: Tensor, each: OtherWidths, seed: int) -> _Plan:
    def make() -> tuple[Callable[[], object], Callable[[], object]] | None:
        layer = network.get_submodule(each.layers[0])
        if not isinstance(layer, CONVOLUTIONS):
            return None
        generator = torch_generator(seed, *each.layers)
        other = with_widths(layer, *each.after)
        old, new = (input_of(each, n, x, generator) for n in (each.before[0], each.after[0]))
        return (lambda: layer(old)), (lambda: other(new))

    more = f" and {len(each.layers) - 1} like it" if len(each.layers) > 1 else ""
    what = (
        f"{each.layers[0]}{more}: {each.before[0]} to {each.before[1]} channels as {each.after[0]} to "
        f"{each.after[1]}, multiply-adds {each.multiply_adds:+.0%}"
    )
    return _Plan(each.name, what, "layer alone", False, make, None)


def _try(plan: _Plan, seconds: float, left: float, level: float, seed: int) -> Trial:
    def untimed(verdict: str, gap: float | None) -> Trial:
        none = (None, None, None, 0, None, None)
        return Trial(plan.name, plan.what, plan.scope, False, *none, gap, verdict)

    if left <= 0:
        return untimed("not tried: no time is left; give more seconds", None)
    gap = plan.compare() if plan.compare is not None else None
    if gap is not None and not gap <= plan.same:
        return untimed(f"not the same function: differs by {gap:.1g}", gap)
    made = plan.make()
    if made is None:
        return untimed("nothing to rewrite", gap)
    grad = torch.enable_grad if plan.scope == "training step" else torch.no_grad
    with fork_global(seed, "trials"), grad():
        first, second = (call_seconds(run, least=2, most=2, statistic=min) for run in made)
        if second > _MUCH_SLOWER * first:
            return untimed(f"not tried further: {second / first:.1f} times the time in one run", gap)
        needed = (first + second) * fewest_pairs(level)
        if needed > left:
            return untimed(f"not tried: needs {needed:.2g} s of {left:.2g} that are left", gap)
        times = time_pairs(*made, seconds, level)
    faster = times.upper < 1
    changes = "" if plan.keeps else ", but another function"
    verdict = f"faster{changes}" if faster else "slower" if times.lower > 1 else "no faster for certain"
    return Trial(
        plan.name,
        plan.what,
        plan.scope,
        faster,
        times.ratio,
        times.lower,
        times.upper,
        times.pairs,
        times.before_ms,
        times.after_ms,
        gap,
        verdict,
    )
