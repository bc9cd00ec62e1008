"""What torch, the optimizer and the gradient reach."""

import pytest

CLASS = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self):
            self.sizes = [3, 4]
            self.layers = [nn.Linear(a, a) for a in self.sizes]
            self.heads = {"a": nn.Linear(3, 1)}
            self.more = []
            self.more.append(nn.Linear(3, 3))
        def forward(self, x):
            with torch.no_grad():
                h = self.a(x)
            z = Normal(h.detach(), 1).sample()
            return self.b(z.data)
    """


def test_plain_lists_of_layers_become_lists_of_modules(changed) -> None:
    assert changed("parameters.unregistered", CLASS) == [[
        "- self.layers = [nn.Linear(a, a) for a in self.sizes]",
        '- self.heads = {"a": nn.Linear(3, 1)}',
        "- self.more = []",
        "+ self.layers = nn.ModuleList([nn.Linear(a, a) for a in self.sizes])",
        '+ self.heads = nn.ModuleDict({"a": nn.Linear(3, 1)})',
        "+ self.more = nn.ModuleList([])",
    ]]  # fmt: skip
    assert changed("parameters.unregistered", "import torch\nx = [1]")[0][0].startswith("unsure")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for p in m.parameters():\n    p.requires_grad = False\nx = 1", "x = 1\n"),
        ("for p in m.parameters():\n    p.requires_grad_(False)\nx = 1", "x = 1\n"),
        ("e = nn.EmbeddingBag(3, 4).requires_grad_(False)", "e = nn.EmbeddingBag(3, 4)"),
        ("e = nn.Embedding.from_pretrained(w)", "e = nn.Embedding.from_pretrained(w, freeze=False)"),
        ("p.requires_grad = False\nq.requires_grad = True", "q.requires_grad = True"),
    ],
)
def test_layers_are_thawed(repair, text: str, expected: str) -> None:
    assert repair("parameters.frozen", text)[0].strip() == expected.strip()


def test_nothing_to_thaw(repair) -> None:
    assert repair("parameters.frozen", "x = 1")[0].startswith("unsure")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("model.head.parameters()", "model.parameters()"),
        ("self.model.head[0].parameters()", "self.model.parameters()"),
        ("list(model.a.parameters()) + list(model.b.parameters())", "model.parameters()"),
        ("[p for p in model.fc.parameters()]", "model.parameters()"),
    ],
)
def test_the_optimizer_gets_all(changed, given: str, expected: str) -> None:
    text = "import torch\nopt = torch.optim.Adam({}, lr=0.1)"
    made = changed("parameters.outside-optimizer", text.format(given))
    assert made == [[f"- {text.format(given).splitlines()[1]}", f"+ {text.format(expected).splitlines()[1]}"]]


def test_of_two_models_nothing_is_guessed(changed) -> None:
    text = "import torch\ntorch.optim.Adam(list(a.parameters()) + list(b.parameters()))"
    assert changed("parameters.outside-optimizer", text)[0][0].startswith("unsure")


def test_of_two_optimizers_of_one_model_one_gets_the_other(changed) -> None:
    text = """
    import torch
    gen, dis = Gen(), Dis()
    opt_g = torch.optim.Adam(dis.parameters(), lr=1e-3)
    opt_d = torch.optim.Adam(dis.parameters(), lr=1e-3)
    gen.train(), dis.train()
    """
    likely, other = changed("parameters.outside-optimizer", text)
    assert likely == [
        "- opt_g = torch.optim.Adam(dis.parameters(), lr=1e-3)",
        "+ opt_g = torch.optim.Adam(gen.parameters(), lr=1e-3)",
    ]
    assert other[-1] == "+ opt_d = torch.optim.Adam(gen.parameters(), lr=1e-3)"


def test_a_table_of_a_data_set_cuts_no_graph(changed) -> None:
    text = "from sklearn.datasets import load_digits\nx = load_digits().data\n"
    assert changed("gradient.detached", text)[0][0].startswith("unsure")


def test_each_cut_of_the_graph_is_taken_out_for_itself(changed) -> None:
    made = changed("gradient.detached", CLASS)
    assert ["- with torch.no_grad():", "- h = self.a(x)", "+ h = self.a(x)"] in made
    assert ["- z = Normal(h.detach(), 1).sample()", "+ z = Normal(h.detach(), 1).rsample()"] in made
    assert ["- z = Normal(h.detach(), 1).sample()", "+ z = Normal(h, 1).sample()"] in made
    assert ["- return self.b(z.data)", "+ return self.b(z)"] in made
    assert changed("gradient.detached", "x = 1")[0][0].startswith("unsure")
