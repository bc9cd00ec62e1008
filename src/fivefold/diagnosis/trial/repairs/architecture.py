"""Repairs of what a network computes: activations between layers, widths, axes, masks, states."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, argument, called, keyword, number
from fivefold.diagnosis.trial.repair import Repair

WEIGHTED = ("Linear", "Conv1d", "Conv2d", "Conv3d", "LazyLinear", "LazyConv2d")
BETWEEN = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "Dropout", "Dropout2d")
RECURRENT = ("RNN", "GRU", "LSTM")
WIDTHS = ("hidden", "width", "dim", "size", "latent", "code", "units", "features", "channels", "bottleneck")
MOST = 4


def bend(code: Code, finding: Finding) -> Sequence[Repair]:
    """Put an activation where layers follow each other without one.

    Args:
        code: The script.
        finding: Layers whose product is one matrix.
    """
    layers = code.name_of("torch.nn")
    none = [
        c
        for c in code.calls("Identity")
        if code.dotted(c.func) == "torch.nn.Identity" and "act" in _target(code, c)
    ]
    out = []
    for new in ("ReLU", "Tanh", "GELU"):
        edits = [code.replace(call, f"{layers}.{new}()") for call in none]
        if not edits:
            edits = _between(code, f"{layers}.{new}()")
        if edits:
            out.append(Repair(f"{new} stands between the layers", tuple(edits)))
    if not out:
        raise Unsure("no layers that follow each other were found in a Sequential")
    return out


def _target(code: Code, call: ast.Call) -> str:
    statement = code.statement(call)
    return code.source(statement.targets[0]).lower() if isinstance(statement, ast.Assign) else ""


def _between(code: Code, text: str) -> list[Edit]:
    """After each weighted layer of a Sequential that another one follows, and at the end of a Sequential that
    is a block of others.
    """
    edits: list[Edit] = []
    blocks = {f.name for f in code.nodes if isinstance(f, ast.FunctionDef) and len(code.calls(f.name)) >= 2}
    for call in code.calls("Sequential"):
        layers = [a for a in call.args if isinstance(a, ast.Call)]
        if len(layers) != len(call.args) or not layers:
            continue
        open_layer: ast.Call | None = None
        for layer in layers:
            name = called(layer)
            if name in WEIGHTED or name in blocks:
                if (
                    open_layer is not None
                    and name in WEIGHTED
                    and called(open_layer) in (*WEIGHTED, *BETWEEN)
                ):
                    edits.append(_item_after(code, open_layer, text))
                open_layer = layer if name in WEIGHTED else None
            elif name in BETWEEN and open_layer is not None:
                open_layer = layer
            else:
                open_layer = None
        function = code.function(call)
        returned = (
            isinstance(code.parent(call), ast.Return) and function is not None and function.name in blocks
        )
        if open_layer is not None and returned and code.owner(call) is None:
            edits.append(_item_after(code, open_layer, text))
    return edits


def _item_after(code: Code, node: ast.expr, text: str) -> Edit:
    end = code.span(node)[1]
    start = code.span(node)[0]
    line = code.text.rfind("\n", 0, start) + 1
    own_line = not code.text[line:start].strip()
    lead = f",\n{code.text[line:start]}" if own_line else ", "
    return Edit(end, end, f"{lead}{text}")


def widen(code: Code, finding: Finding) -> Sequence[Repair]:
    """Widen the layer that is too narrow, where its width is written.

    Args:
        code: The script.
        finding: A hidden layer that is too narrow.
    """
    units = finding.figures.get("units")
    if not isinstance(units, float):
        raise Unsure("the width is not known")
    places: list[ast.expr] = []
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef):
            a = node.args
            pairs = [
                *zip([*a.posonlyargs, *a.args][::-1], a.defaults[::-1], strict=False),
                *zip(a.kwonlyargs, a.kw_defaults, strict=True),
            ]
            places += [d for p, d in pairs if d is not None and _is_width(p.arg) and number(d) == units]
        elif (
            isinstance(node, ast.keyword) and node.arg and _is_width(node.arg) and number(node.value) == units
        ) or (
            isinstance(node, ast.Assign)
            and number(node.value) == units
            and _is_width(code.source(node.targets[0]))
        ):
            places.append(node.value)
        elif (
            isinstance(node, ast.Call)
            and called(node) == "add_argument"
            and (held := keyword(node, "default"))
        ):
            named = " ".join(str(a.value) for a in node.args if isinstance(a, ast.Constant))
            if _is_width(named) and number(held.value) == units:
                places.append(held.value)
    if not places:
        places = [
            a for c in code.calls(*WEIGHTED) for a in c.args[:2] if number(a) == units
        ]  # nn.Linear(64, 2), nn.Linear(2, 10)
        groups = [places] if places else []
    else:
        groups = [[place] for place in places]
    if not groups:
        raise Unsure("the width is not written in the script")
    out = []
    for group in groups[:2]:
        for factor in (8, 32):
            edits = tuple(code.replace(place, str(int(units) * factor)) for place in group)
            out.append(Repair(f"the width becomes {int(units) * factor} instead of {int(units)}", edits))
    return out[:MOST]


def _is_width(name: str) -> bool:
    return any(part in name.lower() for part in WIDTHS)


def batch_first(code: Code, finding: Finding) -> Sequence[Repair]:
    """Tell recurrent layers and attention that the batch comes first.

    Args:
        code: The script.
        finding: Examples of a batch that meet.
    """
    names = (
        *RECURRENT,
        "MultiheadAttention",
        "TransformerEncoderLayer",
        "TransformerDecoderLayer",
        "Transformer",
    )
    calls = [
        c
        for c in code.calls(*names)
        if code.dotted(c.func).startswith("torch.nn.") and not keyword(c, "batch_first")
    ]
    if not calls:
        raise Unsure("no recurrent layer or attention without batch_first was found")
    edits = tuple(code.with_keyword(call, "batch_first", "True") for call in calls)
    return [Repair("batch_first=True: the first dimension is the batch", edits)]


def along_classes(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let softmax and normalisation run along the last dimension.

    Args:
        code: The script.
        finding: An operation along the batch, or along the queries.
    """
    names = ("softmax", "log_softmax", "normalize", "Softmax", "LogSoftmax")
    calls = code.calls(*names)
    if finding.place is not None:
        here = {n for n in code.at(finding.place.line) if isinstance(n, ast.Call)}
        calls = [c for c in calls if c in here] or calls
    edits = []
    for call in calls:
        place = {"normalize": 2, "Softmax": 0, "LogSoftmax": 0}.get(called(call), 1)
        method = isinstance(call.func, ast.Attribute) and not code.dotted(call.func.value).startswith("torch")
        given = argument(call, "dim", place - 1 if method and place == 1 else place)
        if number(given) in (0.0, -2.0, 1.0, 2.0) and given is not None:
            edits.append(code.replace(given, "-1"))
    if not edits:
        raise Unsure("no dimension of a softmax was found on its line")
    return [Repair("it runs along the last dimension, dim=-1", tuple(edits))]


