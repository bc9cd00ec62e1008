"""The record's own names."""

from torch import nn

from fivefold.diagnosis.observation.record import Record


def test_names_of_several_models() -> None:
    record = Record(model={"g": nn.Linear(1, 1), "d": nn.Sequential(nn.Linear(1, 1))})
    assert [name for name, _ in record.parameters()] == ["g.weight", "g.bias", "d.0.weight", "d.0.bias"]
    assert [name for name, _ in record.modules()] == ["g", "d", "d.0"]
