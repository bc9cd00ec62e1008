"""A script's text as a tree that can be edited in place: formatting and comments stay."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

Loop = ast.For | ast.While | ast.AsyncFor
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unsure(Exception):  # noqa: N818 - not an error of the user's
    """A repair cannot be made with certainty; the message says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: str


class Code:
    r"""A source text, its syntax tree, and edits at the places of its nodes.

    Args:
        text: Python source.
        path: The file's name, for messages.
        given: What follows the script on its command line: an option given there hides its default.

    Raises:
        SyntaxError: It is no Python.

    >>> code = Code("lr = 0.5  # steep\n")
    >>> apply(code.text, [code.replace(code.tree.body[0].value, "0.05")])
    'lr = 0.05  # steep\n'
    """

    def __init__(self, text: str, path: str = "script", given: Sequence[str] = ()) -> None:
        self.text, self.path, self.given = text, path, tuple(given)
        self.tree = ast.parse(text)
        self._lines = re.split(r"(?<=\n)", text)
        self._starts = [0, *accumulate(len(line) for line in self._lines)]
        self._parents = {c: p for p in ast.walk(self.tree) for c in ast.iter_child_nodes(p)}
        nodes = [n for n in ast.walk(self.tree) if getattr(n, "lineno", 0)]
        self.nodes: list[ast.AST] = sorted(nodes, key=lambda n: (self.span(n)[0], -self._end(n)))
        self._names = _imported(self.tree)

    # --- where things are ---

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First character of a node, and the one after its last."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        return self._offset(line, column), self._end(node)

    def _end(self, node: ast.AST) -> int:
        return self._offset(getattr(node, "end_lineno", 1) or 1, getattr(node, "end_col_offset", 0) or 0)

    def _offset(self, line: int, column: int) -> int:
        # Columns of Python's trees count bytes.
        before = self._lines[line - 1].encode()[:column].decode(errors="replace")
        return self._starts[line - 1] + len(before)

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What a node is a part of."""
        return self._parents.get(node)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """All that a node is a part of, the innermost first."""
        while (found := self._parents.get(node)) is not None:
            yield found
            node = found

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node is, or is in."""
        for each in (node, *self.above(node)):
            if isinstance(each, ast.stmt):
                return each
        raise Unsure("it is in no statement")

    def function(self, node: ast.AST) -> Function | None:
        """The function that a node is in; ``None`` at the top."""
        return next((n for n in self.above(node) if isinstance(n, Function)), None)

    def owner(self, node: ast.AST) -> ast.ClassDef | None:
        """The class that a node is in."""
        return next((n for n in self.above(node) if isinstance(n, ast.ClassDef)), None)

    def loop(self, node: ast.AST) -> Loop | None:
        """The innermost loop around a node within its function."""
        for each in self.above(node):
            if isinstance(each, Loop):
                return each
            if isinstance(each, Function | ast.ClassDef):
                return None
        return None

    def loops(self, node: ast.AST) -> list[Loop]:
        """All loops around a node within its function, the innermost first."""
        found = []
        loop = self.loop(node)
        while loop is not None:
            found.append(loop)
            loop = self.loop(loop)
        return found

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements among which one stands."""
        parent = self._parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            held = getattr(parent, name, None)
            if isinstance(held, list) and statement in held:
                return held
        raise Unsure("its block is unknown")

    # --- what is there ---

    def dotted(self, node: ast.AST | None) -> str:
        r"""The full name of ``a.b.c`` with what imports stand for, as ``"torch.nn.Linear"``; else empty.

        >>> code = Code("import torch.nn as nn\nnn.Linear(1, 2)")
        >>> [code.dotted(call.func) for call in code.calls()]
        ['torch.nn.Linear']
        """
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        parts.append(self._names.get(node.id, node.id))
        return ".".join(reversed(parts))

    def calls(self, *names: str, within: ast.AST | None = None) -> list[ast.Call]:
        """Calls of functions or methods whose last name is one of these (of all where none is given), in
        the order of the text.
        """
        inside = None if within is None else set(ast.walk(within))
        return [
            n
            for n in self.nodes
            if isinstance(n, ast.Call)
            and (inside is None or n in inside)
            and (not names or called(n) in names)
        ]

    def at(self, line: int) -> list[ast.AST]:
        """Nodes that lie on a line, or reach over it (statements only where they begin there)."""
        return [
            n
            for n in self.nodes
            if getattr(n, "lineno", 0) <= line <= (getattr(n, "end_lineno", 0) or 0)
            and not (isinstance(n, ast.stmt) and getattr(n, "body", None))
        ]

    def name_of(self, module: str) -> str:
        """What the script calls a module of torch: ``"nn"`` for ``"torch.nn"``.

        Raises:
            Unsure: It imports nothing that leads there.
        """
        for short, full in self._names.items():
            if full == module:
                return short
        head, _, rest = module.rpartition(".")
        if not head:
            raise Unsure(f"the script does not import {module}")
        return f"{self.name_of(head)}.{rest}"

    # --- edits ---

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Put a text in a node's place."""
        return Edit(*self.span(node), text)

    def indent(self, statement: ast.stmt) -> str:
        """The white space before a statement.

        Raises:
            Unsure: It does not begin its line.
        """
        line = self._lines[_first_line(statement) - 1]
        found = line[: len(line) - len(line.lstrip(" \t"))]
        if line[: statement.col_offset].strip() or _first_line(statement) != statement.lineno:
            if getattr(statement, "decorator_list", None):
                return found
            raise Unsure("several statements stand on one line")
        return found

    def before(self, statement: ast.stmt, *lines: str) -> Edit:
        """Put lines before a statement, indented as it is."""
        indent = self.indent(statement)
        start = self._starts[_first_line(statement) - 1]
        return Edit(start, start, "".join(f"{indent}{line}{self._newline}" for line in lines))

    def after(self, statement: ast.stmt, *lines: str) -> Edit:
        """Put lines after a statement, indented as it is."""
        indent = self.indent(statement)
        last = getattr(statement, "end_lineno", None) or statement.lineno
        self._alone(statement)
        at = self._starts[last]
        lead = "" if self._lines[last - 1].endswith("\n") else self._newline
        return Edit(at, at, lead + "".join(f"{indent}{line}{self._newline}" for line in lines))

    def remove(self, *statements: ast.stmt) -> list[Edit]:
        """Take statements out with their lines; ``pass`` stays where a block would be empty."""
        edits = []
        for statement in statements:
            indent = self.indent(statement)
            self._alone(statement)
            block = self.block(statement)
            first = self._starts[_first_line(statement) - 1]
            end = self._starts[getattr(statement, "end_lineno", None) or statement.lineno]
            keep = statement is block[-1] and all(each in statements for each in block)
            edits.append(Edit(first, end, f"{indent}pass{self._newline}" if keep else ""))
        return edits

    def lines_of(self, statement: ast.stmt) -> list[str]:
        """A statement's lines without the indentation of its first one."""
        indent = self.indent(statement)
        last = getattr(statement, "end_lineno", None) or statement.lineno
        held = self._lines[_first_line(statement) - 1 : last]
        return [line.removeprefix(indent).rstrip("\r\n") for line in held]

    def with_keyword(self, call: ast.Call, name: str, text: str) -> Edit:
        """Give a call a named argument, or another value for one that it has."""
        held = keyword(call, name)
        if held is not None:
            return self.replace(held.value, text)
        given = [*call.args, *(k.value for k in call.keywords)]
        end = self._end(call) - 1
        if not given:
            return Edit(end, end, f"{name}={text}")
        last = max(self._end(each) for each in given)
        return Edit(last, last, f", {name}={text}")

    def without_keyword(self, call: ast.Call, name: str) -> Edit:
        """Take a named argument out of a call."""
        held = keyword(call, name)
        if held is None:
            raise Unsure(f"the call has no argument {name}")
        return self.without_item(held.value, start=self.span(held)[0])

    def without_item(self, node: ast.AST, start: int | None = None) -> Edit:
        """Take one of several, between commas, out of a call or a list."""
        first, end = self.span(node)
        first = first if start is None else start
        following = re.match(r"[\s)]*?\s*,[ \t]*", self.text[end:])
        before = re.search(r",\s*$", self.text[:first])
        if before is not None:
            return Edit(before.start(), end, "")
        return Edit(first, end + (following.end() if following else 0), "")

    @property
    def _newline(self) -> str:
        return "\r\n" if self._lines[0].endswith("\r\n") else "\n"

    def _alone(self, statement: ast.stmt) -> None:
        last = getattr(statement, "end_lineno", None) or statement.lineno
        rest = self.text[self._end(statement) : self._starts[last]].strip()
        if rest and not rest.startswith("#"):
            raise Unsure("several statements stand on one line")


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with edits made to it, none of which reach into another.

    Args:
        text: Any text.
        edits: In any order; those at one place stand in the order given.

    Raises:
        Unsure: Two of them change the same characters.
    """
    out, at = [], 0
    for edit in sorted(dict.fromkeys(edits), key=lambda e: (e.start, e.end)):
        if edit.start < at:
            raise Unsure("two changes meet in the same place")
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]])


def called(call: ast.Call) -> str:
    """The last name of what a call calls.

    >>> called(ast.parse("torch.optim.SGD(p)").body[0].value)
    'SGD'
    """
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """A named argument of a call."""
    return next((k for k in call.keywords if k.arg == name), None)


def argument(call: ast.Call, name: str, place: int | None = None) -> ast.expr | None:
    """An argument of a call by its name, or by its place."""
    held = keyword(call, name)
    if held is not None:
        return held.value
    if place is None or place >= len(call.args) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    return call.args[place]


def number(node: ast.AST | None) -> float | None:
    """The number that a literal is, with its sign; ``None`` for anything else.

    >>> number(ast.parse("-4.0", mode="eval").body)
    -4.0
    """
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return None if isinstance(node.value, bool) else float(node.value)
    return None


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", None) or []
    first: int = min([statement.lineno, *(d.lineno for d in decorators)])
    return first


def _imported(tree: ast.AST) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                names[each.asname or each.name.split(".")[0]] = (
                    each.name if each.asname else each.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                names[each.asname or each.name] = f"{node.module}.{each.name}"
    return names
