"""Repairs of the order of forward, backward, update and clearing."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure, called
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import CLIPPING, backwards, updates

LASTING = ("DataLoader", "list", "tuple", "sorted", "range", "load", "stack", "tensor")
"""What gives something that can be gone through again and again."""


def clear_gradients(code: Code, finding: Finding) -> Sequence[Repair]:
    """Clear the gradients: before the backward passes that lead to an update, else after the update.

    Where several models train in turn, the loss of one leaves gradients in the others: they are cleared just
    before the passes of their own.

    Args:
        code: The script.
        finding: Gradients that accumulate.
    """
    made = updates(code)
    if not made:
        raise Unsure("no call of an optimizer's step() was found")
    edits, where = [], ""
    for call, name in made:
        statement = code.statement(call)
        block = code.block(statement)
        steps = [block.index(s) for c, _ in made if (s := code.statement(c)) in block]
        at = block.index(statement)
        first = max((n for n in steps if n < at), default=-1) + 1
        passes = [
            n
            for b in backwards(code)
            if (s := code.statement(b)) in block and first <= (n := block.index(s)) < at
        ]
        cleared = [
            n
            for c in code.calls("zero_grad")
            if code.source(c.func) == f"{name}.zero_grad"
            and (s := code.statement(c)) in block
            and first <= (n := block.index(s)) < at
        ]
        if passes and any(n < min(passes) for n in cleared):
            continue
        if passes and (len(passes) == len(backwards(code)) == 1 or len(made) > 1):
            edits.append(code.before(block[min(passes)], f"{name}.zero_grad()"))
            where = where or f"{name}.zero_grad() is called before the backward pass"
        else:
            edits.append(code.after(statement, f"{name}.zero_grad()"))
            where = where or f"{name}.zero_grad() is called after each update"
    if not edits:
        raise Unsure("gradients are cleared before the backward pass of every update")
    return [Repair(where, tuple(edits))]


def order_of_update(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put clearing, backward pass, clipping and update in this order, where they stand in one block.

    Args:
        code: The script.
        finding: An update that comes too early, or gradients that are cleared before it.
    """
    for call, name in updates(code):
        step = code.statement(call)
        block = code.block(step)
        passes = [s for b in backwards(code) if (s := code.statement(b)) in block]
        clears = [
            s
            for c in code.calls("zero_grad")
            if isinstance(c.func, ast.Attribute) and (s := code.statement(c)) in block
        ]
        if len(passes) != 1:
            continue
        backward = passes[0]
        clips = [s for s in block if _clips(s)]
        if block.index(step) < block.index(backward):
            last = max([backward, *clips], key=block.index)
            moved = [*code.remove(step), code.after(last, *code.lines_of(step))]
            return [Repair(f"{name}.step() comes after the backward pass", tuple(moved))]
        between = [s for s in clears if block.index(backward) < block.index(s) < block.index(step)]
        if between:
            moved = [*code.remove(between[0]), code.before(backward, *code.lines_of(between[0]))]
            return [Repair("gradients are cleared before the backward pass, not after it", tuple(moved))]
    raise Unsure("backward() and step() do not stand in one block")


def _clips(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and called(statement.value) in CLIPPING
    )


def make_batches_anew(code: Code, finding: Finding) -> Sequence[Repair]:
    """Move what makes an iterator of batches from before the epochs to the beginning of each.

    Args:
        code: The script.
        finding: Batches that are used up after the first epoch.
    """
    out = []
    for call in backwards(code):
        loop = code.loop(call)
        epochs = code.loop(loop) if loop is not None else None
        if not isinstance(loop, ast.For) or epochs is None:
            continue
        for name in [n.id for n in ast.walk(loop.iter) if isinstance(n, ast.Name)]:
            made = [n for n in code.nodes if isinstance(n, ast.Assign) and _gives(n, name)]
            if len(made) == 1 and isinstance(made[0].value, ast.Call | ast.GeneratorExp):
                inside = epochs in code.loops(made[0])
                lasts = called(made[0].value) in LASTING if isinstance(made[0].value, ast.Call) else False
                if not inside and not lasts and code.function(made[0]) is code.function(epochs):
                    moved = (*code.remove(made[0]), code.before(loop, *code.lines_of(made[0])))
                    out.append(Repair(f"{name} is made anew in each epoch", moved))
    if not out:
        raise Unsure("no iterator of batches that is made before the epochs was found")
    return out


def _gives(statement: ast.Assign, name: str) -> bool:
    return [t.id for t in statement.targets if isinstance(t, ast.Name)] == [name]
