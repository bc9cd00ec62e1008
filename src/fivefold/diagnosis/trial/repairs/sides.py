"""Repairs of what a loss pulls the wrong way, or compares in another order."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure, called, keyword, number
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import first_argument, without_gradients

SWAPPING = ("transpose", "swapaxes", "t")
MOST = 4


def transpose_neither(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take out a swap of the first two dimensions where predictions meet targets.

    Args:
        code: The script.
        finding: Predictions and targets that are laid out along different axes.
    """
    calls = [c for c in code.calls(*SWAPPING) if _swaps(c) and not without_gradients(code, c)]
    if finding.place is not None:
        here = {n for n in code.at(finding.place.line) if isinstance(n, ast.Call)}
        calls = [c for c in calls if c in here] or calls
    out = []
    for call in calls[:MOST]:
        assert isinstance(call.func, ast.Attribute)
        on = code.source(call.func.value)
        out.append(Repair(f"{code.source(call)} becomes {on}", (code.replace(call, on),)))
    if not out:
        raise Unsure("no transpose(0, 1) was found before the loss")
    return out


def _swaps(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if called(call) == "t":
        return not call.args
    return {number(a) for a in call.args} == {0.0, 1.0}


def transpose_instead(code: Code, finding: Finding) -> Sequence[Repair]:
    """Swap two dimensions where a view gives them another order.

    Args:
        code: The script.
        finding: A view in the place of a transposition, its line and its two dimensions.
    """
    dims = finding.figures.get("dims")
    if finding.place is None or not isinstance(dims, tuple) or len(dims) != 2:
        raise Unsure("the view that is meant, or its two dimensions, are not known")
    calls = [
        n
        for n in code.at(finding.place.line)
        if isinstance(n, ast.Call) and called(n) in {"view", "reshape"} and isinstance(n.func, ast.Attribute)
    ]
    if len(calls) != 1:
        raise Unsure("not the one view of the line was found")
    on = first_argument(calls[0], "input") if code.dotted(calls[0].func) == "torch.reshape" else None
    assert isinstance(calls[0].func, ast.Attribute)
    text = f"{code.source(on or calls[0].func.value)}.transpose({dims[0]}, {dims[1]})"
    return [Repair(f"{text} takes the place of the {called(calls[0])}", (code.replace(calls[0], text),))]


def invert_weights(code: Code, finding: Finding) -> Sequence[Repair]:
    """Weigh the classes by the inverse of what they are weighted by, or alike.

    Args:
        code: The script.
        finding: A loss that weighs common classes more.
    """
    losses = (
        ("weight", ("CrossEntropyLoss", "cross_entropy", "NLLLoss", "nll_loss")),
        ("pos_weight", ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits")),
    )
    for name, call in [(name, call) for name, kinds in losses for call in code.calls(*kinds)]:
        held = keyword(call, name)
        if held is None or without_gradients(code, call):
            continue
        text = f"1.0 / ({code.source(held.value)})"
        return [
            Repair("the weights of the classes become their inverse", (code.replace(held.value, text),)),
            Repair("the classes weigh alike", (code.without_keyword(call, name),)),
        ]
    raise Unsure("no weight= or pos_weight= of classes is written in the script")


def climb_the_policy(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put the minus sign before log-probability times advantage.

    Args:
        code: The script.
        finding: A policy whose loss makes better actions less probable.
    """
    out = []
    for node in code.nodes:
        if not isinstance(node, ast.Assign) or without_gradients(code, node):
            continue
        text = code.source(node.value)
        product = any(
            isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult) and _of_policy(code.source(n))
            for n in ast.walk(node.value)
        )
        signed = any(isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub) for n in ast.walk(node.value))
        if product and not signed:
            what = f"a minus sign is put before what becomes {code.source(node.targets[0])}"
            out.append(Repair(what, (code.replace(node.value, f"-({text})"),)))
    if not out:
        raise Unsure("no product of log-probabilities and advantages was found")
    return out[:MOST]


def _of_policy(text: str) -> bool:
    plain = text.lower().replace("_", "")
    return "logp" in plain and any(word in plain for word in ("adv", "return", "reward", "delta"))


def ask_for_the_real(code: Code, finding: Finding) -> Sequence[Repair]:
    """Give the generator's loss ones where it has the target that its examples have in the critic's loss.

    Args:
        code: The script.
        finding: A generator that is asked for what the critic is asked for.
    """
    losses = [
        c
        for c in code.calls()
        if len(c.args) == 2 and isinstance(c.args[0], ast.Call) and not without_gradients(code, c)
    ]
    of_critic = {code.source(c.args[1]) for c in losses if code.calls("detach", within=c.args[0])}
    critics = {code.source(_called_in(c)) for c in losses if code.calls("detach", within=c.args[0])}
    out = []
    for call in losses:
        target = code.source(call.args[1])
        asks_critic = code.source(_called_in(call)) in critics
        if target in of_critic and asks_critic and not code.calls("detach", within=call.args[0]):
            text = f"{code.name_of('torch')}.ones_like({target})"
            out.append(Repair(f"{text} is the generator's target", (code.replace(call.args[1], text),)))
    if not out:
        raise Unsure("no loss of the generator with the critic's target was found")
    return out[:MOST]


def _called_in(call: ast.Call) -> ast.expr:
    inner = call.args[0]
    assert isinstance(inner, ast.Call)
    return inner.func
