"""Repairs of the scores of attention."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure, called, number
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.first_weights import redraw

MOST = 4


def open_saturated(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let saturated units move: scores of attention over the root of their dimension, other first weights.

    Args:
        code: The script.
        finding: Units that are saturated.
    """
    out = list(scale_scores(code))
    try:
        out += redraw(code, finding)
    except Unsure:
        if not out:
            raise
    return out[:MOST]


def scale_scores(code: Code) -> list[Repair]:
    """Scale products ``q @ k.transpose(...)`` by ``d ** -0.5`` where a power of a dimension multiplies them.

    Products of d terms of size 1 have size sqrt(d) [Vaswani et al., 2017, section 3.2.1].

    Args:
        code: The script.
    """
    out = []
    for node in code.nodes:
        if (
            not isinstance(node, ast.BinOp)
            or not isinstance(node.op, ast.Mult)
            or not _scores(code, node.left)
            or not isinstance(power := node.right, ast.BinOp)
            or not isinstance(power.op, ast.Pow)
            or (exponent := number(power.right)) is None
            or exponent <= 0
        ):
            continue
        what = (
            f"scores are multiplied by ({code.source(power.left)}) ** -0.5, not by its power of {exponent:g}"
        )
        out.append(Repair(what, (code.replace(power.right, "-0.5"),)))
    return out


def _scores(code: Code, node: ast.expr) -> bool:
    """Whether a product of matrices, the second of them transposed."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return _transposed(node.right)
    if isinstance(node, ast.Call) and called(node) in {"matmul", "bmm", "einsum"} and node.args:
        return called(node) == "einsum" or _transposed(node.args[-1])
    return False


def _transposed(node: ast.expr) -> bool:
    return (isinstance(node, ast.Call) and called(node) in {"transpose", "permute", "t"}) or (
        isinstance(node, ast.Attribute) and node.attr in {"T", "mT"}
    )
