"""Repairs of first weights and of what lets units die, saturate or lose the gradient."""

import ast
import contextlib
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, argument, called, number
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.strength import clip

IN_PLACE = ("normal_", "uniform_", "fill_", "zero_", "constant_", "copy_")
WITH_GAIN = ("orthogonal_", "xavier_uniform_", "xavier_normal_")
LARGEST_GAIN = 3.0
MOST = 4


def redraw(code: Code, finding: Finding) -> Sequence[Repair]:
    """Draw the first weights in a usual way, where the script sets them itself; or leave torch's.

    Args:
        code: The script.
        finding: First weights that are alike, too large or too small.
    """
    sites = [s for s in _settings(code) if "bias" not in s[1]]
    if not sites:
        raise Unsure("the script does not set the first weights itself")
    out: list[Repair] = []
    gains = [
        given
        for call, _ in sites
        if called(call) in WITH_GAIN
        and (given := argument(call, "gain", 1)) is not None
        and (number(given) or 0.0) > LARGEST_GAIN
    ]
    if gains:
        out.append(
            Repair("the gain of the first weights becomes 1", tuple(code.replace(g, "1.0") for g in gains))
        )
    recurrent = [s for s in sites if "weight_hh" in s[1]]
    if recurrent:
        out.append(_drawn(code, recurrent, "orthogonal_"))
    out += [_drawn(code, sites, "xavier_uniform_"), _drawn(code, sites, "kaiming_normal_")]
    if any("Embedding" in code.source(code.function(call) or code.tree.body[0]) for call, _ in sites):
        out.append(_drawn(code, sites, "normal_", ", std=0.02"))
    out.append(
        Repair(
            "the first weights are torch's own", tuple(code.remove(*(code.statement(c) for c, _ in sites)))
        )
    )
    return out if len(out) <= MOST else [*out[: MOST - 1], out[-1]]


def _settings(code: Code) -> list[tuple[ast.Call, str]]:
    """Calls that set weights before the training, and what they set."""
    found = []
    for call in code.calls():
        full = code.dotted(call.func)
        if not isinstance(code.parent(call), ast.Expr):
            continue
        if ".init." in full and full.startswith("torch.nn") and call.args:
            found.append((call, code.source(call.args[0])))
        elif isinstance(call.func, ast.Attribute) and call.func.attr in IN_PLACE:
            on = code.source(call.func.value)
            if on.endswith((".data", ".weight", ".bias")) or "weight" in on or "bias" in on:
                found.append((call, on.removesuffix(".data")))
    return found


def _drawn(code: Code, sites: Sequence[tuple[ast.Call, str]], how: str, more: str = "") -> Repair:
    init = f"{code.name_of('torch.nn')}.init"
    edits = tuple(code.replace(call, f"{init}.{how}({what}{more})") for call, what in sites)
    return Repair(f"the first weights are drawn by {how}{more.replace(', ', ' with ')}", edits)


def revive(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let units live: take out first biases far from zero, draw weights anew, or let rectifiers leak.

    Args:
        code: The script.
        finding: Units that are dead.
    """
    out: list[Repair] = []
    biases = [c for c, what in _settings(code) if "bias" in what and called(c) not in {"zeros_", "zero_"}]
    if biases:
        statements = [code.statement(c) for c in biases]
        removed = _removed(code, statements)
        out.append(Repair("the first biases are torch's own", tuple(removed)))
    leaky = _renamed(code, {"ReLU": "LeakyReLU", "relu": "leaky_relu"})
    with contextlib.suppress(Unsure):
        out += redraw(code, finding)[:2]
    if leaky:
        out.append(Repair("rectifiers leak (LeakyReLU)", tuple(leaky)))
    if not out:
        raise Unsure("the script sets no biases and has no rectifier of its own")
    return out


def _removed(code: Code, statements: Sequence[ast.stmt]) -> list[Edit]:
    """Take statements out; a loop that holds nothing else goes with them."""
    whole = []
    for statement in statements:
        parent = code.parent(statement)
        alone = isinstance(parent, ast.For) and all(s in statements for s in parent.body)
        whole.append(parent if alone and isinstance(parent, ast.For) else statement)
    return code.remove(*dict.fromkeys(whole))


def let_gradient_pass(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let the gradient pass: rectifiers or tanh for sigmoids, or first weights of a usual scale.

    Args:
        code: The script.
        finding: A gradient that vanishes on its way.
    """
    out: list[Repair] = []
    for new, function in (("Tanh", "tanh"), ("ReLU", "relu")):
        edits = _renamed(code, {"Sigmoid": new, "sigmoid": function})
        if edits:
            out.append(Repair(f"{new} replaces Sigmoid", tuple(edits)))
    with contextlib.suppress(Unsure):
        out += redraw(code, finding)
    if not out:
        raise Unsure("the script has no sigmoid to replace and sets no first weights")
    return out


def tame_gradient(code: Code, finding: Finding) -> Sequence[Repair]:
    """Keep the gradient from exploding: clip it, or draw first weights of a usual scale.

    Args:
        code: The script.
        finding: A gradient that explodes.
    """
    out: list[Repair] = []
    for way in (clip, redraw):
        try:
            out += list(way(code, finding))[:3]
        except Unsure:
            continue
    if not out:
        raise Unsure("gradients are clipped already and the script sets no first weights")
    return out


def _renamed(code: Code, names: dict[str, str]) -> list[Edit]:
    """Edits that put another activation in the place of each of these, within models."""
    edits = []
    for call in code.calls(*names):
        full = code.dotted(call.func)
        start, end = code.span(call.func)
        new = names[called(call)]
        if full.startswith("torch.nn."):
            edits.append(Edit(end - len(called(call)), end, new))
        elif full in {"torch.sigmoid", "torch.relu", "torch.tanh"}:
            name = f"torch.{new}" if new in {"relu", "tanh", "sigmoid"} else f"torch.nn.functional.{new}"
            edits.append(Edit(start, end, name))
    return edits
