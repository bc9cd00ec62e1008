"""Activations, widths, axes, masks, states."""

import pytest


def test_an_activation_between_layers(repair) -> None:
    text = (
        "from torch import nn\nnn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))\n"
    )
    assert (
        "nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))"
        in repair("capacity.linear", text)[0]
    )
    items = "    nn.Conv2d(1, 2, 3),\n    nn.BatchNorm2d(2),\n    nn.Conv2d(2, 1, 3),\n"
    lines = f"from torch import nn\nnn.Sequential(\n{items})\n"
    assert "    nn.BatchNorm2d(2),\n    nn.ReLU(),\n    nn.Conv2d" in repair("capacity.linear", lines)[0]


def test_an_activation_at_the_end_of_a_block_that_is_used_twice(repair) -> None:
    block = "def block(a, b):\n    return nn.Sequential(nn.Linear(a, b))\n"
    text = f"from torch import nn\n{block}x = block(1, 2), block(2, 3)\n"
    assert "nn.Sequential(nn.Linear(a, b), nn.ReLU())" in repair("capacity.linear", text)[0]


def test_an_identity_in_the_place_of_an_activation(repair) -> None:
    text = "from torch import nn\nact = nn.Identity()\nskip = nn.Identity()\n"
    assert (
        repair("capacity.linear", text)[1] == "from torch import nn\nact = nn.Tanh()\nskip = nn.Identity()\n"
    )
    assert repair("capacity.linear", "from torch import nn\n")[0].startswith("unsure")


@pytest.mark.parametrize(
    "text",
    [
        "def f(hidden=2, k=2): pass\n",
        "Net(code_size=2, k=2)\n",
        "p.add_argument('--width', default=2)\n",
        "WIDTH = 2\n",
    ],
)
def test_a_width_is_widened_where_it_is_written(repair, text: str) -> None:
    first = text.split("2")[0]
    made = repair("capacity.small", text, figures={"units": 2.0})
    assert [m[: len(first) + 2].strip(",) ") for m in made] == [first + "16", first + "64"]


def test_a_width_in_the_layers_themselves(repair) -> None:
    text = "nn.Linear(64, 2)\nnn.Linear(2, 10)\n"
    made = repair("capacity.small", text, figures={"units": 2.0})
    assert made[0] == "nn.Linear(64, 16)\nnn.Linear(16, 10)\n"
    assert repair("capacity.small", text)[0].startswith("unsure")
    assert repair("capacity.small", "x = 1", figures={"units": 2.0})[0].startswith("unsure")


def test_the_batch_comes_first(repair) -> None:
    text = "from torch import nn\nnn.GRU(3, 4)\nnn.LSTM(3, 4, batch_first=True)\n"
    assert repair("batch.mixed", text)[0] == text.replace("GRU(3, 4)", "GRU(3, 4, batch_first=True)")
    assert repair("batch.mixed", "x = 1")[0].startswith("unsure")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F.softmax(x, dim=0)", "F.softmax(x, dim=-1)"),
        ("x.softmax(-2)", "x.softmax(-1)"),
        ("nn.LogSoftmax(dim=0)", "nn.LogSoftmax(dim=-1)"),
        ("x.log_softmax(dim=0)", "x.log_softmax(dim=-1)"),
    ],
)
def test_softmax_along_the_last_dimension(repair, text: str, expected: str) -> None:
    assert repair("axis.batch", f"y = F.softmax(x, dim=0)\n{text}\n", line=2)[0].splitlines() == [
        "y = F.softmax(x, dim=0)",
        expected,
    ]
    assert repair("axis.queries", "x = 1")[0].startswith("unsure")


def test_the_last_state(repair) -> None:
    text = "class A(B):\n    def forward(self, x):\n        return f(x[:, 0], x[0])\n"
    assert repair("inputs.ignored", text)[0] == text.replace("x[:, 0]", "x[:, -1]")
    assert repair("inputs.ignored", "y = x[:, 0]")[0].startswith("unsure")


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            "mask.future",
            "torch.tril(torch.ones(n, n), diagonal=1)",
            "torch.tril(torch.ones(n, n), diagonal=0)",
        ),
        ("mask.future", "torch.triu(m, diagonal=2)", "torch.triu(m, diagonal=1)"),
        ("mask.future", "nn.GRU(3, 4, bidirectional=True)", "nn.GRU(3, 4)"),
        (
            "mask.future",
            "F.scaled_dot_product_attention(q, k, v)",
            "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        ),
        ("mask.inverted", "ids.ne(PAD)", "ids.eq(PAD)"),
        ("mask.inverted", "ids != PAD", "ids == PAD"),
        ("mask.inverted", "s.masked_fill(~pad, -1e9)", "s.masked_fill(pad, -1e9)"),
        ("mask.unshifted", "x, y = t[:, 1:], t[:, 1:]", "x, y = t[:, :-1], t[:, 1:]"),
    ],
)
def test_masks(repair, code: str, text: str, expected: str) -> None:
    assert expected in repair(code, text)
    assert repair(code, "x = 1")[0].startswith("unsure")


def test_rows_are_stretches_of_a_sequence(repair) -> None:
    for turned in ("ids[:n].view(length, batch).t()", "ids[:n].view(length, batch).transpose(0, 1)"):
        assert repair("axis.time", f"x = {turned}\n") == ["x = ids[:n].view(batch, length)\n"]
    assert repair("axis.time", "x = y.t()")[0].startswith("unsure")