def rows_in_stretches(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lay sequences out in rows: ``view(batch, length)`` where ``view(length, batch)`` is transposed.

    Args:
        code: The script.
        finding: Sequences that run along the batch.
    """
    out = []
    for call in code.calls("t", "transpose", "permute"):
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        swaps = called(call) == "t" or {number(a) for a in call.args} == {0.0, 1.0}
        if (
            isinstance(inner, ast.Call)
            and called(inner) in {"view", "reshape"}
            and len(inner.args) == 2
            and swaps
        ):
            first, second = (code.source(a) for a in inner.args)
            text = f"{code.source(inner.func)}({second}, {first})"
            out.append(
                Repair(f"{called(inner)}({second}, {first}), not its transpose", (code.replace(call, text),))
            )
    if not out:
        raise Unsure("no view that is transposed was found")
    return out[:MOST]


def last_state(code: Code, finding: Finding) -> Sequence[Repair]:
    """Read the last state of a sequence instead of the first.

    Args:
        code: The script.
        finding: A network that does not read most of its inputs.
    """
    out = []
    for node in code.nodes:
        if (
            not isinstance(node, ast.Subscript)
            or not isinstance(node.slice, ast.Tuple)
            or code.owner(node) is None
        ):
            continue
        first, *rest = node.slice.elts
        if (
            isinstance(first, ast.Slice)
            and first.lower is None
            and first.upper is None
            and rest
            and number(rest[0]) == 0
        ):
            text = code.source(node)
            out.append(Repair(f"the last state is read, not {text}", (code.replace(rest[0], "-1"),)))
    if not out:
        raise Unsure("no first state, x[:, 0], is read in the network")
    return out[:MOST]


def hide_future(code: Code, finding: Finding) -> Sequence[Repair]:
    """Let the causal mask begin at the diagonal, and take both directions out of recurrent layers.

    Args:
        code: The script.
        finding: A model that sees what it is to predict.
    """
    out = []
    for call in code.calls("tril", "triu"):
        given = argument(call, "diagonal", 0 if code.dotted(call.func).count(".") == 0 else 1)
        held = keyword(call, "diagonal")
        wanted = "0" if called(call) == "tril" else "1"
        if held is not None and number(held.value) != float(wanted):
            out.append(Repair(f"diagonal={wanted} in {called(call)}", (code.replace(held.value, wanted),)))
        elif given is None and called(call) == "triu":
            out.append(Repair("diagonal=1 in triu", (code.with_keyword(call, "diagonal", "1"),)))
    for call in code.calls(*RECURRENT):
        if keyword(call, "bidirectional") is not None:
            out.append(
                Repair(
                    "the recurrent layer runs forwards only", (code.without_keyword(call, "bidirectional"),)
                )
            )
    for call in code.calls("scaled_dot_product_attention"):
        if keyword(call, "is_causal") is None and keyword(call, "attn_mask") is None:
            out.append(Repair("is_causal=True", (code.with_keyword(call, "is_causal", "True"),)))
    if not out:
        raise Unsure("no mask of tril or triu with another diagonal was found")
    return out


def invert_mask(code: Code, finding: Finding) -> Sequence[Repair]:
    """Turn the mask of the padding round.

    Args:
        code: The script.
        finding: A network that reads the padding and not the words.
    """
    out = []
    for call in code.calls("ne", "eq"):
        if (
            isinstance(call.func, ast.Attribute)
            and len(call.args) == 1
            and "mask" not in code.source(call.func.value)
        ):
            _start, end = code.span(call.func)
            new = "eq" if call.func.attr == "ne" else "ne"
            out.append(Repair(f"{code.source(call)} becomes .{new}()", (Edit(end - 2, end, new),)))
    for node in code.nodes:
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.NotEq | ast.Eq)
            and "pad" in code.source(node).lower()
        ):
            new = "==" if isinstance(node.ops[0], ast.NotEq) else "!="
            text = f"{code.source(node.left)} {new} {code.source(node.comparators[0])}"
            out.append(Repair(f"{code.source(node)} becomes {text}", (code.replace(node, text),)))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert) and _masks(code, node):
            out.append(
                Repair(f"{code.source(node)} loses its ~", (code.replace(node, code.source(node.operand)),))
            )
    if not out:
        raise Unsure("no comparison that makes the mask was found")
    return out[:MOST]


def _masks(code: Code, node: ast.AST) -> bool:
    parent = code.parent(node)
    return (isinstance(parent, ast.Call) and called(parent) in {"masked_fill", "masked_fill_", "where"}) or (
        isinstance(parent, ast.keyword) and "mask" in (parent.arg or "")
    )


def shift_targets(code: Code, finding: Finding) -> Sequence[Repair]:
    """Cut the inputs so that they end one token before the targets.

    Args:
        code: The script.
        finding: Targets that are the inputs, or inputs that hold the targets.
    """
    for node in code.nodes:
        if not isinstance(node, ast.Tuple) or len(node.elts) != 2 or not isinstance(node.ctx, ast.Load):
            continue
        first, second = node.elts
        if isinstance(first, ast.Subscript) and ast.dump(first) == ast.dump(second):
            parts = first.slice.elts if isinstance(first.slice, ast.Tuple) else [first.slice]
            cut = [p for p in parts if isinstance(p, ast.Slice) and number(p.lower) == 1 and p.upper is None]
            if len(cut) == 1:
                return [Repair("inputs end one place before the targets", (code.replace(cut[0], ":-1"),))]
    raise Unsure("no inputs and targets that are cut alike were found")
