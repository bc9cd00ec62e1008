"""The scale of what is predicted."""

import textwrap

import pytest
import torch

LOADER = """
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset
    x, y = torch.zeros(4, 2), torch.tensor([[100.0, 0.1], [200.0, 0.3], [300.0, 0.2], [400.0, 0.4]])
    rows = TensorDataset(x, y - 1)
    loader = DataLoader(rows, batch_size=2, shuffle=True)
    model = nn.Linear(2, 2)
    opt = torch.optim.Adam(model.parameters())
    for a, b in loader:
        loss = (model(a) - b).square().mean()
        loss.backward()
        opt.step()
    """
SLICES = """
    import torch
    from torch import nn
    y_train = torch.tensor([100.0, 200.0, 300.0])
    spread = 1
    model = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    opt = torch.optim.Adam(model.parameters())
    for i in range(3):
        loss = (model(torch.zeros(3, 2)) - y_train[:]).square().mean()
        loss.backward()
        opt.step()
    """


@pytest.mark.parametrize(("text", "targets"), [(LOADER, "y - 1"), (SLICES, "y_train")])
def test_the_model_predicts_in_the_units_of_its_targets(repair, text: str, targets: str) -> None:
    (made,) = repair("targets.scale", text)
    space: dict = {}
    exec(made.partition("for ")[0], space)
    known = eval(targets, space)
    spread, middle = torch.std_mean(known, dim=0)
    model, x = space["model"], torch.ones(3, 2)
    inner = model.forward(x)
    torch.testing.assert_close(model(x), inner * spread + middle, rtol=1e-6, atol=0.0)
    assert middle.max() > 100.0


def test_a_name_of_the_script_is_left_alone(repair) -> None:
    (made,) = repair("targets.scale", SLICES)
    assert "spread_of_targets, middle = " in made
    assert "\nspread = 1\n" in made


def test_targets_that_are_not_known_yet_are_not_used(repair) -> None:
    text = textwrap.dedent(LOADER)
    first = text.replace("model = nn.Linear(2, 2)\n", "").replace("x, y =", "model = nn.Linear(2, 2)\nx, y =")
    assert repair("targets.scale", first)[0].startswith("unsure: no line was found")
    assert repair("targets.scale", "x = 1")[0].startswith("unsure")
