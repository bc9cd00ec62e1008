"""First weights, dead units, vanishing gradients."""

NET = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self):
            self.act = nn.Sigmoid()
            for layer in self.layers:
                nn.init.normal_(layer.weight, std=4.0)
                nn.init.zeros_(layer.bias)
        def forward(self, x):
            return torch.sigmoid(x)
    """


def ways(made: list[list[str]]) -> list[str]:
    return [" ".join(line for line in version if line.startswith("+")) for version in made]


def test_weights_are_drawn_anew(changed, repair) -> None:
    assert ways(changed("initialisation.too-large", NET)) == [
        "+ nn.init.xavier_uniform_(layer.weight)",
        "+ nn.init.kaiming_normal_(layer.weight)",
        "",
    ]
    assert "normal_(layer" not in repair("initialisation.too-large", NET)[-1]
    assert changed("initialisation.too-small", "x = 1")[0][0].startswith("unsure")


def test_embeddings_are_drawn_small(changed) -> None:
    text = NET.replace("for layer in self.layers", "for layer in [nn.Embedding(3, 4)]")
    assert "+ nn.init.normal_(layer.weight, std=0.02)" in ways(changed("initialisation.too-large", text))


def test_recurrent_weights_are_orthogonal(changed) -> None:
    text = NET.replace("layer.weight, std=4.0", "self.rnn.weight_hh_l0, std=4.0")
    assert (
        ways(changed("initialisation.too-large", text))[0] == "+ nn.init.orthogonal_(self.rnn.weight_hh_l0)"
    )


def test_weights_set_in_place(changed) -> None:
    text = "from torch import nn\nlayer.weight.data.normal_(0, 4)\nlayer.weight.data.fill_(0.5)\n"
    made = ways(changed("initialisation.constant", text))
    assert made[0] == "+ nn.init.xavier_uniform_(layer.weight) + nn.init.xavier_uniform_(layer.weight)"


def test_dead_units_get_their_biases_back_or_leak(repair, changed) -> None:
    text = NET.replace("nn.init.zeros_(layer.bias)", "nn.init.constant_(layer.bias, -4.0)")
    assert "constant_" not in repair("units.dead", text)[0]
    alone = "from torch import nn\nfor c in convs:\n    nn.init.constant_(c.bias, -4.0)\na = nn.ReLU()\n"
    biases, leaky = repair("units.dead", alone)
    assert biases == "from torch import nn\na = nn.ReLU()\n"
    assert leaky.endswith("a = nn.LeakyReLU()\n")
    assert changed("units.dead", "x = 1")[0][0].startswith("unsure")


def test_sigmoids_that_let_the_gradient_vanish(changed) -> None:
    tanh, relu, *_ = changed("gradient.vanishes", NET)
    assert tanh[-2:] == ["+ self.act = nn.Tanh()", "+ return torch.tanh(x)"]
    assert relu[-2:] == ["+ self.act = nn.ReLU()", "+ return torch.relu(x)"]
    assert changed("gradient.vanishes", "x = 1")[0][0].startswith("unsure")


def test_a_large_gain_becomes_one(changed) -> None:
    text = "import torch.nn as nn\nnn.init.orthogonal_(a.weight, 100)\nnn.init.orthogonal_(b.weight, 1.4)\n"
    assert changed("initialisation.too-large", text)[0] == [
        "- nn.init.orthogonal_(a.weight, 100)",
        "+ nn.init.orthogonal_(a.weight, 1.0)",
    ]
    named = text.replace("100", "gain=100")
    assert changed("initialisation.too-large", named)[0][-1] == "+ nn.init.orthogonal_(a.weight, gain=1.0)"
    usual = changed("initialisation.too-large", text.replace("100", "1.0"))
    assert "xavier_uniform_" in usual[0][-1]
