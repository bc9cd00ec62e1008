"""What tells one training from another prints the same in every process."""

import torch
from torch import nn

from fivefold.optimize.training.augmentation import Chain, Flip, Shift
from fivefold.optimize.training.data import open_rows
from fivefold.optimize.training.identity import describe_module, describe_setting, training_identity


def test_modules_differ_by_structure_not_by_weights_or_mode():
    first = describe_module(nn.Linear(3, 2))
    assert describe_module(nn.Linear(3, 2).eval()) == first
    for other in (nn.Linear(2, 3), nn.Linear(3, 2).double(), nn.Sequential(nn.Linear(3, 2))):
        assert describe_module(other) != first
    drops = [describe_module(nn.Sequential(nn.Linear(1, 1), nn.Dropout(p))) for p in (0.1, 0.2)]
    assert drops[0] != drops[1]


def test_settings_show_no_address():
    class Plain:
        def __call__(self):
            return 0

    assert describe_setting(None) == "None"
    assert describe_setting(Chain(Shift(2), Flip())).startswith("Chain(steps=(Shift(pixels=2), Flip(")
    assert describe_setting(Plain()).endswith("Plain")
    assert describe_setting(lambda x: x).endswith("<lambda>")


def test_every_part_has_its_name():
    rows = open_rows((torch.ones(4, 1), torch.ones(4)), 2, torch.device("cpu"))
    found = training_identity(nn.Linear(1, 1), rows, rows, callbacks=(), learning_rate=0.1, optimizer="sgd")
    assert set(found) == {"module", "data", "validation", "callbacks", "learning rate", "optimizer"}
    assert found["callbacks"] == "none"
    assert found["validation"] == found["data"]
