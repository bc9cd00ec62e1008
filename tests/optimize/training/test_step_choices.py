"""Layout and precision change the way, not the answer; what was measured leaves no trace."""

from functools import partial
from itertools import repeat

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize.training import step_choices
from fivefold.optimize.training.step_choices import (
    StepChoices,
    as_layout,
    choose_step,
    has_bfloat16_products,
    set_layout,
)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(8 * 36, 4)
    )


def batch(n=16):
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(n) % 4


LOSS = nn.functional.cross_entropy


def test_measuring_leaves_module_and_generators_as_they_were():
    net = network()
    before, state = {k: v.clone() for k, v in net.state_dict().items()}, torch.get_rng_state()
    chosen = choose_step(net, LOSS, batch(), precision="auto", planned=1000)
    assert set(chosen.seconds) >= {"contiguous, full", "channels-last, full"}
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert net.training
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize(
    ("likely", "other"), [("contiguous", "channels-last"), ("channels-last", "contiguous")]
)
@pytest.mark.parametrize(("seconds", "taken"), [(0.5, True), (0.95, False)])
def test_leaving_the_likely_layout_needs_a_clear_gain(monkeypatch, likely, other, seconds, taken):
    answers = iter([(each, torch.tensor(1.0)) for each in (1.0, seconds)])
    monkeypatch.setattr(step_choices, "_likely_layout", lambda device: likely)
    monkeypatch.setattr(step_choices, "_rehearse", lambda *_: partial(next, repeat(next(answers))))
    assert choose_step(network(), LOSS, batch(), planned=2000).layout == (other if taken else likely)


@pytest.mark.parametrize(("times", "measured"), [((1.0, 0.5), 2), ((0.5, 1.0), 2), ((1.0, 0.9), 4)])
def test_what_is_clear_is_measured_once(monkeypatch, times, measured):
    """After the warm-up; a case in between three times."""
    calls, answers = [0, 0], iter(enumerate(times))

    def rehearse(*_):
        place, seconds = next(answers)

        def step():
            calls[place] += 1
            return seconds, torch.tensor(1.0)

        return step

    monkeypatch.setattr(step_choices, "_rehearse", rehearse)
    choose_step(network(), LOSS, batch(), planned=2000)
    assert calls == [measured, measured]


def test_bfloat16_needs_the_same_loss_as_well(monkeypatch):
    monkeypatch.setattr(step_choices, "has_bfloat16_products", lambda device: True)
    for other, expected in ((1.01, "bfloat16"), (1.2, "full"), (torch.nan, "full")):
        answers = iter([(1.0, torch.tensor(1.0)), (0.1, torch.tensor(other))])
        monkeypatch.setattr(step_choices, "_rehearse", lambda *_, a=answers: partial(next, repeat(next(a))))
        chosen = choose_step(nn.Linear(2, 1), LOSS, (torch.ones(2, 2),), precision="auto", planned=1000)
        assert chosen.precision == expected
    monkeypatch.setattr(step_choices, "has_bfloat16_products", lambda device: False)
    plain = choose_step(nn.Linear(2, 1), LOSS, (torch.ones(2, 2),), precision="auto", planned=1000)
    assert plain.seconds == {}


@pytest.mark.parametrize(
    ("rows", "planned", "each", "times"),
    [
        (128, 20, 8, 1),
        (128, 60, 24, 1),
        (128, 160, 32, 3),
        (32, 80, 8, 1),
        (512, 40, 64, 1),
        (512, 160, 128, 3),
    ],
)
def test_measuring_takes_an_eightieth_of_the_training_at_most(monkeypatch, rows, planned, each, times):
    """In rows, which the steps on both copies count themselves; none where one timing would take more."""
    seen = []

    def rehearse(module, loss, part, choices):
        def step():
            seen.append(len(part[0]))
            return 1.0 if choices.layout == likely else 0.9, torch.tensor(1.0)

        return step

    monkeypatch.setattr(step_choices, "_rehearse", rehearse)
    likely = step_choices._likely_layout(torch.device("cpu"))
    choose_step(network(), LOSS, batch(rows), planned=planned)
    assert seen == [each] * 2 * (times + 1)
    assert sum(seen) <= rows * planned / 80
    seen.clear()
    assert choose_step(network(), LOSS, batch(rows), planned=2559 // rows).layout == likely
    assert seen == []


def test_an_accelerator_is_filled_or_nothing_is_measured():
    """A quarter of a batch and at least 32 rows, however short the training."""
    for rows, planned, expected in ((256, 79, 0), (256, 80, 1), (32, 319, 0), (32, 320, 1)):
        probed, times = step_choices._probe(rows, planned, torch.device("cuda"))
        assert (probed, times) == (max(32, rows // 4), expected)


def test_short_trainings_tables_and_given_choices_are_not_measured(monkeypatch):
    monkeypatch.setattr(step_choices, "_rehearse", None)
    likely = step_choices._likely_layout(torch.device("cpu"))
    assert choose_step(network(), LOSS, batch(), planned=79).layout == likely
    assert step_choices._likely_layout(torch.device("cuda")) == "contiguous"
    assert choose_step(nn.Linear(2, 1), LOSS, (torch.ones(2, 2),), planned=1000).layout == "contiguous"
    given = choose_step(network(), LOSS, batch(), layout="channels-last", precision="bfloat16", planned=1000)
    assert (given.layout, given.precision) == ("channels-last", "bfloat16")


def test_channels_last_gives_the_same_numbers():
    net = network().eval()
    X, _ = batch()
    plain = net(X)
    ordered = set_layout(network(), "channels-last").eval()(as_layout(X, "channels-last"))
    torch.testing.assert_close(ordered, plain, rtol=1e-5, atol=1e-5)
    assert as_layout(torch.ones(2, 2), "channels-last").shape == (2, 2)


def test_records_and_devices():
    record = StepChoices(layout="channels-last", parts=2).to_record()
    assert StepChoices(**record) == StepChoices(layout="channels-last", parts=2)
    assert has_bfloat16_products(torch.device("meta")) is False
    assert isinstance(has_bfloat16_products(torch.device("cpu")), bool)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "rows"}, "a layout among"),
        ({"precision": "half"}, "a precision"),
        ({"parts": 0}, "1 part"),
    ],
)
def test_unknown_choices_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        choose_step(network(), LOSS, batch(), **settings)
