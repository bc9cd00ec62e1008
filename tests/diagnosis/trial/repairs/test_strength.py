"""Decay, dropout, penalties, clipping, batches."""

import pytest

DECAY = "import torch\nopt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=20.0)\n"


def last(made: list[list[str]]) -> list[str]:
    return [version[-1] for version in made]


def test_decay(changed) -> None:
    made = [line.partition("1e-3, ")[2] for line in last(changed("regularisation.decay", DECAY))]
    assert made == ["weight_decay=0.01)", "weight_decay=0.0001)", "weight_decay=0.0)"]
    assert changed("regularisation.decay", "import torch\ntorch.optim.SGD(p)")[0][0].startswith("unsure")


def test_the_decay_of_adam_is_taken_out_of_its_gradient(changed) -> None:
    text = DECAY.replace("AdamW", "Adam").replace("20.0", "0.05")
    first, *others = changed("regularisation.decay", text)
    assert first[-1] == "+ opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)"
    assert len(others) == 3
    by_name = "from torch.optim import Adam\nimport torch\nopt = Adam(p, lr=1e-3, weight_decay=0.05)\n"
    assert "torch.optim.AdamW(p" in changed("regularisation.decay", by_name)[0][-1]
    large = changed("regularisation.decay", text.replace("0.05", "20.0"))
    assert all("AdamW" not in version[-1] for version in large)


def test_dropout(changed) -> None:
    text = """
    from torch import nn
    class A(nn.Module):
        def __init__(self, dropout=0.9):
            self.a = nn.Dropout(dropout)
            self.b = nn.Dropout(p=0.8)
            self.c = nn.Dropout(0.1)
    """
    assert changed("regularisation.dropout", text)[0][2:] == [
        "+ def __init__(self, dropout=0.3):",
        "+ self.b = nn.Dropout(p=0.3)",
    ]
    assert changed("regularisation.dropout", "nn.Dropout(0.1)")[0][0].startswith("unsure")


def test_a_penalty_is_known_by_its_name(changed) -> None:
    text = "def f(a, kl, beta=20.0):\n    return a + beta * kl\n"
    assert changed("latent.collapsed", text)[0][-1] == "+ def f(a, kl, beta=1.0):"
    assert changed("regularisation.penalty", "loss = a + L1 * b\nL1 = 5.0\n")[0][-1] == "+ L1 = 1.0"
    assert changed("regularisation.penalty", "loss = a * b\n")[0][0].startswith("unsure")
    two = "BETA = 2.0\nLAMBDA = 3.0\nloss = BETA * a + LAMBDA * b\n"
    assert "several" in changed("regularisation.penalty", two)[0][0]


def test_clipping(changed, repair) -> None:
    text = "import torch\ntorch.nn.utils.clip_grad_norm_(p, 0.005)\nopt.step()\n"
    made = last(changed("clipping.always", text))
    assert [line.partition("p, ")[2] for line in made[:3]] == ["1.0)", "5.0)", "0.5)"]
    assert repair("clipping.always", text)[3] == "import torch\nopt.step()\n"
    assert changed("clipping.always", "x = 1")[0][0].startswith("unsure")


def test_an_exploding_gradient_is_clipped(changed) -> None:
    text = DECAY + "loss.backward()\nopt.step()\n"
    assert changed("gradient.explodes", text)[0] == [
        "+ torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)"
    ]
    inside = "import torch\ndef f(opt):\n    opt.step()\n"
    assert 'for p in group["params"]], 1.0)' in changed("gradient.explodes", inside)[0][0]
    assert changed("gradient.explodes", "x = 1")[0][0].startswith("unsure")


def test_overfitting_gets_decay_and_dropout(changed) -> None:
    text = "import torch\nm = Net(hidden=3, dropout=0.0)\nopt = torch.optim.Adam(p, lr=0.1)\n"
    assert last(changed("fit.overfits", text)) == [
        "+ m = Net(hidden=3, dropout=0.4)",
        "+ opt = torch.optim.Adam(p, lr=0.1, weight_decay=0.01)",
    ]
    assert changed("fit.overfits", "x = 1")[0][0].startswith("unsure")


@pytest.mark.parametrize(
    "text",
    [
        "loader = DataLoader(rows, batch_size=2)\n",
        "BATCH = 2\nx = rows[:BATCH]\n",
        "p.add_argument('--batch-size', default=2)\nx = rows[:args.batch_size]\n",
    ],
)
def test_batches_grow(repair, text: str) -> None:
    assert repair("normalisation.small-batch", text)[0] == text.replace("2", "32")


def test_other_settings(changed) -> None:
    assert changed("normalisation.small-batch", "x = 1")[0][0].startswith("unsure")
    assert changed("regularisation.smoothing", "f(label_smoothing=0.9)")[0][-1] == "+ f(label_smoothing=0.1)"
    assert changed("regularisation.smoothing", "x = 1")[0][0].startswith("unsure")
