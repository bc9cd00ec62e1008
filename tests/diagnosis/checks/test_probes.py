"""Questions to a model leave it as it was."""

import torch
from torch import nn

from fivefold.diagnosis.checks.probes import ask, differs, first_tensor, in_evaluation, last_call


def test_modes_buffers_and_generator_are_put_back() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[1].eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    with in_evaluation(model):
        assert not model[0].training
        assert not torch.is_grad_enabled()
        torch.rand(3)
        model.train()
        model(torch.randn(8, 3))
    assert model[0].training
    assert not model[1].training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_the_last_call_can_be_asked_again(watched, digits, network) -> None:
    record = watched(network(64, 8, 10), *digits, steps=2)
    tape, entry = last_call(record)
    x = first_tensor(entry)
    assert torch.equal(ask(entry, x)[0], entry.call(x))
    assert tape is record.tapes[-1]


def test_differences_beyond_rounding() -> None:
    a = torch.tensor([1.0, 100.0])
    assert not differs(a, a + 1e-3)
    assert differs(a, a + 0.1)
    assert not differs(torch.empty(0), torch.empty(0))
