"""One update looked at in depth: its curvature, the edge of stability, the noise of its gradient."""

import math
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from fivefold.core import Budget
from fivefold.diagnosis.observation.deep_step import DeepStep
from fivefold.diagnosis.observation.tape import Conditions, Tape
from fivefold.diagnosis.observation.tape_hessian import TapeHessian
from fivefold.optimize.learning_rate.stability_limit import limit_of_hessian
from fivefold.theory.noise_scale import GradientNoise, noise_of_groups
from fivefold.theory.stability import StabilityMargin, margin_of

GROUPS, FEWEST = 16, 8
"""Groups of rows whose gradients are compared, and the fewest that tell anything."""
BYTES = 2**29
"""What the gradients of all groups may take together."""
BLOCK_PRODUCTS = 25
"""Block products with the Hessian for its largest eigenvalue, at most."""
TOLERANCE = 0.05
"""Of that eigenvalue: its residual relative to it."""
LAST = 10
"""Looks whose noise is taken together."""
GRADIENTS = 12.0
"""About how many gradients a look takes, before one has been measured."""


def look_deeper(
    tape: Tape,
    parameters: Sequence[tuple[str, Tensor]],
    change: Sequence[Tensor],
    optimizer: Optimizer,
    *,
    index: int,
    rows: int,
    seconds: float = math.inf,
) -> DeepStep:
    r"""Look at an update in depth, at the weights at which its gradient was taken.

    Curvature along the update :math:`d^\top H d`, by one product with the Hessian of the batch's loss; the
    largest eigenvalue of :math:`P^{-1/2} H P^{-1/2}`, where P is what the optimizer divides by, times the
    rate against its edge of stability; and the noise scale of the gradient, from groups of the batch's rows.

    Args:
        tape: The update's own forward pass, or the last one where gradients were accumulated.
        parameters: Those that the loss depends on and the optimizer updates, with their names, as they were
            before the update.
        change: What the update changed them by.
        optimizer: That made it.
        index: Updates before it.
        rows: Of the batch; 0 where they are not known.
        seconds: What may be spent; the largest eigenvalue is left where it stands then.

    Returns:
        What was found; what could not be is named in its notes.
    """
    start = perf_counter()
    notes: list[str] = []
    tensors = [p for _, p in parameters]
    bend = slope = math.nan
    length = math.sqrt(sum(float(c.double().square().sum()) for c in change))
    margin: StabilityMargin | None = None
    operator: TapeHessian | None = None
    try:
        operator = TapeHessian(tape, tensors)
        d = torch.cat([c.reshape(-1).to(operator.dtype) for c in change])
        bend = float(d @ (operator @ d))
        slope = float(operator.gradient @ d)
        if operator.plain:
            notes.append("curvature: by plain kernels, since the fused ones cannot be differentiated twice")
    except Exception as error:  # whatever the model does, the training must go on
        notes.append(f"curvature: left out, since the loss cannot be differentiated twice ({_short(error)})")
    noise, why_not = batch_noise(tape, tensors, rows, index)
    if why_not:
        notes.append(f"gradient noise: {why_not}")
    if operator is not None:
        left = max(seconds - (perf_counter() - start), 0.2 * (perf_counter() - start))
        budget = Budget(None if math.isinf(left) else left, BLOCK_PRODUCTS)
        try:
            limit = limit_of_hessian(operator, tensors, optimizer, tolerance=TOLERANCE, budget=budget)
            if limit is not None:
                margin = margin_of(limit, optimizer)
            elif not math.isfinite(bend):
                notes.append("edge of stability: left out, since the curvature is not finite")
            else:
                notes.append(f"edge of stability: not known for {type(optimizer).__name__}")
        except Exception as error:
            notes.append(f"edge of stability: left out ({_short(error)})")
    return DeepStep(index, rows, slope, bend, length, margin, noise, perf_counter() - start, tuple(notes))


