"""Rates and schedulers beside the training that they are meant for."""

import pytest
import torch
from torch.optim import lr_scheduler

from fivefold.diagnosis.checks.schedule import check_schedule
from fivefold.diagnosis.observation.record import Group, Record, Step
from fivefold.diagnosis.observation.schedules import Schedule, described


def at(rates: list[float], *schedules: Schedule, ended: bool = True) -> Record:
    steps = [Step(i, groups=[Group("SGD", {"lr": r}, ())]) for i, r in enumerate(rates)]
    return Record(steps=steps, count=len(steps), schedules=list(schedules), ended=ended)


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        ([0.1 * 0.5**i for i in range(30)], ("schedule.ends-early", "high")),
        ([0.1] * 5 + [0.004] * 25, ("schedule.ends-early", "medium")),
        ([0.1 * (1 - i / 30) for i in range(30)], None),
        ([0.1] * 30, None),
        ([0.1] * 28 + [1e-4] * 2, None),
        ([0.1] * 10 + [0.01] * 10 + [0.001] * 10, None),
        ([0.001 * 1.2**i for i in range(30)], ("schedule.grows", "high")),
        ([1e-6 * 2**i for i in range(30)], ("schedule.grows", "medium")),  # as a range test does
        ([0.01 * i for i in range(1, 11)] + [0.1] * 20, None),  # a warm-up that ends
        ([0.1, 0.05, 0.001] * 5 + [0.1, 0.1], ("schedule.restarts", "medium")),
        ([0.0] * 30, ("schedule.zero", "high")),
    ],
)
def test_curves_of_the_rate(rates: list[float], found: tuple[str, str] | None) -> None:
    assert [(f.code, f.confidence) for f in check_schedule(at(rates))] == ([found] if found else [])
    # The same where three updates were watched and the rest is known from its changes alone.
    few = at(rates)
    few.steps = few.steps[:3]
    few.rates = [(i, r) for i, r in enumerate(rates) if i == 0 or r != rates[i - 1]]
    assert [(f.code, f.confidence) for f in check_schedule(few)] == ([found] if found else [])


@pytest.mark.parametrize(
    ("schedule", "found"),
    [
        (Schedule("OneCycleLR", {"total_steps": 900.0}, 3), ("schedule.unfinished", "high")),
        # Moved at each of 30 updates, it is the training that is too short.
        (Schedule("OneCycleLR", {"total_steps": 900.0}, 30), ("schedule.unfinished", "medium")),
        (Schedule("OneCycleLR", {"total_steps": 30.0}, 30), None),
        (Schedule("CosineAnnealingLR", {"T_max": 100.0}, 30), ("schedule.unfinished", "medium")),
        (Schedule("CosineAnnealingLR", {"T_max": 5.0}, 30), ("schedule.restarts", "high")),
        (Schedule("CosineAnnealingLR", {"T_max": 30.0}, 30), None),
        (Schedule("ExponentialLR", {"gamma": 0.9}, 0), ("schedule.never-moved", "high")),
        (Schedule("ReduceLROnPlateau", {"factor": 0.1}, 0), None),
        (Schedule("StepLR", {"step_size": 50.0}, 30), ("schedule.idle", "medium")),
        (Schedule("MultiStepLR", {"first_milestone": 20.0}, 30), None),
    ],
)
def test_counts_of_schedulers(schedule: Schedule, found: tuple[str, str] | None) -> None:
    rates = [0.1 - 1e-6 * i for i in range(30)]
    assert [(f.code, f.confidence) for f in check_schedule(at(rates, schedule))] == ([found] if found else [])
    # While the training goes on, its schedule need not be at its end.
    going_on = check_schedule(at(rates, schedule, ended=False))
    assert going_on == []


def test_a_schedule_that_is_never_moved_in_a_training(watched, digits, network) -> None:
    def with_steps(every: int | None) -> Record:
        model = network(64, 16, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)

        def each(step: int) -> None:
            if every and step % every == 0:
                scheduler.step()

        return watched(model, *digits, optimizer=optimizer, steps=12, each=each)

    assert check_schedule(with_steps(1)) == []
    assert check_schedule(with_steps(None))[0].code == "schedule.never-moved"
    assert check_schedule(with_steps(6))[0].code == "schedule.unfinished"


