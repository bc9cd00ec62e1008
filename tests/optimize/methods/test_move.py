"""The record of a step."""

import dataclasses

import pytest
import torch

from fivefold.optimize import Move


def test_a_move_is_not_changed_in_place():
    one = torch.ones(1)
    move = Move(one, one[:, None], one, one[:, None], one > 0, one < 0, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        move.evaluations = 2
    assert dataclasses.replace(move, evaluations=3).evaluations == 3