def _short(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return text[:160]


def batch_noise(
    tape: Tape, parameters: Sequence[Tensor], rows: int, seed: int
) -> tuple[GradientNoise | None, str]:
    """Return the noise of the gradient from groups of one batch's rows, and what is to be said of it.

    The tape is played with each group alone, under dropout of its own; the mean (or the sum) of the groups'
    losses must be the loss of the whole, which tells that the rows were cut where they should be.

    Args:
        tape: That plays the batch's loss.
        parameters: The gradient is taken in these.
        rows: Of the batch.
        seed: Of the groups' generators.
    """
    size = sum(p.numel() for p in parameters)
    inside = [m for module in tape.modules for m in module.modules()]
    normed = any(isinstance(m, _BatchNorm) and m.training for m in inside)
    # With batch norm a group is as large as can be: its statistics should be about those of the batch.
    groups = min(FEWEST if normed else GROUPS, rows, BYTES // (8 * max(1, size)))
    if groups < FEWEST:
        return None, f"left out: {FEWEST} groups of rows are needed, of {rows} rows and {size} parameters"
    each = rows // groups
    gradients, losses = [], []
    try:
        for j in range(groups):
            part = tape.of_rows(torch.arange(j, groups * each, groups), rows)
            part.conditions = _conditions(tape, seed * groups + j)
            with torch.enable_grad():
                loss = part.play()
                found = torch.autograd.grad(loss, list(parameters), allow_unused=True, materialize_grads=True)
            losses.append(float(loss.detach()))
            gradients.append(
                torch.cat([(g.to_dense() if g.is_sparse else g).reshape(-1).double() for g in found])
            )
    except Exception as error:  # rows that cannot be told apart fail in many ways
        return None, f"left out, since the batch cannot be cut into rows ({_short(error)})"
    ratio = sum(losses) / groups / tape.value if tape.value else math.nan
    if not (abs(ratio - 1) < 0.3 or abs(ratio * groups - 1) < 0.3):
        return None, "left out: the loss is neither the mean nor the sum of its rows' losses"
    said = f"batch norm took its statistics from groups of {each} rows" if normed else ""
    return noise_of_groups(torch.stack(gradients), each), said


def _conditions(tape: Tape, seed: int) -> Conditions:
    """The tape's own conditions with another generator, so that each group has dropout of its own."""
    assert tape.conditions is not None
    state = torch.Generator().manual_seed(seed).get_state()
    return replace(tape.conditions, generator=state)


def deep_curves(deep: Sequence[DeepStep]) -> dict[str, list[list[float]]]:
    """Return what was seen in depth as curves over the updates, each a list of points [updates before it,
    value]; what is not finite is left out.

    Args:
        deep: The looks.

    Returns:
        ``along`` (curvature along the step), ``best_multiple`` (of the step, at which the batch's loss would
        be least), ``sharpness`` (largest eigenvalue, preconditioned), ``product`` (rate times it), ``edge``
        (its bound), ``noise_scale`` (rows), ``rows`` (of the batch).

    >>> deep_curves([DeepStep(3, 32, -2.0, 4.0, 1.0, None, None, 0.1, ())])["best_multiple"]
    [[3.0, 0.5]]
    """

    def curve(values: Sequence[float]) -> list[list[float]]:
        pairs = zip(deep, values, strict=True)
        return [[float(s.index), float(f"{v:.6g}")] for s, v in pairs if math.isfinite(v)]

    margins = [s.margin for s in deep]
    return {
        "along": curve([s.along for s in deep]),
        "best_multiple": curve([s.best_multiple for s in deep]),
        "sharpness": curve([math.nan if m is None else m.limit.curvature for m in margins]),
        "product": curve([math.nan if m is None else m.product for m in margins]),
        "edge": curve([math.nan if m is None else m.limit.edge for m in margins]),
        "noise_scale": curve([math.nan if s.noise is None else s.noise.scale for s in deep]),
        "rows": curve([float(s.rows) for s in deep]),
    }


def pooled(noises: Sequence[GradientNoise]) -> tuple[float, float, float]:
    r"""Return the noise scale of several looks together, and a 95% interval.

    .. math:: B = \frac{\sum_t \widehat{\operatorname{tr} \Sigma}_t}{\sum_t \widehat{|G|^2}_t}

    Numerator and denominator are each within 2.24 standard errors with probability 97.5%, whatever their
    correlation (Bonferroni). Where the gradient may be zero, the upper end is infinite.

    Args:
        noises: One or more.
    """
    S, G2 = sum(n.trace for n in noises), sum(n.signal for n in noises)
    s = 2.24 * math.hypot(*(n.trace_error for n in noises))
    g = 2.24 * math.hypot(*(n.signal_error for n in noises))
    low = max(0.0, S - s) / (G2 + g) if G2 + g > 0 else 0.0
    high = (S + s) / (G2 - g) if G2 - g > 0 else math.inf
    return (S / G2 if G2 > 0 else math.inf), low, high


def deep_notes(deep: Sequence[DeepStep]) -> list[str]:
    """Return what the last looks say, in sentences.

    Args:
        deep: The looks.
    """
    said = []
    m = next(((s, s.margin) for s in reversed(deep) if s.margin is not None), None)
    if m is not None:
        step, margin = m
        least = "" if margin.limit.converged else "at least "
        said.append(
            f"in depth, at update {step.index}: rate times sharpness is {least}{margin.product:.3g}, the "
            f"edge of stability {margin.limit.edge:.3g} ({margin.verdict}), on a batch of "
            f"{step.rows or 'unknown'} rows"
        )
    along = next((s for s in reversed(deep) if math.isfinite(s.along)), None)
    if along is not None:
        said.append(
            f"in depth, at update {along.index}: curvature along the step {along.along:.3g}; the batch's "
            f"loss would be least at {along.best_multiple:.2g} of the step"
        )
    noisy = [(s, s.noise) for s in deep if s.noise is not None][-LAST:]
    if noisy:
        scale, low, high = pooled([noise for _, noise in noisy])
        rows = max(1, noisy[-1][0].rows)
        share = 1.0 if math.isinf(scale) else scale / (scale + rows)
        said.append(
            f"in depth, from update {noisy[0][0].index} to {noisy[-1][0].index}: the gradient's noise scale "
            f"is {scale:.3g} rows (95%: {low:.3g} to {high:.3g}), the batch has {rows}: {share:.0%} of its "
            "squared gradient is noise"
        )
    for note in dict.fromkeys(note for s in deep for note in s.notes):
        said.append(f"in depth: {note}")
    return said
