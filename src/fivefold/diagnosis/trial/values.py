"""Where a number that is used in a script is written: a literal, a constant, a default, an option."""

import ast
from dataclasses import dataclass

from fivefold.diagnosis.trial.code import Code, Edit, Function, called, keyword, number

DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Value:
    """A number and the expression that writes it.

    Attributes:
        node: What to replace.
        now: The number that stands there; ``None`` where it is computed.
    """

    node: ast.expr
    now: float | None

    def change(self, code: Code, to: float) -> Edit:
        """Write another number there."""
        whole = self.now is not None and float(self.now).is_integer() and "." not in code.source(self.node)
        return code.replace(self.node, shown(to, whole=whole and float(to).is_integer()))


def shown(number: float, *, whole: bool = False) -> str:
    """A number as one would write it.

    >>> shown(0.0001), shown(3e-05), shown(16.0, whole=True), shown(0.30000001), shown(0.0)
    ('0.0001', '3e-05', '16', '0.3', '0.0')
    """
    if whole:
        return str(int(number))
    text = f"{number:.3g}"
    return text if any(c in text for c in ".en") else text + ".0"


def value_of(code: Code, node: ast.expr, depth: int = 0) -> Value:
    r"""Follow an expression to the literal that it comes from; itself where there is none.

    Names lead to their one assignment, or to the default of a parameter (or what the only call of the
    function gives for it); ``args.x`` leads to the default of ``--x``, where the command line does not give
    it; attributes lead to the field of a class, ``config["x"]`` to a dictionary.

    Args:
        code: The script.
        node: Where the number is used.
        depth: How far it was followed already.

    >>> code = Code("RATE = 0.5\ndef make(lr=RATE): return SGD(p, lr=lr)")
    >>> value_of(code, code.calls("SGD")[0].keywords[0].value).now
    0.5
    """
    literal = number(node)
    if literal is not None:
        return Value(node, literal)
    found = _origin(code, node) if depth < DEEPEST else None
    if found is None or found is node:
        return Value(node, None)
    inner = value_of(code, found, depth + 1)
    return inner if inner.now is not None else Value(node, None)


def _origin(code: Code, node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.Name):
        return _of_name(code, node)
    if isinstance(node, ast.Attribute):
        return _of_attribute(code, node)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        held = [
            v
            for d in code.nodes
            if isinstance(d, ast.Dict)
            for k, v in zip(d.keys, d.values, strict=True)
            if isinstance(k, ast.Constant) and k.value == node.slice.value
        ]
        return held[0] if len(held) == 1 else None
    if isinstance(node, ast.Call) and called(node) in {"float", "int"} and len(node.args) == 1:
        return node.args[0]
    return None


def _of_name(code: Code, node: ast.Name) -> ast.expr | None:
    function = code.function(node)
    while function is not None:
        if node.id in _parameters(function):
            return _given(code, function, node.id) or _parameters(function)[node.id]
        own = _assigned(code, node.id, function)
        if own:
            return own[0] if len(own) == 1 else None
        function = code.function(function)
    found = _assigned(code, node.id, None)
    return found[0] if len(found) == 1 else None


def _assigned(code: Code, name: str, function: Function | None) -> list[ast.expr]:
    out: list[ast.expr] = []
    for each in code.nodes:
        if code.function(each) is not function or code.owner(each) is not (function and code.owner(function)):
            continue
        if isinstance(each, ast.Assign):
            for target in each.targets:
                out += _matched(target, each.value, name)
        elif isinstance(each, ast.AnnAssign) and each.value is not None:
            out += _matched(each.target, each.value, name)
    return out


def _matched(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        return [value]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return [v for t, v in pairs if isinstance(t, ast.Name) and t.id == name]
    return []


def _parameters(function: Function) -> dict[str, ast.expr | None]:
    a = function.args
    plain = [*a.posonlyargs, *a.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(a.defaults)) + list(a.defaults)
    out = {p.arg: d for p, d in zip(plain, defaults, strict=True)}
    return {**out, **{p.arg: d for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)}}


def _given(code: Code, function: Function, name: str) -> ast.expr | None:
    """What calls of the function give for a parameter, where all that give something give the same."""
    owner = code.owner(function)
    shift = 1 if owner is not None else 0
    known = owner.name if owner is not None and function.name == "__init__" else function.name
    place = list(_parameters(function)).index(name) - shift
    found = []
    for call in code.calls(known):
        held = keyword(call, name)
        if held is not None:
            found.append(held.value)
        elif 0 <= place < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args):
            found.append(call.args[place])
    return found[0] if len({ast.dump(f) for f in found}) == 1 else None


def _of_attribute(code: Code, node: ast.Attribute) -> ast.expr | None:
    if isinstance(node.value, ast.Name) and node.value.id == "self":
        held = [
            each.value
            for each in code.nodes
            if isinstance(each, ast.Assign)
            and code.owner(each) is code.owner(node)
            and any(code.source(t) == f"self.{node.attr}" for t in each.targets)
        ]
        return held[0] if len(held) == 1 else None
    options = [call for call in code.calls("add_argument") if _destination(call) == node.attr]
    if options:
        named = [a.value for a in options[0].args if isinstance(a, ast.Constant)]
        on_the_line = any(str(g).split("=")[0] in named for g in code.given)
        default = keyword(options[0], "default")
        return None if on_the_line or default is None else default.value
    fields = [
        each.value
        for each in code.nodes
        if isinstance(each, ast.AnnAssign | ast.Assign)
        and isinstance(code.parent(each), ast.ClassDef)
        and each.value is not None
        and node.attr in [code.source(t) for t in _targets(each)]
    ]
    return fields[0] if len(fields) == 1 else None


def _targets(each: ast.AnnAssign | ast.Assign) -> list[ast.expr]:
    return each.targets if isinstance(each, ast.Assign) else [each.target]


def _destination(call: ast.Call) -> str:
    named = keyword(call, "dest")
    if named is not None and isinstance(named.value, ast.Constant):
        return str(named.value.value)
    names = [str(a.value) for a in call.args if isinstance(a, ast.Constant)]
    long = [n for n in names if n.startswith("--")] or names
    return long[0].lstrip("-").replace("-", "_") if long else ""
