"""Losses that pull the wrong way, and orders that do not match."""

import pytest


def test_a_swap_on_the_line_is_taken_out(changed) -> None:
    text = """
    x = rows.transpose(0, 1)
    loss = crit(net(x).transpose(0, 1).reshape(-1, 5), y.reshape(-1))
    """
    assert changed("axis.targets", text, line=2) == [
        [
            "- loss = crit(net(x).transpose(0, 1).reshape(-1, 5), y.reshape(-1))",
            "+ loss = crit(net(x).reshape(-1, 5), y.reshape(-1))",
        ]
    ]
    assert len(changed("axis.targets", text)) == 2
    assert changed("axis.targets", "a = x.t()\n")[0][-1] == "+ a = x"
    assert changed("axis.targets", "a = x.transpose(1, 2)\n")[0][0].startswith("unsure: no transpose")
    assert changed("axis.targets", "a = transpose(0, 1)\n")[0][0].startswith("unsure")


def test_weights_are_inverted_or_left_out(changed) -> None:
    text = "from torch import nn\ncrit = nn.CrossEntropyLoss(weight=n / n.sum())\n"
    inverse, alike = changed("imbalance.weights", text)
    assert inverse[-1] == "+ crit = nn.CrossEntropyLoss(weight=1.0 / (n / n.sum()))"
    assert alike[-1] == "+ crit = nn.CrossEntropyLoss()"
    assert changed("imbalance.weights", "crit = CrossEntropyLoss()")[0][0].startswith("unsure: no weight=")


def test_the_weight_of_the_ones_is_inverted(changed) -> None:
    text = "from torch import nn\ncrit = nn.BCEWithLogitsLoss(pos_weight=ones / zeros)\n"
    inverse, alike = changed("imbalance.weights", text)
    assert inverse[-1] == "+ crit = nn.BCEWithLogitsLoss(pos_weight=1.0 / (ones / zeros))"
    assert alike[-1] == "+ crit = nn.BCEWithLogitsLoss()"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("h = net(x).view(n, t, c)", "h = net(x).transpose(1, 2)"),
        ("h = torch.reshape(relu(h), (n, t, c))", "h = relu(h).transpose(1, 2)"),
    ],
)
def test_a_view_becomes_a_transposition(changed, line: str, expected: str) -> None:
    made = changed("axis.view", f"import torch\n{line}\n", line=2, figures={"dims": (1, 2)})
    assert made == [[f"- {line}", f"+ {expected}"]]


def test_a_view_that_cannot_be_told(changed) -> None:
    line = "h = x.view(n, t, c)\n"
    for values in ({}, {"line": 1}, {"line": 1, "figures": {"dims": (0, 1, 2)}}):
        assert changed("axis.view", line, **values)[0][0].startswith("unsure: the view")
    two = changed("axis.view", "h = x.view(a, b) + y.view(a, b)", line=1, figures={"dims": (0, 1)})
    assert two[0][0].startswith("unsure: not the one view")


@pytest.mark.parametrize("product", ["log_prob * advantage", "alive * dist.logp * (returns - values)"])
def test_a_policy_climbs(changed, product: str) -> None:
    text = f"policy_loss = ({product}).mean()\nother = value * 2\n"
    assert changed("loss.policy-sign", text) == [
        [f"- policy_loss = ({product}).mean()", f"+ policy_loss = -(({product}).mean())"]
    ]
    right = text.replace("= (", "= -(", 1)
    assert changed("loss.policy-sign", right)[0][0].startswith("unsure: no product")


def test_the_generator_is_asked_for_the_real(changed) -> None:
    text = """
    import torch
    loss_d = crit(d(real), ones) + crit(d(made.detach()), fake)
    loss_g = crit(d(made), fake)
    """
    assert changed("loss.same-side", text) == [
        ["- loss_g = crit(d(made), fake)", "+ loss_g = crit(d(made), torch.ones_like(fake))"]
    ]
    right = text.replace("crit(d(made), fake)", "crit(d(made), ones)")
    assert changed("loss.same-side", right)[0][0].startswith("unsure: no loss of the generator")
    other = text.replace("crit(d(made), fake)", "crit(e(made), fake)")
    assert changed("loss.same-side", other)[0][0].startswith("unsure")
