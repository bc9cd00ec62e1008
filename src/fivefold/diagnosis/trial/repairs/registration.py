"""Repairs of what torch, the optimizer and the gradient reach."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure, apply, called, keyword
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import (
    first_argument,
    models,
    optimizer_calls,
    without_gradients,
)

MOST = 4
OFF = {"no_grad", "inference_mode"}


def register(code: Code, finding: Finding) -> Sequence[Repair]:
    """Hold layers in ``ModuleList`` and ``ModuleDict`` instead of plain lists and dictionaries.

    Args:
        code: The script.
        finding: Layers that torch does not see.
    """
    layers = code.name_of("torch.nn")
    edits, held = [], []
    for statement in code.nodes:
        if not isinstance(statement, ast.Assign) or code.owner(statement) is None:
            continue
        name = code.source(statement.targets[0])
        if not name.startswith("self.") or not _of_layers(code, statement.value, name):
            continue
        kind = "ModuleDict" if isinstance(statement.value, ast.Dict | ast.DictComp) else "ModuleList"
        edits.append(code.replace(statement.value, f"{layers}.{kind}({code.source(statement.value)})"))
        held.append(f"{name} becomes a {kind}")
    if not edits:
        raise Unsure("no list or dictionary of layers was found in a class")
    return [Repair(", ".join(held), tuple(edits))]


def _of_layers(code: Code, value: ast.expr, name: str) -> bool:
    """Whether a list or dictionary holds what modules are made by."""
    if not isinstance(value, ast.List | ast.ListComp | ast.Tuple | ast.Dict | ast.DictComp | ast.Call):
        return False
    if isinstance(value, ast.Call) and called(value) not in {"list", "tuple", "dict"}:
        return False
    classes = {c.name for c in code.nodes if isinstance(c, ast.ClassDef) and c.bases}
    makers = {f.name for f in code.nodes if isinstance(f, ast.FunctionDef) and code.owner(f) is None}

    def makes(node: ast.AST) -> bool:
        return any(
            code.dotted(c.func).startswith("torch.nn.") or called(c) in classes | makers
            for c in code.calls(within=node)
        )

    filled = [
        c for c in code.calls("append", "extend", "insert") if code.source(c.func).startswith(f"{name}.")
    ]
    return makes(value) or any(makes(c) for c in filled)


def thaw(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take out what switches gradients off for layers that hold nothing learnt.

    Args:
        code: The script.
        finding: Frozen layers at their random first values.
    """
    edits, removed = [], []
    for node in code.nodes:
        if isinstance(node, ast.Assign) and code.source(node.targets[0]).endswith(".requires_grad"):
            if isinstance(node.value, ast.Constant) and node.value.value is False:
                statement: ast.stmt = node
                loop = code.parent(node)
                if isinstance(loop, ast.For) and loop.body == [node]:
                    statement = loop
                removed.append(statement)
        elif isinstance(node, ast.Call) and called(node) == "requires_grad_" and node.args:
            given = node.args[0]
            if (
                isinstance(given, ast.Constant)
                and given.value is False
                and isinstance(node.func, ast.Attribute)
            ):
                if isinstance(code.parent(node), ast.Expr):
                    loop = code.parent(code.statement(node))
                    alone = isinstance(loop, ast.For) and len(loop.body) == 1
                    removed.append(loop if alone and isinstance(loop, ast.For) else code.statement(node))
                else:
                    edits.append(code.replace(node, code.source(node.func.value)))
        elif (
            (
                isinstance(node, ast.Call)
                and called(node) == "from_pretrained"
                and "Embedding" in code.source(node.func)
            )
            and keyword(node, "freeze") is None
            and len(node.args) == 1
        ):
            edits.append(code.with_keyword(node, "freeze", "False"))
    edits += code.remove(*dict.fromkeys(removed))
    if not edits:
        raise Unsure("no line was found that switches gradients off")
    return [Repair("gradients stay on for all layers", tuple(edits))]


