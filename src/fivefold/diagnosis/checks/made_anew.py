"""Parameters that a model makes anew each time it is called."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.checks.probes import ask, in_evaluation, last_question
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.observation.graph import graph_nodes
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.tape import Entry

SHOWN = 4


def made_anew(record: Record, entry: Entry, x: Tensor) -> list[Tensor]:
    """Return the parameters in the graph of an output that the pass before did not have.

    The model is called twice, in evaluation mode, and the graph of derivatives of both outputs is followed to
    its leaves: those of kind :class:`torch.nn.Parameter` that are in the second alone, and that no watched
    model holds.

    Args:
        record: What was seen.
        entry: A call of the model.
        x: The first tensor that it was given.
    """
    if not isinstance(entry.call, nn.Module):
        return []
    known = {id(p) for _, p in record.parameters()} | {id(p) for p in entry.call.parameters()}
    with in_evaluation(entry.call), torch.enable_grad():
        first, again = ask(entry, x), ask(entry, x)  # both are held, so that no address comes twice
        before = {id(leaf) for leaf in _leaves(first)}
        return [leaf for leaf in _leaves(again) if id(leaf) not in known | before]


def _leaves(outputs: list[Tensor]) -> list[Tensor]:
    """The parameters that the graph of some outputs ends in."""
    found = (getattr(node, "variable", None) for node in graph_nodes(outputs))
    return [leaf for leaf in found if isinstance(leaf, nn.Parameter)]


def check_made_anew(record: Record) -> list[Finding]:
    """Find layers that are made within ``forward``.

    Statistic: parameters behind the output of a second call of the model that the first call did not have.
    Null: none, as a model that learns keeps its parameters. False alarms: a layer with random weights that is
    drawn at each call on purpose.

    Args:
        record: What was seen.
    """
    asked = last_question(record)
    if asked is None:
        return []
    _, entry, x = asked
    new = made_anew(record, entry, x)
    if not new:
        return []
    shapes = ", ".join(str(list(p.shape)) for p in new[:SHOWN])
    more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    return [
        Finding(
            "parameters.unregistered",
            "a layer is made anew each time the model is called",
            f"behind the output of a second call stand {len(new)} trainable parameters that the first call "
            f"did not have and no optimizer can hold: shapes {shapes}{more}",
            "high",
            "a layer is constructed within forward: its weights are new and random at each call, and what an "
            "update taught is gone",
            "make the layer once, in __init__, as an attribute of the module, and call it in forward",
        )
    ]
