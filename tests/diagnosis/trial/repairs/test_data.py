"""How examples are drawn and scaled."""

import pytest
import torch
from torch import nn


def test_a_loader_shuffles(repair) -> None:
    text = "a = DataLoader(valid, batch_size=8)\nb = DataLoader(train, batch_size=8, shuffle=False)\n"
    made = repair("data.ordered", text)
    assert made[0] == text.replace("shuffle=False", "shuffle=True")
    assert made[1].startswith("a = DataLoader(valid, batch_size=8, shuffle=True)")
    assert repair("data.ordered", "DataLoader(train, sampler=s)")[0].startswith("unsure")


def test_an_order_that_sorts_becomes_random(repair) -> None:
    text = "import torch\nfor e in range(3):\n    order = torch.argsort(y)\n"
    assert repair("data.ordered", text)[0].endswith("    order = torch.randperm(len(y))\n")


def test_slices_are_taken_from_shuffled_rows(repair) -> None:
    text = """
    for e in range(3):
        for i in range(0, len(x), 8):
            loss = crit(net(x[i : i + 8]), y[i : i + 8])
            loss.backward()
    """
    assert repair("data.ordered", text)[0].splitlines()[1:4] == [
        "    shuffled = torch.randperm(len(x))",
        "    x, y = x[shuffled], y[shuffled]",
        "    for i in range(0, len(x), 8):",
    ]
    ordered = text.replace("x[i : i + 8]", "x[order[i : i + 8]]").replace(
        "y[i : i + 8]", "y[order[i : i + 8]]"
    )
    assert repair("data.ordered", ordered)[0].startswith("unsure")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for x in d:\n    torch.manual_seed(0)\n    f(x)\n", "for x in d:\n    f(x)\n"),
        ("for x in d:\n    s.rng = np.random.default_rng(3)\n    f(x)\n", "for x in d:\n    f(x)\n"),
        (
            "def draw():\n    g = torch.Generator().manual_seed(0)\n"
            "    return torch.randint(0, 9, (3,), generator=g)\n"
            "for i in range(3):\n    draw()\n",
            "def draw():\n    return torch.randint(0, 9, (3,))\nfor i in range(3):\n    draw()\n",
        ),
        (
            "rows = torch.randint(0, B, (B,))\nx = train[rows]\n",
            "rows = torch.randint(0, len(train), (B,))\nx = train[rows]\n",
        ),
        (
            "rows = torch.randint(B, (B,))\nx = train[rows]\n",
            "rows = torch.randint(len(train), (B,))\nx = train[rows]\n",
        ),
    ],
)
def test_batches_are_drawn_anew(repair, text: str, expected: str) -> None:
    assert repair("data.repeated", text)[0] == expected


def test_a_seed_before_the_loop_stays(repair) -> None:
    assert repair("data.repeated", "torch.manual_seed(0)\nfor x in d:\n    f(x)\n")[0].startswith("unsure")


def test_inputs_are_standardised_by_a_first_layer(repair) -> None:
    text = "from torch import nn\nmodel = Net(30)\nopt = SGD(model.parameters(), lr=0.1)\n"
    table, images = (made.splitlines()[2] for made in repair("inputs.scale", text))
    assert table == "model = nn.Sequential(nn.LazyBatchNorm1d(affine=False, momentum=None), model)"
    assert images == table.replace("1d", "2d")
    assert repair("inputs.scale", "x = 1")[0].startswith("unsure: no line")


def test_the_numbers_among_several_inputs_are_standardised_by_a_hook(repair) -> None:
    text = "from torch import nn\nmodel = Net(30)\nopt = SGD(model.parameters())\ny = model(codes, x, more)\n"
    (made,) = repair("inputs.scale", text)

    class Net(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(
            self, codes: torch.Tensor, x: torch.Tensor, more: torch.Tensor
        ) -> tuple[torch.Tensor, ...]:
            return codes, x, more

    torch.manual_seed(0)
    x = torch.randn(64, 3) * 50.0 + 900.0
    names = {"Net": Net, "SGD": lambda _: None, "codes": torch.arange(64), "x": x, "more": x}
    exec(made, names)
    codes, scaled, more = names["y"]
    assert torch.equal(codes, torch.arange(64))
    assert torch.equal(more, x)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(3), rtol=1e-3, atol=0.0)
    assert len(list(names["model"].parameters())) == 2
    torch.testing.assert_close(
        names["model"].eval()(codes, x, more)[1].mean(0), torch.zeros(3), rtol=0, atol=1e-3
    )


def test_the_layer_makes_columns_standard_and_learns_nothing() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3) * torch.tensor([1.0, 50.0, 1e-3]) + torch.tensor([0.0, 900.0, 0.0])
    model = nn.Sequential(nn.LazyBatchNorm1d(affine=False, momentum=None), nn.Identity())
    assert not list(model.parameters())
    model(x)
    held_out = model.eval()(x)
    # The variance of 1e-6 meets batch norm's eps of 1e-5: that column comes out smaller.
    assert held_out.mean(0).abs().max() < 1e-3
    torch.testing.assert_close(held_out.std(0)[:2], torch.ones(2), rtol=1e-3, atol=0.0)


def test_rare_classes_weigh_more(repair, picture) -> None:
    text = "import torch\ncrit = torch.nn.CrossEntropyLoss()\n"
    made = repair("imbalance.classes", text, picture=picture(share=[(0, 0.8), (1, 0.2)]))
    assert made[0].endswith("CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))\n")
    assert repair("imbalance.classes", text)[0].startswith("unsure")
    assert repair("imbalance.classes", "import torch", picture=picture(share=[(0, 0.8), (1, 0.2)]))[
        0
    ].startswith("unsure")


def test_rare_classes_are_drawn_more_often(repair, picture) -> None:
    text = """
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    torch.manual_seed(0)
    sampler = None
    rows = TensorDataset(torch.zeros(100, 2), (torch.arange(100) >= 4).float())
    loader = DataLoader(rows, batch_size=10, shuffle=True)
    """
    root, whole = repair("imbalance.classes", text, picture=picture(share=[(0, 0.04), (1, 0.96)]))
    for made, expected in ((root, 1 / (1 + 24**0.5)), (whole, 0.5)):
        space: dict[str, object] = {}
        exec(made, space)
        assert space["sampler"] is None
        drawn = torch.cat([y for _ in range(40) for _, y in space["loader"]])  # type: ignore[attr-defined]
        # 4000 draws: four standard errors are at most 0.032.
        assert abs((drawn == 0).float().mean().item() - expected) < 0.032
    two = text.replace("loader =", "DataLoader(rows, shuffle=True)\n    loader =")
    assert repair("imbalance.classes", two, picture=picture(share=[(0, 0.04), (1, 0.96)]))[0].startswith(
        "unsure"
    )
