"""Repairs of the scale of what is predicted."""

import ast
import re
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure, keyword
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import backwards, models, without_gradients

TARGETS = re.compile(r"(y|target|label)s?(_|\d|$)", re.I)
MOST = 2


def predict_in_units(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let the model predict in the targets' units: its output times their standard deviation, plus their
    mean.

    A hook on the model does it wherever it is called, so that nothing has to be scaled back. With an
    optimizer that scales gradients this is training on standardised targets.

    Args:
        code: The script.
        finding: Targets that are not scaled.
    """
    known = models(code)
    out: list[Repair] = []
    for statement in code.nodes:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        name = code.source(statement.targets[0])
        if (
            name not in known
            or code.owner(statement) is not None
            or without_gradients(code, statement)
            or not re.fullmatch(r"\w+", name)
        ):
            continue
        names = {n.id for n in code.nodes if isinstance(n, ast.Name)}
        torch = code.name_of("torch")
        middle, spread = (n if n not in names else f"{n}_of_targets" for n in ("middle", "spread"))
        for targets in _targets(code, statement)[:MOST]:
            given = f"{torch}.as_tensor({targets}, dtype={torch}.float32)"
            lines = (
                f"{spread}, {middle} = {torch}.std_mean({given}, dim=0)",
                f"{name}.register_forward_hook(lambda module, given, output: output * {spread} + {middle})",
            )
            what = f"{name} predicts in the units of {targets}: times its standard deviation, plus its mean"
            out.append(Repair(what, (code.after(statement, *lines),)))
        if out:
            return out
    raise Unsure("no line was found that makes the model after the targets of its training are known")


def _targets(code: Code, model: ast.Assign) -> list[str]:
    """Expressions of all targets of the training that are known where the model is made, the surest first."""
    known = {
        n.id
        for n in code.nodes
        if isinstance(n, ast.Name)
        and isinstance(n.ctx, ast.Store)
        and n.lineno < model.lineno
        and code.function(n) in (None, code.function(model))
    }
    known |= {(n.asname or n.name).partition(".")[0] for n in code.nodes if isinstance(n, ast.alias)}
    found: list[ast.expr] = []
    shuffled = {
        code.source(call.args[0])
        for call in code.calls("DataLoader")
        if call.args and (held := keyword(call, "shuffle")) is not None and code.source(held.value) == "True"
    }
    for call in code.calls("TensorDataset"):
        parent = code.parent(call)
        name = code.source(parent.targets[0]) if isinstance(parent, ast.Assign) else code.source(call)
        if len(call.args) == 2 and name in shuffled:
            found.append(call.args[1])
    for call in backwards(code):
        for loop in code.loops(call)[:1]:
            found += [
                n.value
                for n in ast.walk(loop)
                if isinstance(n, ast.Subscript)
                and isinstance(n.value, ast.Name)
                and TARGETS.match(n.value.id)
                and not without_gradients(code, n)
            ]

    sure = [e for e in found if {n.id for n in ast.walk(e) if isinstance(n, ast.Name)} <= known]
    return list(dict.fromkeys(code.source(e) for e in sure))
