"""What a loss is given."""

import pytest

from fivefold.diagnosis.finding import Place

NET = """
    import torch
    from torch import nn
    import torch.nn.functional as F
    class Net(nn.Module):
        def __init__(self):
            self.body = nn.Sequential(
                nn.Linear(3, 4),
                nn.{last}(),
            )
        def forward(self, x):
            h = {attention}
            return {returned}
    """


def net(last: str = "ReLU", attention: str = "self.body(x)", returned: str = "h") -> str:
    return NET.format(last=last, attention=attention, returned=returned)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (net("Sigmoid"), ["- nn.Sigmoid(),"]),
        (net(returned="F.softmax(h, dim=1)"), ["- return F.softmax(h, dim=1)", "+ return h"]),
        (net(returned="h.softmax(1)"), ["- return h.softmax(1)", "+ return h"]),
        (net(returned="torch.sigmoid(h)"), ["- return torch.sigmoid(h)", "+ return h"]),
        ("import torch\nloss = crit(torch.softmax(net(x), 1), y)", [
            "- loss = crit(torch.softmax(net(x), 1), y)", "+ loss = crit(net(x), y)"]),
    ],
)  # fmt: skip
def test_probabilities_are_taken_out(changed, text: str, expected: list[str]) -> None:
    assert changed("loss.probabilities", text)[0] == expected


def test_attention_inside_the_network_stays(changed) -> None:
    assert changed("loss.probabilities", net(attention="F.softmax(x, -1) @ x"))[0][0].startswith("unsure")
    evaluation = "import torch\nwith torch.no_grad():\n    p = torch.softmax(net(x), 1)\n"
    assert changed("loss.probabilities", evaluation)[0][0].startswith("unsure")


def test_a_last_activation_is_taken_out(changed) -> None:
    assert ["- nn.ReLU(),"] in changed("output.activation", net())
    own = (
        net()
        .replace("def forward", "    self.act = nn.Tanh()\n        def forward")
        .replace("return h", "return self.act(h)")
    )
    assert ["- return self.act(h)", "+ return h"] in changed("output.activation", own)


def test_cross_entropy_takes_the_place_of_nll(changed) -> None:
    text = "import torch\nimport torch.nn.functional as F\nF.nll_loss(a, b)\ntorch.nn.NLLLoss()(a, b)\n"
    assert changed("loss.not-log-probabilities", text) == [
        ["- F.nll_loss(a, b)", "- torch.nn.NLLLoss()(a, b)", "+ F.cross_entropy(a, b)",
         "+ torch.nn.CrossEntropyLoss()(a, b)"]]  # fmt: skip
    bare = "import torch\nfrom torch.nn.functional import nll_loss\nnll_loss(a, b)\n"
    assert "torch.nn.functional.cross_entropy(a, b)" in changed("loss.not-log-probabilities", bare)[0][1]
    assert changed("loss.not-log-probabilities", "x = 1")[0][0].startswith("unsure")


@pytest.mark.parametrize(
    ("line", "shapes", "expected"),
    [
        (
            "loss = ((net(x) - y) ** 2).mean()",
            ((32,), (32, 1)),
            "loss = ((net(x) - y.reshape(-1)) ** 2).mean()",
        ),
        ("loss = F.mse_loss(out, y)", ((32, 1), (32,)), "loss = F.mse_loss(out, y.reshape(-1, 1))"),
        (
            "loss = loss_fn(net(x), a + b)",
            ((8, 1, 3), (8, 3)),
            "loss = loss_fn(net(x), (a + b).reshape(-1, 1, 3))",
        ),
    ],
)
def test_shapes_are_matched(changed, line: str, shapes: tuple, expected: str) -> None:
    figures = dict(zip(("prediction", "target"), shapes, strict=True))
    made = changed("loss.broadcast", f"x = 1\n{line}\n", line=2, figures=figures)
    assert made[0] == [f"- {line}", f"+ {expected}"]


def test_shapes_that_cannot_be_matched(changed) -> None:
    for values in ({}, {"line": 1}, {"line": 1, "figures": {"prediction": (3, 1), "target": (4,)}}):
        assert changed("loss.broadcast", "x = 1\n", **values)[0][0].startswith("unsure")
    assert Place("a", 1).line == 1


def test_a_sum_becomes_a_mean(changed) -> None:
    text = """
    import torch
    crit = nn.CrossEntropyLoss(reduction="sum")
    loss = ((out - y) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        total = F.cross_entropy(out, y, reduction="sum")
    """
    made = changed("loss.sum", text)
    assert made == [
        ['- crit = nn.CrossEntropyLoss(reduction="sum")', '+ crit = nn.CrossEntropyLoss(reduction="mean")'],
        ["- loss = ((out - y) ** 2).sum()", "+ loss = ((out - y) ** 2).mean()"],
    ]
    assert changed("loss.sum", "x = 1")[0][0].startswith("unsure")


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            "loss.classes-together",
            "import torch.nn.functional as F\nF.cross_entropy(a, b)",
            "F.binary_cross_entropy_with_logits(a, b)",
        ),
        ("loss.classes-together", "from torch import nn\nnn.CrossEntropyLoss()", "nn.BCEWithLogitsLoss()"),
        ("loss.left-out", "F.cross_entropy(a, b, ignore_index=0)", "F.cross_entropy(a, b)"),
        ("loss.not-logarithms", "F.poisson_nll_loss(a, b)", "F.poisson_nll_loss(a, b, log_input=False)"),
        ("loss.sign", "loss = -crit(a, b)\nloss.backward()", "loss = crit(a, b)"),
        ("loss.sign", "(-loss).backward()", "(loss).backward()"),
        ("loss.trivial", "(m - d).clamp(max=0)", "(m - d).clamp(min=0)"),
    ],
)
def test_other_losses(changed, code: str, text: str, expected: str) -> None:
    assert changed(code, text)[0][-1] == f"+ {expected}"
    assert changed(code, "x = 1")[0][0].startswith("unsure")