def give_all_parameters(code: Code, finding: Finding) -> Sequence[Repair]:
    """Make the optimizer from all parameters of the model.

    Args:
        code: The script.
        finding: Parameters that no optimizer holds.
    """
    out = []
    for call in optimizer_calls(code):
        given = first_argument(call, "params")
        if given is None:
            continue
        asked = [c for c in code.calls("parameters", within=given) if isinstance(c.func, ast.Attribute)]
        roots = {_root(c.func.value) for c in asked if isinstance(c.func, ast.Attribute)}
        if len(roots) == 1 and (root := roots.pop()) and code.source(given) != f"{root}.parameters()":
            what = f"the optimizer gets {root}.parameters()"
            out.append(Repair(what, (code.replace(given, f"{root}.parameters()"),)))
    out += _left_out(code)
    if not out:
        raise Unsure("no optimizer was found that is made from a part of one model")
    return out[:MOST]


def _left_out(code: Code) -> list[Repair]:
    """Where two optimizers are made from one model and another model has none: one of them gets the other,
    first the one whose name has more letters of that model's name at its end.
    """
    given: list[tuple[ast.Call, ast.expr, str]] = []
    for call in optimizer_calls(code):
        params = first_argument(call, "params")
        asked = [] if params is None else code.calls("parameters", within=params)
        if params is not None and len(asked) == 1 and isinstance(asked[0].func, ast.Attribute):
            given.append((call, params, code.source(asked[0].func.value)))
    names = [name for _, _, name in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    trained = {
        name for call in code.calls("train", "eval") for name in [code.source(call.func).rpartition(".")[0]]
    }
    missing = sorted((trained | set(models(code))) - set(names))
    out: list[tuple[bool, Repair]] = []
    for call, params, name in given:
        if name not in twice:
            continue
        for model in missing:
            to = code.source(params).replace(name, model)
            target = code.statement(call)
            held = code.source(target.targets[0]) if isinstance(target, ast.Assign) else ""
            likely = held.rpartition("_")[2][:1] == model.rpartition(".")[2][:1]
            out.append(
                (not likely, Repair(f"{held or 'an optimizer'} gets {to}", (code.replace(params, to),)))
            )
    return [repair for _, repair in sorted(out, key=lambda pair: pair[0])]


def _root(node: ast.expr) -> str:
    """``model`` of ``model.head[0]``; ``self.model`` of ``self.model.head``."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return f"self.{parts[-1]}" if node.id == "self" and parts else node.id


def keep_graph(code: Code, finding: Finding) -> Sequence[Repair]:
    """Take out what cuts the graph: ``detach()``, ``.data``, ``no_grad``, ``sample()``; each for itself.

    Args:
        code: The script.
        finding: Layers that run and get no gradient.
    """
    inside: list[Repair] = []
    outside: list[Repair] = []
    for node in code.nodes:
        repair = _cut(code, node)
        if repair is None:
            continue
        function = code.function(node)
        if code.owner(node) is not None and function is not None and function.name != "__init__":
            inside.append(repair)
        elif not without_gradients(code, node):
            outside.append(repair)
    found = inside + outside
    if not found:
        raise Unsure("no detach(), .data, sample() or no_grad() was found on the way")
    return found[:MOST]


def _cut(code: Code, node: ast.AST) -> Repair | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        on = code.source(node.func.value)
        if node.func.attr == "detach" and not node.args:
            return Repair(f"{on}.detach() becomes {on}", (code.replace(node, on),))
        if node.func.attr == "sample":
            text = apply(code.source(node), []).replace(".sample(", ".rsample(")
            return Repair("sample() becomes rsample(), which has a gradient", (code.replace(node, text),))
    if isinstance(node, ast.Attribute) and node.attr == "data" and isinstance(node.ctx, ast.Load):
        on = code.source(node.value)
        if isinstance(node.value, ast.Call) and not code.dotted(node.value.func).startswith(
            ("torch.", "self.")
        ):
            return None  # load_digits().data is a table, no tensor
        if isinstance(code.parent(node), ast.Attribute):
            return None  # weight.data.normal_() and the like
        return Repair(f"{on}.data becomes {on}", (code.replace(node, on),))
    inside = isinstance(node, ast.With) and len(node.items) == 1 and code.owner(node) is not None
    if inside and isinstance(node, ast.With) and _switch(node.items[0].context_expr) in OFF:
        lines = [line for s in node.body for line in code.lines_of(s)]
        return Repair("no_grad() is taken out", (*code.remove(node), code.before(node, *lines)))
    return None


def _switch(node: ast.expr) -> str:
    return called(node) if isinstance(node, ast.Call) else ""
