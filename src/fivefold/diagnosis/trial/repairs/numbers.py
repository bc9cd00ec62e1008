"""Repairs of operations whose numbers are not finite, and of precision."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, called, keyword, number
from fivefold.diagnosis.trial.repair import Repair

SMALL = "1e-8"
MOST = 4


def keep_finite(code: Code, finding: Finding) -> Sequence[Repair]:
    """Keep an operation away from where it has no value: a root or logarithm of zero, a division by zero, an
    exponential that overflows, a row of scores that is masked whole.

    Args:
        code: The script.
        finding: An operation whose result or derivative is not finite, and its line.
    """
    if finding.place is None:
        raise Unsure("the line of the operation is not known")
    nodes = code.at(finding.place.line)
    out: list[Repair] = []
    for node in nodes:
        if isinstance(node, ast.Call):
            out += _of_call(code, node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and number(node.right) is None:
            text = f"({code.source(node.right)} + {SMALL})"
            out.append(Repair(f"{SMALL} is added to the divisor", (code.replace(node.right, text),)))
        elif (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and 0 < (number(node.right) or 1) < 1
        ):
            out.append(Repair(f"{SMALL} is added under the root", (_plus(code, node.left),)))
    if any(isinstance(n, ast.Call) and called(n) == "softmax" for n in nodes) or "softmax" in finding.title:
        out = _open_masks(code) + out
    if not out:
        raise Unsure(f"no operation on line {finding.place.line} is known to be kept finite by an edit")
    return out[:MOST]


def _of_call(code: Code, call: ast.Call) -> list[Repair]:
    name = called(call)
    method = isinstance(call.func, ast.Attribute) and not code.dotted(call.func.value).startswith(
        ("torch", "math", "numpy")
    )
    given: ast.expr | None = None
    if method and isinstance(call.func, ast.Attribute):
        given = call.func.value
    elif call.args:
        given = call.args[0]
    if given is None:
        return []
    if name in {"sqrt", "rsqrt"}:
        return [Repair(f"{SMALL} is added under the root", (_plus(code, given),))]
    if name in {"log", "log2", "log10"}:
        return [Repair(f"{SMALL} is added before the logarithm", (_plus(code, given),))]
    if name == "exp":
        return [
            Repair(
                "the exponent is at most 20",
                (code.replace(given, f"({code.source(given)}).clamp(max=20.0)"),),
            )
        ]
    if name in {"acos", "asin", "atanh"}:
        text = f"({code.source(given)}).clamp(-1 + 1e-6, 1 - 1e-6)"
        return [Repair(f"the argument of {name} stays inside its bounds", (code.replace(given, text),))]
    if name in {"norm", "cdist"} and method is False:
        return []
    if name == "norm":
        return [
            Repair(
                "1e-8 is added under the root of the norm",
                (
                    code.replace(
                        call, f"({code.source(given)}.pow(2).sum({_rest(code, call)}) + {SMALL}).sqrt()"
                    ),
                ),
            )
        ]
    return []


def _rest(code: Code, call: ast.Call) -> str:
    given = [code.source(k.value) for k in call.keywords if k.arg == "dim"]
    return f"dim={given[0]}" if given else ""


def _plus(code: Code, node: ast.expr) -> Edit:
    return code.replace(node, f"({code.source(node)} + {SMALL})")


def _open_masks(code: Code) -> list[Repair]:
    """Let every row of scores keep one: masks begin at the diagonal, and hide by a large number."""
    out = []
    for call in code.calls("tril", "triu"):
        held = keyword(call, "diagonal")
        if held is not None:
            wanted = "0" if called(call) == "tril" else "1"
            if number(held.value) != float(wanted):
                out.append(
                    Repair(
                        f"diagonal={wanted} in {called(call)}: a place sees itself",
                        (code.replace(held.value, wanted),),
                    )
                )
    for call in code.calls("masked_fill", "masked_fill_"):
        if len(call.args) == 2 and "inf" in code.source(call.args[1]):
            out.append(
                Repair("hidden scores become -1e9 instead of -inf", (code.replace(call.args[1], "-1e9"),))
            )
    return out


def full_precision(code: Code, finding: Finding) -> Sequence[Repair]:
    """Keep weights and computations in float32.

    Args:
        code: The script.
        finding: Weights, or predictions, in half precision.
    """
    edits: list[Edit] = []
    for call in code.calls("half", "bfloat16"):
        if isinstance(call.func, ast.Attribute) and not call.args:
            statement = code.parent(call)
            if isinstance(statement, ast.Expr):
                edits += code.remove(statement)
            else:
                edits.append(code.replace(call, code.source(call.func.value)))
    for node in code.nodes:
        if isinstance(node, ast.Attribute) and code.dotted(node) in {"torch.float16", "torch.half"}:
            edits.append(code.replace(node, f"{code.name_of('torch')}.float32"))
    if not edits:
        raise Unsure("no line was found that asks for half precision")
    return [Repair("weights and computations stay in float32", tuple(edits))]


def wide_numbers(code: Code, finding: Finding) -> Sequence[Repair]:
    """Compute in float32 where numbers are stored in eight bits.

    Args:
        code: The script.
        finding: Numbers that ran over the end of eight bits.
    """
    narrow = {f"{library}.{kind}" for library in ("numpy", "torch") for kind in ("uint8", "int8")}
    edits = []
    for call in code.calls("astype", "to", "type"):
        for given in [*call.args, *(k.value for k in call.keywords)]:
            full = code.dotted(given)
            if full in narrow:
                edits.append(code.replace(given, f"{code.name_of(full.partition('.')[0])}.float32"))
            elif isinstance(given, ast.Constant) and given.value in {"uint8", "int8"}:
                edits.append(code.replace(given, '"float32"'))
    if not edits:
        raise Unsure("no line was found that stores numbers in eight bits")
    return [Repair("numbers stay in float32, not in eight bits", tuple(edits))]
