"""Repairs of what a loss is given, and of how it is summed."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, called, keyword
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import backwards, without_gradients

SQUASHING = ("softmax", "sigmoid", "Softmax", "Sigmoid", "log_softmax", "LogSoftmax")
OTHERS = ("ReLU", "Tanh", "LeakyReLU", "ReLU6", "Hardtanh", "Softplus", "GELU", "ELU")
LAST = (*SQUASHING, *OTHERS, "relu", "tanh", "leaky_relu", "relu6", "hardtanh", "softplus", "gelu", "elu")
MOST = 3


def take_out_probabilities(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take the last softmax or sigmoid out of the network, or off what the loss is given.

    Args:
        code: The script.
        finding: A loss that applies softmax itself and is given probabilities.
    """
    return _without_last(code, SQUASHING)


def take_out_last_activation(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take the last activation out of the network.

    Args:
        code: The script.
        finding: An output that cannot reach its targets.
    """
    return _without_last(code, LAST)


def _without_last(code: Code, names: Sequence[str]) -> list[Repair]:
    out: list[Repair] = []
    for call in code.calls(*names):
        what = f"{code.source(call.func)} is taken out"
        parent = code.parent(call)
        if isinstance(parent, ast.Call) and called(parent) == "Sequential" and call is parent.args[-1]:
            if len(parent.args) > 1:
                out.append(
                    Repair(f"the last layer, {code.source(call)}, is taken out", (code.without_item(call),))
                )
            continue
        given = call.args[0] if call.args else None
        if isinstance(call.func, ast.Attribute) and _is_method(code, call):
            given = call.func.value
        if given is None or not _leads_out(code, call):
            continue
        out.append(Repair(what, (code.replace(call, code.source(given)),)))
    out += _own_layers(code, names)
    if not out:
        raise Unsure("no activation was found at the end of the network or before the loss")
    return out[:MOST]


def _is_method(code: Code, call: ast.Call) -> bool:
    """Whether ``x.softmax(1)``, and not ``F.softmax(x, 1)`` or ``self.softmax(x)``."""
    if not isinstance(call.func, ast.Attribute):
        return False
    full = code.dotted(call.func.value)
    return not full.startswith(("torch", "self", "nn", "F."))


def _leads_out(code: Code, call: ast.Call) -> bool:
    """Whether a value is what ``forward`` returns, or is made outside a model where gradients are on."""
    statement = code.statement(call)
    function = code.function(call)
    inside = code.owner(call) is not None
    if inside:
        returned = isinstance(statement, ast.Return)
        if function is not None and isinstance(statement, ast.Assign) and statement.value is call:
            names = {code.source(t) for t in statement.targets}
            last = [s for s in ast.walk(function) if isinstance(s, ast.Return) and s.value is not None]
            returned = any(code.source(s.value) in names for s in last if s.value is not None)
        return returned and function is not None and function.name != "__init__"
    return not without_gradients(code, call)


def _own_layers(code: Code, names: Sequence[str]) -> list[Repair]:
    """``self.act`` where it is made by one of these classes and applied to what ``forward`` returns."""
    made = {
        code.source(t)
        for s in code.nodes
        if isinstance(s, ast.Assign) and isinstance(s.value, ast.Call) and called(s.value) in names
        for t in s.targets
    }
    return [
        Repair(f"{code.source(call.func)} is taken out", (code.replace(call, code.source(call.args[0])),))
        for call in code.calls()
        if code.source(call.func) in made and call.args and isinstance(code.parent(call), ast.Return)
    ]


def use_cross_entropy(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put cross-entropy, which takes logits, in the place of the negative log-likelihood.

    It is the same for logarithms of probabilities, whose softmax they are themselves.

    Args:
        code: The script.
        finding: ``nll_loss`` on numbers that are no logarithms of probabilities.
    """
    edits: list[Edit] = []
    for call in code.calls("nll_loss", "NLLLoss"):
        other = "cross_entropy" if called(call) == "nll_loss" else "CrossEntropyLoss"
        if isinstance(call.func, ast.Attribute):
            _start, end = code.span(call.func)
            edits.append(Edit(end - len(called(call)), end, other))
        else:
            module = "torch.nn.functional" if other == "cross_entropy" else "torch.nn"
            edits.append(code.replace(call.func, f"{code.name_of(module)}.{other}"))
    if not edits:
        raise Unsure("no call of nll_loss was found")
    return [Repair("cross_entropy, which takes logits, replaces nll_loss", tuple(edits))]


def match_shapes(code: Code, finding: Finding) -> Sequence[Repair]:
    """Give the target the prediction's shape, where both hold as many numbers.

    Args:
        code: The script.
        finding: Shapes that broadcast, and the line where they meet.
    """
    a, b = (finding.figures.get(name) for name in ("prediction", "target"))
    if finding.place is None or not isinstance(a, tuple) or not isinstance(b, tuple):
        raise Unsure("the line at which they meet is not known")
    if _numbers(a) != _numbers(b):
        raise Unsure("the two do not hold as many numbers")
    nodes = code.at(finding.place.line)
    losses = [n for n in nodes if isinstance(n, ast.Call) and len(n.args) >= 2]
    minus = [n for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub)]
    pairs = [
        (n.args[0], n.args[1]) for n in losses if "loss" in called(n).lower() or "criterion" in called(n)
    ]
    pairs += [(n.left, n.right) for n in minus] + [(n.args[0], n.args[1]) for n in losses]
    out = []
    for first, second in pairs[:MOST]:
        # The shape with fewer dimensions is the safer one: what follows was written for it.
        text = _reshaped(code, second, a)
        out.append(
            Repair(
                f"{code.source(second)} is given the shape of {code.source(first)}",
                (code.replace(second, text),),
            )
        )
        out.append(Repair(f"{code.source(first)} is given the shape of {code.source(second)}",
                          (code.replace(first, _reshaped(code, first, b)),)))  # fmt: skip
    if not out:
        raise Unsure("no loss or difference was found on its line")
    return out


