"""What the user's code calls a module."""

import sys

import torch
from torch import nn

from fivefold.diagnosis.script.naming import name_of, names_of


def test_the_variable_of_the_innermost_function() -> None:
    outer = nn.Linear(1, 1)

    def inside(net: nn.Module) -> str:
        return name_of(net)

    assert inside(outer) == "net"


def test_the_attribute_of_a_module_that_has_a_name() -> None:
    model = nn.ModuleDict({"head": nn.Linear(1, 1)})
    assert name_of(model["head"]) == "head"


def test_the_class_where_nothing_names_it() -> None:
    assert name_of([nn.Linear(1, 1)][0], sys._getframe()) == "Linear"


def test_tensors_in_lists_and_dictionaries() -> None:
    weights = [torch.zeros(1), torch.zeros(2)]
    held = {"a.b": torch.zeros(3)}
    alone = torch.zeros(4)
    found = names_of([weights[1], held["a.b"], alone, torch.zeros(5)])
    assert found == ["weights[1]", "held['a b']", "alone", "tensor 3"]
