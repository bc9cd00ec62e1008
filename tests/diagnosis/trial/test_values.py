"""Numbers are followed to where they are written."""

import pytest

from fivefold.diagnosis.trial.code import Code, apply
from fivefold.diagnosis.trial.values import shown, value_of

CASES = {
    "literal": ("SGD(p, lr=0.5)", "SGD(p, lr=0.25)"),
    "constant": ("LR = 0.5\nSGD(p, lr=LR)", "LR = 0.25\nSGD(p, lr=LR)"),
    "pair": ("B, LR = 8, 0.5\nSGD(p, lr=LR)", "B, LR = 8, 0.25\nSGD(p, lr=LR)"),
    "annotated": ("LR: float = 0.5\nSGD(p, lr=LR)", "LR: float = 0.25\nSGD(p, lr=LR)"),
    "default": ("def f(lr=0.5):\n    SGD(p, lr=lr)", "def f(lr=0.25):\n    SGD(p, lr=lr)"),
    "named default": ("def f(*, lr=0.5):\n    SGD(p, lr=lr)", "def f(*, lr=0.25):\n    SGD(p, lr=lr)"),
    "call": ("def f(a, lr):\n    SGD(p, lr=lr)\nf(1, 0.5)", "def f(a, lr):\n    SGD(p, lr=lr)\nf(1, 0.25)"),
    "call over default": (
        "def f(lr=0.1):\n    SGD(p, lr=lr)\nf(lr=0.5)",
        "def f(lr=0.1):\n    SGD(p, lr=lr)\nf(lr=0.25)",
    ),
    "class": (
        "class A:\n    def __init__(self, lr=0.1):\n        self.lr = lr\n    def g(self):\n        SGD(p, "
        "lr=self.lr)\nA(0.5)",
        "class A:\n    def __init__(self, lr=0.1):\n        self.lr = lr\n    def g(self):\n        SGD(p, "
        "lr=self.lr)\nA(0.25)",
    ),
    "option": (
        "parser.add_argument('--learning-rate', '-l', type=float, default=0.5)\nSGD(p, "
        "lr=args.learning_rate)",
        "parser.add_argument('--learning-rate', '-l', type=float, default=0.25)\nSGD(p, "
        "lr=args.learning_rate)",
    ),
    "destination": (
        "parser.add_argument('-l', dest='rate', default=0.5)\nSGD(p, lr=args.rate)",
        "parser.add_argument('-l', dest='rate', default=0.25)\nSGD(p, lr=args.rate)",
    ),
    "field": (
        "class Config:\n    lr: float = 0.5\nSGD(p, lr=config.lr)",
        "class Config:\n    lr: float = 0.25\nSGD(p, lr=config.lr)",
    ),
    "dictionary": (
        "config = {'lr': 0.5, 'n': 3}\nSGD(p, lr=config['lr'])",
        "config = {'lr': 0.25, 'n': 3}\nSGD(p, lr=config['lr'])",
    ),
    "cast": ("LR = 0.5\nSGD(p, lr=float(LR))", "LR = 0.25\nSGD(p, lr=float(LR))"),
    "computed": ("SGD(p, lr=0.1 * 5)", "SGD(p, lr=0.25)"),
    "assigned twice": ("LR = 0.5\nLR = 0.6\nSGD(p, lr=LR)", "LR = 0.5\nLR = 0.6\nSGD(p, lr=0.25)"),
    "circle": ("LR = LR\nSGD(p, lr=LR)", "LR = LR\nSGD(p, lr=0.25)"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_number_is_changed_where_it_is_written(name: str) -> None:
    text, expected = CASES[name]
    code = Code(text)
    value = value_of(code, code.calls("SGD")[0].keywords[0].value)
    assert apply(text, [value.change(code, 0.25)]) == expected
    assert value.now == (None if name in {"computed", "assigned twice", "circle"} else 0.5)


def test_an_option_on_the_command_line_hides_its_default() -> None:
    text = "parser.add_argument('--lr', default=0.5)\nSGD(p, lr=args.lr)"
    for given in (["--lr", "0.1"], ["--lr=0.1"]):
        code = Code(text, given=given)
        value = value_of(code, code.calls("SGD")[0].keywords[0].value)
        assert apply(text, [value.change(code, 0.25)]).endswith("SGD(p, lr=0.25)")


def test_whole_numbers_stay_whole_and_others_do_not() -> None:
    code = Code("a = 4\nb = 4.0")
    whole, real = (value_of(code, s.value) for s in code.tree.body)
    assert apply(code.text, [whole.change(code, 16), real.change(code, 16)]) == "a = 16\nb = 16.0"
    assert shown(12345.6) == "1.23e+04"
