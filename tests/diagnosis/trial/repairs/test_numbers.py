"""Operations that are kept finite, and precision."""

import pytest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d = (a - b).pow(2).sum(1).sqrt()", "d = ((a - b).pow(2).sum(1) + 1e-8).sqrt()"),
        ("d = torch.sqrt(x)", "d = torch.sqrt((x + 1e-8))"),
        ("y = torch.log(p)", "y = torch.log((p + 1e-8))"),
        ("y = a / b", "y = a / (b + 1e-8)"),
        ("y = x ** 0.5", "y = (x + 1e-8) ** 0.5"),
        ("y = torch.exp(x)", "y = torch.exp((x).clamp(max=20.0))"),
        ("y = torch.acos(x)", "y = torch.acos((x).clamp(-1 + 1e-6, 1 - 1e-6))"),
        ("d = x.norm(dim=1)", "d = (x.pow(2).sum(dim=1) + 1e-8).sqrt()"),
    ],
)
def test_an_operation_on_its_line(repair, text: str, expected: str) -> None:
    assert f"import torch\n{expected}\n" in repair("nonfinite.operation", f"import torch\n{text}\n", line=2)


def test_masks_leave_every_row_one_score(repair) -> None:
    text = """
    m = torch.tril(torch.ones(3, 3), diagonal=-1)
    s = s.masked_fill(m == 0, float("-inf"))
    w = F.softmax(s, dim=-1)
    """
    made = repair("nonfinite.operation", text, line=3)
    assert "diagonal=0" in made[0]
    assert "masked_fill(m == 0, -1e9)" in made[1]


def test_lines_without_a_known_operation(repair) -> None:
    assert repair("nonfinite.gradient", "x = f(y)\n", line=1)[0].startswith("unsure: no operation on line 1")
    assert repair("nonfinite.gradient", "x = f(y)\n")[0].startswith("unsure: the line")


def test_full_precision(repair) -> None:
    text = "import torch\nnet = Net().half()\nnet.half()\nx = x.to(torch.float16)\n"
    (made,) = repair("precision.half-weights", text)
    assert made == "import torch\nnet = Net()\nx = x.to(torch.float32)\n"
    assert repair("precision.overflow", "x = 1")[0].startswith("unsure")


def test_eight_bits_become_float32(repair) -> None:
    text = "import numpy as np\nx = (a * 16).astype(np.uint8)\ny = b.astype('int8')\nz = b.astype(int)\n"
    wide = 'import numpy as np\nx = (a * 16).astype(np.float32)\ny = b.astype("float32")\nz = b.astype(int)\n'
    assert repair("precision.wrapped", text) == [wide]
    assert repair("precision.wrapped", "x = 1")[0].startswith("unsure")
