"""Parameters that the optimizer holds and no gradient reaches."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record, Step


def _updated(step: Step, name: str) -> bool:
    """Whether the optimizer of an update holds a parameter, as far as it is known what it holds."""
    return not step.groups or any(name in group.names for group in step.groups)


def never_reached(record: Record) -> set[str]:
    """Names of parameters that an optimizer held at updates, and that had no gradient at any of these."""
    steps = [s for s in record.steps if s.parameters and s.backwards > 0 and s.groups]
    if len(steps) < 2:
        return set()
    held = {name for s in steps for group in s.groups for name in group.names}
    seen = [(s, p) for s in steps for p in s.parameters if p.gradient is not None]
    return held - {p.name for s, p in seen if _updated(s, p.name)}


def check_no_gradient(record: Record) -> list[Finding]:
    """Find trainable parameters that had no gradient at any watched update.

    Statistic: the number of trainable parameters whose gradient was never there at an update of an optimizer
    that holds them (what an earlier training left behind does not count). Null: 0, and a few for
    models of which a part is not used (then they lie after the last layer that ran, or their layer never
    ran). False alarms: heads that this training does not use.

    Args:
        record: What was seen.
    """
    steps = [s for s in record.steps if s.parameters and s.backwards > 0]
    if len(steps) < 2:
        return []
    left_out = set(record.frozen) | set(record.outside)
    seen = {p.name for s in steps for p in s.parameters if p.gradient is not None and _updated(s, p.name)}
    names = [p.name for p in steps[-1].parameters if p.name not in seen and p.name not in left_out]
    if not names or not seen:
        return []
    # in any of them: of models that take turns, one runs between the updates of the other
    ran = dict.fromkeys(layer.name for s in steps for layer in s.layers)
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
