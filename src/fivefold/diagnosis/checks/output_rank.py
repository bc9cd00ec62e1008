"""Last layers that read too few numbers to say what the targets are."""

import math

import numpy as np
from torch import nn

from fivefold.diagnosis.checks.heads import weighted_layers
from fivefold.diagnosis.checks.pictures import of_numbers
from fivefold.diagnosis.checks.seen import OF_NUMBERS, stacked
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

LEAST_LEFT = 0.3
SURE = 0.5
MANY = 5
"""Examples for each target from which on the spectrum of their covariance is known."""


def check_output_rank(record: Record) -> list[Finding]:
    r"""Find linear last layers whose outputs cannot follow the targets, whatever is learnt.

    Statistic: a linear layer that reads w numbers gives outputs in an affine subspace of dimension w, so that
    it leaves of k targets at least the share

    .. math:: \sum_{i > w} \lambda_i / \sum_i \lambda_i

    of their variance, with the eigenvalues of the targets' covariance in falling order (Eckart and Young,
    1936). Null: 0 where w is at least k; small where targets are smooth or alike, as pixels of pictures.
    Found from 0.3 on; from a sample the share comes out too small rather than too large. False alarms: linear
    codes that are narrow on purpose (left out where the targets are the inputs).

    Args:
        record: What was seen.
    """
    rows = record.training_rows
    layers = weighted_layers(record)
    kinds = dict(record.modules())
    last = kinds.get(layers[-1].name) if layers else None
    step = next((s for s in reversed(record.steps) if s.layers and s.losses), None)
    if step is None or not isinstance(last, nn.Linear) or last.in_features >= last.out_features:
        return []
    width, outputs = last.in_features, last.out_features
    given = next((x for x in reversed(step.layers) if x.name == layers[-1].name), None)
    calls = [c for c in step.losses if c.function in OF_NUMBERS and c.prediction.shape[-1:] == (outputs,)]
    # What the loss is given must be what the layer gave: an activation between would bend the subspace.
    if not calls or given is None or not _alike(calls[0].prediction.std, given.output.std):
        return []
    if not _alike(calls[0].prediction.high, given.output.high):
        return []
    x, y = stacked(rows)
    if y is None or y.ndim != 2 or y.shape[1] != outputs or len(y) < MANY * outputs:
        return []
    if x.shape == y.shape and np.allclose(x, y):
        return []
    spectrum = np.clip(np.linalg.eigvalsh(np.cov(y.T))[::-1], 0.0, None)
    total = float(spectrum.sum())
    left = float(spectrum[width:].sum()) / total if total > 0 and math.isfinite(total) else 0.0
    if left < LEAST_LEFT:
        return []
    return [
        Finding(
            "capacity.small",
            "the last layer reads too few numbers to give what is asked",
            f"{layers[-1].name} makes {outputs} outputs of {width} numbers: whatever these are, at least "
            f"{left:.0%} of the targets' variance is left ({len(y)} examples)",
            "high" if left >= SURE else "medium",
            f"outputs that are linear in {width} numbers lie in {width} dimensions, the targets in more",
            f"widen what the layer reads, to {outputs} or more",
            picture=of_numbers(
                "Variance of the targets that such outputs leave, by the numbers that the last layer reads",
                "share of the variance",
                {
                    str(w): float(spectrum[w:].sum()) / total
                    for w in sorted({width, (width + outputs) // 2, outputs})
                },
                (LEAST_LEFT, "found from here on"),
            ),
            figures={"units": float(width)},
        )
    ]


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * max(abs(a), abs(b))