def test_a_training_of_which_only_the_start_was_watched() -> None:
    record = at([0.1, 0.11, 0.12])
    record.count = 300
    assert [f.code for f in check_schedule(record)] == []


@pytest.mark.parametrize(
    ("planned", "end", "found"),
    [
        (1.0, 0.05, [("schedule.ends-early", "high")]),
        (2.0, 0.15, [("schedule.ends-early", "medium")]),
        (60.0, 0.05, []),  # as many as there are
        (30.0, 0.05, []),  # over at half of them
        (1.0, 0.5, []),  # it takes little away
    ],
)
def test_a_decay_that_is_over_at_once(planned: float, end: float, found: list[tuple[str, str]]) -> None:
    rates = [0.1 * (1.0 - (1.0 - end) * min(i / planned, 1.0)) for i in range(60)]
    seen = at(
        rates, Schedule("LinearLR", {"total_iters": planned, "end_factor": end, "start_factor": 1.0}, 60)
    )
    assert [(f.code, f.confidence) for f in check_schedule(seen)] == found


@pytest.mark.parametrize(
    ("first_cut", "falls", "confidence"), [(6, True, "high"), (6, False, "medium"), (12, True, "medium")]
)
def test_a_plateau_that_does_not_wait(first_cut: int, falls: bool, confidence: str) -> None:
    """Patience 4: given a number that never falls, it cuts after the sixth step and each fifth one."""
    rates = [0.01 * 0.3 ** max(0, (i // 4 - first_cut) // 5 + 1) for i in range(240)]
    seen = at(rates, Schedule("ReduceLROnPlateau", {"patience": 4.0, "factor": 0.3}, 60))
    for step in seen.steps:
        step.loss = 1.0 / (1 + step.index) if falls else 1.0
    (found,) = check_schedule(seen)
    assert (found.code, found.confidence) == ("schedule.ends-early", confidence)


@pytest.mark.parametrize(("waits", "confidence"), [(5, "high"), (7, "medium")])
def test_a_plateau_that_cuts_as_soon_as_it_may(waits: int, confidence: str) -> None:
    """Of which few losses were seen before the first cut, and the last ones are far below."""
    cuts = [6, *(6 + waits * k for k in range(1, 9))]
    rates = [0.01 * 0.3 ** sum(i // 4 >= cut for cut in cuts) for i in range(4 * 80)]
    seen = at(rates, Schedule("ReduceLROnPlateau", {"patience": 4.0, "factor": 0.3}, 80))
    for step in seen.steps:
        step.loss = 1.0 if step.index < 24 else 0.1
    (found,) = check_schedule(seen)
    assert (found.code, found.confidence) == ("schedule.ends-early", confidence)


def test_rates_of_which_the_last_part_is_not_known() -> None:
    """A first stage that was watched to its end, and a second one, by another optimizer, that was not."""
    seen = at([0.1 * 0.8**i for i in range(40)], Schedule("OneCycleLR", {"total_steps": 40.0}, 40))
    assert [f.code for f in check_schedule(seen)] == ["schedule.ends-early"]
    seen.count = 220
    assert check_schedule(seen) == []


@pytest.mark.parametrize(
    ("base", "peak", "found"),
    [(1e-2, 1e-4, True), (1e-2, 1e-2, False), (1.0, 1.0, False), (1e-2, 3e-4, False), (1e-2, 9e-5, True)],
)
def test_a_rate_that_is_given_for_a_factor(base: float, peak: float, found: bool) -> None:
    rates = [peak * min((i + 1) / 8, 1.0) for i in range(40)]
    told = check_schedule(at(rates, Schedule("LambdaLR", {"base_rate": base}, 40)))
    assert [f.code for f in told] == (["schedule.factor"] if found else [])


def test_the_base_rate_is_read_where_it_is_one() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.25)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    assert described(scheduler).settings["base_rate"] == 0.25
