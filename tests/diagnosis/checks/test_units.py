"""Dead and saturated units."""

from torch import nn

from fivefold.diagnosis.checks.units import check_units


def test_dead(watched, digits, network) -> None:
    model = network(64, 32, 10)
    nn.init.constant_(model[0].bias, -20.0)
    found = check_units(watched(model, *digits, steps=3))
    assert [(f.code, f.confidence) for f in found] == [("units.dead", "high")]
    assert check_units(watched(network(64, 32, 10), *digits, steps=3)) == []


def test_dead_units_of_functions_are_seen_too(watched, digits) -> None:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)
            nn.init.constant_(self.a.bias, -20.0)

        def forward(self, x):
            return self.b(nn.functional.relu(self.a(x)))

    found = check_units(watched(Called(), *digits, steps=3))
    assert "relu 1 100%" in found[0].evidence


def test_saturated(watched, digits, network) -> None:
    x, y = digits
    found = check_units(watched(network(64, 32, 10, activation=nn.Tanh), 200 * x, y, steps=3))
    assert found[0].code == "units.saturated"
    assert check_units(watched(network(64, 32, 10, activation=nn.Tanh), x, y, steps=3)) == []