def _reshaped(code: Code, node: ast.expr, shape: Sequence[int]) -> str:
    sizes = ", ".join(["-1", *(str(n) for n in shape[1:])])
    text = code.source(node)
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return f"{text if plain else f'({text})'}.reshape({sizes})"


def _numbers(shape: Sequence[int]) -> int:
    out = 1
    for n in shape:
        out *= n
    return out


def mean_not_sum(code: Code, finding: Finding) -> Sequence[Repair]:
    """Make the loss a mean: in the call of the loss function, its construction, or the sum itself.

    Args:
        code: The script.
        finding: A loss that is a sum over the batch.
    """
    out = []
    for call in code.calls():
        held = keyword(call, "reduction")
        if held is None or not isinstance(held.value, ast.Constant) or held.value.value != "sum":
            continue
        if not without_gradients(code, call):
            out.append(Repair('reduction="mean" replaces "sum"', (code.replace(held.value, '"mean"'),)))
    given = {code.source(b.func.value) for b in backwards(code) if isinstance(b.func, ast.Attribute)}
    for call in code.calls("sum"):
        statement = code.statement(call)
        targets = {code.source(t) for t in statement.targets} if isinstance(statement, ast.Assign) else set()
        if targets & given and isinstance(call.func, ast.Attribute) and not call.args:
            _start, end = code.span(call.func)
            out.append(Repair("mean() replaces sum()", (Edit(end - 3, end, "mean"),)))
    if not out:
        raise Unsure("no sum was found in the loss")
    return out[:MOST]


def one_logit_a_label(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put the binary loss, one logit for each label, in the place of cross-entropy.

    Args:
        code: The script.
        finding: Cross-entropy that is given several classes per example.
    """
    edits = []
    for call in code.calls("cross_entropy", "CrossEntropyLoss"):
        function = called(call) == "cross_entropy"
        module = "torch.nn.functional" if function else "torch.nn"
        other = "binary_cross_entropy_with_logits" if function else "BCEWithLogitsLoss"
        edits.append(code.replace(call.func, f"{code.name_of(module)}.{other}"))
    if not edits:
        raise Unsure("no call of cross_entropy was found")
    return [Repair("a binary loss for each label replaces cross_entropy", tuple(edits))]


def count_all(code: Code, finding: Finding) -> Sequence[Repair]:
    """Leave no class out of the loss.

    Args:
        code: The script.
        finding: A class that the loss ignores.
    """
    calls = [c for c in code.calls() if keyword(c, "ignore_index") is not None]
    if not calls:
        raise Unsure("no ignore_index is written in the script")
    return [Repair("ignore_index is left out", tuple(code.without_keyword(c, "ignore_index") for c in calls))]


def rates_not_logarithms(code: Code, finding: Finding) -> Sequence[Repair]:
    """Tell the Poisson loss that it is given rates.

    Args:
        code: The script.
        finding: A Poisson loss that is given rates for their logarithms.
    """
    calls = code.calls("poisson_nll_loss", "PoissonNLLLoss")
    if not calls:
        raise Unsure("no Poisson loss was found")
    return [Repair("log_input=False", tuple(code.with_keyword(c, "log_input", "False") for c in calls))]


def minimise(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take the minus sign off the loss.

    Args:
        code: The script.
        finding: A loss that is maximised.
    """
    given = {code.source(b.func.value) for b in backwards(code) if isinstance(b.func, ast.Attribute)}
    out = []
    for node in code.nodes:
        if not isinstance(node, ast.UnaryOp) or not isinstance(node.op, ast.USub):
            continue
        parent = code.parent(node)
        assigned = isinstance(parent, ast.Assign) and code.source(parent.targets[0]) in given
        direct = isinstance(parent, ast.Attribute) and parent.attr == "backward"
        returned = isinstance(parent, ast.Return) and not without_gradients(code, node)
        if assigned or direct or returned:
            out.append(Repair("the minus sign is left out", (code.replace(node, code.source(node.operand)),)))
    if not out:
        raise Unsure("no minus sign was found before the loss")
    return out[:MOST]


def turn_clamp(code: Code, finding: Finding) -> Sequence[Repair]:
    """Cut a term of the loss on the other side.

    Args:
        code: The script.
        finding: A loss that is least when all outputs are the same.
    """
    out = []
    for call in code.calls("clamp", "clip"):
        sides = [k for k in call.keywords if k.arg in {"min", "max"}]
        if len(sides) == 1 and len(call.keywords) == 1 and not code.owner(call):
            other = "min" if sides[0].arg == "max" else "max"
            text = f"{other}={code.source(sides[0].value)}"
            edit = code.replace(sides[0], text)
            out.append(Repair(f"{code.source(sides[0])} becomes {text} in the clamp", (edit,)))
    if not out:
        raise Unsure("no clamp on one side was found in the loss")
    return out[:MOST]
