"""Edits at the places of a tree leave everything else of the text as it was."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivefold.diagnosis.trial.code import Code, Edit, Unsure, apply, argument, called, number

TEXT = '''import torch.nn as nn
from torch import optim
import numpy as np


class Net(nn.Module):
    """Ein Netz für Größen."""

    def __init__(self):  # größer
        self.a = nn.Linear(3, 4)  # bleibt


def fit(net):
    for epoch in range(3):
        for x in data:
            if x: y = "ä"; z = net(x)
            loss = crit(net(x), y, reduction="sum")
            loss.backward()
'''


def test_places_count_characters_though_the_tree_counts_bytes() -> None:
    code = Code(TEXT)
    inner = code.calls("net")[0]
    assert code.source(inner) == "net(x)"
    assert apply(TEXT, [code.replace(inner, "net(-x)")]) == TEXT.replace(
        '"ä"; z = net(x)', '"ä"; z = net(-x)'
    )


def test_names_and_surroundings() -> None:
    code = Code(TEXT)
    assert [code.dotted(c.func) for c in code.calls("Linear", "range", "crit")] == [
        "torch.nn.Linear",
        "range",
        "crit",
    ]
    backward = code.calls("backward")[0]
    assert code.function(backward).name == "fit"
    assert [ast.unparse(loop.target) for loop in code.loops(backward)] == ["x", "epoch"]
    assert code.owner(code.calls("Linear")[0]).name == "Net"
    assert code.owner(backward) is None
    assert code.loop(code.calls("Linear")[0]) is None
    assert {code.source(n) for n in code.at(18) if isinstance(n, ast.Call)} == {"loss.backward()"}
    assert code.name_of("torch.nn") == "nn"
    assert code.name_of("torch.nn.functional") == "nn.functional"
    assert code.name_of("torch.optim") == "optim"
    with pytest.raises(Unsure, match="does not import scipy"):
        code.name_of("scipy.stats")


def test_lines_before_and_after_a_statement() -> None:
    code = Code(TEXT)
    backward = code.statement(code.calls("backward")[0])
    text = apply(TEXT, [code.before(backward, "a()"), code.after(backward, "b()", "c()")])
    tail = ["            a()", "            loss.backward()", "            b()", "            c()"]
    assert text.splitlines()[-4:] == tail
    unended = Code("a()")
    assert apply("a()", [unended.after(unended.tree.body[0], "b()")]) == "a()\nb()\n"


def test_a_statement_goes_with_its_line_and_a_block_is_never_empty() -> None:
    code = Code(TEXT)
    assert "backward" not in apply(TEXT, code.remove(code.statement(code.calls("backward")[0])))
    text = "for x in y:\n    f(x)  # why\n    g(x)\n"
    code = Code(text)
    f, g = code.tree.body[0].body
    assert apply(text, code.remove(f)) == "for x in y:\n    g(x)\n"
    assert apply(text, code.remove(f, g)) == "for x in y:\n    pass\n"
    many = Code("f(1); g(2)\n")
    for statement in many.tree.body:
        with pytest.raises(Unsure, match="one line"):
            many.remove(statement)


def test_windows_line_ends_stay() -> None:
    text = "a()\r\nb()\r\n"
    code = Code(text)
    assert apply(text, [code.before(code.tree.body[1], "x()")]) == "a()\r\nx()\r\nb()\r\n"


@pytest.mark.parametrize(
    ("text", "name", "value", "expected"),
    [
        ("f()", "a", "1", "f(a=1)"),
        ("f(x, b=2)", "b", "3", "f(x, b=3)"),
        ("f(x,\n  y,\n)", "a", "1", "f(x,\n  y, a=1,\n)"),
        ("f(b=(1, 2))", "a", "1", "f(b=(1, 2), a=1)"),
    ],
)
def test_named_arguments_are_added_and_changed(text: str, name: str, value: str, expected: str) -> None:
    code = Code(text)
    call = code.calls("f")[0]
    assert apply(text, [code.with_keyword(call, name, value)]) == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("f(x, a=1, b=2)", "a", "f(x, b=2)"),
        ("f(x, a=1)", "a", "f(x)"),
        ("f(a=1, b=2)", "a", "f(b=2)"),
        ("f(a=1)", "a", "f()"),
        ("f(\n    x,\n    a=1,\n)", "a", "f(\n    x,\n)"),
    ],
)
def test_named_arguments_are_taken_out(text: str, name: str, expected: str) -> None:
    code = Code(text)
    assert apply(text, [code.without_keyword(code.calls("f")[0], name)]) == expected
    with pytest.raises(Unsure, match="no argument z"):
        code.without_keyword(code.calls("f")[0], "z")


def test_changes_that_meet_are_refused() -> None:
    assert apply("abc", [Edit(1, 2, "X"), Edit(1, 1, "_")]) == "a_Xc"
    with pytest.raises(Unsure, match="meet"):
        apply("abcd", [Edit(0, 3, "x"), Edit(2, 4, "y")])


def test_arguments_and_numbers() -> None:
    call = ast.parse("f(1, *rest, lr=-0.5)").body[0].value
    assert isinstance(call, ast.Call)
    assert called(call) == "f"
    assert number(argument(call, "lr", 0)) == -0.5
    assert argument(call, "x", 0) is None, "with a star before it the place is not known"
    assert number(ast.parse("True", mode="eval").body) is None
    assert number(ast.parse("a", mode="eval").body) is None


@given(st.lists(st.sampled_from(["x = 1", "f(ä, é=2)", "# Wörter", "if x:\n    y = 'ß'", ""]), max_size=6))
def test_replacing_each_node_by_itself_changes_nothing(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    code = Code(text)
    for node in code.nodes:
        if isinstance(node, ast.expr | ast.stmt):
            assert apply(text, [code.replace(node, code.source(node))]) == text
