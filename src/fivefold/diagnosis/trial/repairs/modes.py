"""Repairs of training and evaluation modes."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Function, Unsure
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import (
    backwards,
    body_start,
    model_in,
    models,
    without_gradients,
)


def train_in_training(code: Code, finding: Finding) -> Sequence[Repair]:
    """Switch the training mode on where the training pass begins.

    Args:
        code: The script.
        finding: A model that trains in evaluation mode.
    """
    edits = _training_edits(code, replacing=True)
    if not edits:
        raise Unsure("the training loop calls train() already")
    return [Repair("train() is called on the model where its training pass begins", tuple(edits))]


def evaluate_in_evaluation(code: Code, finding: Finding) -> Sequence[Repair]:
    """Switch the evaluation mode on where gradients are off, and the training mode where they are on.

    Args:
        code: The script.
        finding: A model that is evaluated in training mode.
    """
    edits: list[Edit] = []
    for place in _evaluations(code):
        function = place if isinstance(place, Function) else code.function(place)
        around: ast.AST = function if function is not None else place
        if any(
            without_gradients(code, c) or c.lineno <= place.lineno for c in code.calls("eval", within=around)
        ):
            continue
        try:
            name = model_in(code, place)
        except Unsure:
            continue
        before = body_start(place) if isinstance(place, Function) else place
        edits.append(code.before(before, f"{name}.eval()"))
    if not edits:
        raise Unsure("no place was found where the model is called with gradients off and eval() is missing")
    edits += _training_edits(code, replacing=False)
    return [Repair("eval() is called before evaluating, train() before training", tuple(edits))]


def _evaluations(code: Code) -> list[ast.With | Function]:
    """Functions and blocks in which gradients are off and a model of the script is called."""
    known = set(models(code))
    found: list[ast.With | Function] = []
    for call in code.calls():
        if code.source(call.func) not in known or not without_gradients(code, call):
            continue
        inner: ast.With | Function | None = None
        for each in code.above(call):
            if isinstance(each, ast.With) and not inner and _switches_off(code, each):
                inner = each
            if isinstance(each, Function):
                inner = inner or each
                break
        if inner is not None and inner not in found:
            found.append(inner)
    return found


def _switches_off(code: Code, block: ast.With) -> bool:
    return any(
        "no_grad" in code.source(i.context_expr) or "inference" in code.source(i.context_expr)
        for i in block.items
    )


def _training_edits(code: Code, *, replacing: bool) -> list[Edit]:
    """What makes every training pass begin in training mode; nothing where each does."""
    edits: list[Edit] = []
    for call in backwards(code):
        loop = code.loop(call)
        function = code.function(call)
        around: ast.AST = loop or function or code.tree
        name = model_in(code, around)
        wrong = [
            c
            for c in code.calls("eval", within=around)
            if code.source(c.func) == f"{name}.eval"
            and c.lineno < call.lineno
            and not without_gradients(code, c)
        ]
        if wrong and replacing:
            edits += [code.replace(c.func, f"{name}.train") for c in wrong]
            continue
        held = [
            c
            for each in [*code.loops(call), *([function] if function else [])]
            for c in code.calls("train", within=each)
        ]
        if (
            any(
                code.source(c.func) == f"{name}.train" and not c.args and c.lineno < call.lineno for c in held
            )
            and not replacing
        ):
            continue
        if loop is not None:
            edits.append(code.before(loop.body[0], f"{name}.train()"))
        elif function is not None:
            edits.append(code.before(body_start(function), f"{name}.train()"))
    return list(dict.fromkeys(edits))
