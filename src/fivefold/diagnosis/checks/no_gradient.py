"""Parameters that the optimizer holds and no gradient reaches."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record


def check_no_gradient(record: Record) -> list[Finding]:
    """Find trainable parameters that had no gradient at any watched update.

    Statistic: the number of trainable parameters whose gradient was never there. Null: 0, and a few for
    models of which a part is not used (then they lie after the last layer that ran, or their layer never
    ran). False alarms: heads that this training does not use.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters and s.backwards > 0]
    if len(steps) < 2:
        return []
    left_out = set(record.frozen) | set(record.outside)
    seen = {p.name for s in steps for p in s.parameters if p.gradient is not None}
    names = [p.name for p in steps[-1].parameters if p.name not in seen and p.name not in left_out]
    if not names or not seen:
        return []
    ran = [layer.name for layer in steps[-1].layers]
    owners = {name.rpartition(".")[0] for name in names}
    cut = [name for name in ran if name in owners]
    if cut:
        return [
            Finding(
                "gradient.detached",
                "the gradient does not reach layers that run",
                f"{len(names)} parameters never got a gradient though their layers ran: {', '.join(cut[:4])}",
                "high",
                "between these layers and the loss the graph is cut: by detach(), no_grad(), item(), .data, "
                "NumPy, or a tensor made anew from values",
                "keep the path from these layers to the loss in torch operations on the tensors themselves",
            )
        ]
    return [
        Finding(
            "parameters.unused",
            "parameters are never used",
            f"{len(names)} parameters never got a gradient, and their layers did not run: "
            f"{', '.join(names[:4])}",
            "medium",
            "the forward pass does not call these layers",
            "call them in forward(), or remove them",
        )
    ]
