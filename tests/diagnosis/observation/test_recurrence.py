"""States of recurrent layers, followed through single steps."""

import torch
from torch import Tensor, nn

from fivefold.diagnosis.observation.record import Recurrence
from fivefold.diagnosis.observation.recurrence import Recurrences


def counted(kind: str, states: str, calls: int = 4) -> Recurrence | None:
    found: dict[str, Recurrence] = {}
    following = Recurrences(found)
    layer = nn.GRU(2, 3, batch_first=True) if kind == "layer" else nn.GRUCell(2, 3)
    first = torch.zeros(1, 5, 3) if kind == "layer" else torch.zeros(5, 3)
    state: Tensor | None = first
    for _ in range(calls):
        x = torch.randn(5, 1, 2) if kind == "layer" else torch.randn(5, 2)
        given = {"carried": state, "restarted": first, "none": None, "other": torch.randn_like(first)}[states]
        out = layer(x, given)
        following.called("r", layer, (x, given), {}, out, 0)
        state = out[1] if kind == "layer" else out
    return found.get("r")


def test_states_carried_restarted_missing_and_made_anew() -> None:
    for kind in ("layer", "cell"):
        assert counted(kind, "carried") == Recurrence(carried=3)
        assert counted(kind, "restarted") == Recurrence(restarted=3)
        assert counted(kind, "none") == Recurrence(restarted=3)
        assert counted(kind, "other") == Recurrence(other=3)


def test_whole_sequences_are_not_steps() -> None:
    found: dict[str, Recurrence] = {}
    layer = nn.LSTM(2, 3, batch_first=True)
    following = Recurrences(found)
    for _ in range(3):
        x = torch.randn(5, 7, 2)
        following.called("r", layer, (x,), {}, layer(x), 0)
    assert found == {}
    # A single row each, called from outside: no step of one sequence.
    for _ in range(3):
        x = torch.randn(5, 1, 2)
        following.called("r", layer, (), {"input": x}, layer(x), -1)
    assert found == {"r": Recurrence(other=2)}
    following.called("r", layer, (nn.utils.rnn.pack_sequence([torch.randn(2, 2)]),), {}, None, 0)
    assert "r" not in following._given
