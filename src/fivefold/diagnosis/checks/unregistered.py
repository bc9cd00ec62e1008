"""Layers that torch cannot see, and parameters that no optimizer holds."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.record import Record

SHOWN = 4


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def check_unregistered(record: Record) -> list[Finding]:
    """Find modules in plain lists or dictionaries, and trainable parameters outside every optimizer.

    Statistic: counts of such modules and parameters. Null: 0. False alarms: a module kept in a list on
    purpose, never to be trained (a frozen teacher whose parameters still require gradients).

    Args:
        record: What was seen.
    """
    out = []
    if record.hidden:
        out.append(
            Finding(
                "parameters.unregistered",
                "layers in plain lists or dictionaries are not trained",
                f"hidden from torch: {_named(record.hidden)}",
                "high",
                "parameters() does not look into lists and dictionaries, so that the optimizer never got "
                "them",
                "hold them in torch.nn.ModuleList, ModuleDict or ParameterList",
            )
        )
    if record.outside:
        trained = {p.name for s in record.steps for p in s.parameters if p.gradient}
        touched = [name for name in record.outside if name in trained or not record.steps]
        if touched:
            total = sum(1 for _ in record.parameters())
            out.append(
                Finding(
                    "parameters.outside-optimizer",
                    "the optimizer does not hold all parameters of the model",
                    f"{len(touched)} of {total} parameters get gradients and are never updated: "
                    f"{_named(touched)}",
                    "high",
                    "the optimizer was made from a part of the model, or before layers were added or "
                    "replaced",
                    "make the optimizer from model.parameters() once the model is complete",
                )
            )
    return out
