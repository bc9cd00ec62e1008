"""What is told while a training runs, and to whom."""

import io
import math

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize import train
from fivefold.optimize.training.progress import ReportProgress, TrainingProgress, print_progress


def run(callbacks=(), **settings):
    X = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    net = nn.Linear(2, 1)
    return train(net, (X, X[:, 0]), loss="squared", epochs=3, batch_size=20, validation=(X, X[:, 0]),
                 callbacks=callbacks, **settings)  # fmt: skip


def test_loss_metric_rate_and_time_left_are_told():
    told = []
    end = run(
        [ReportProgress(told.append, every=0.0)],
        metrics={"error": lambda out, y: (out[:, 0] - y).abs().mean()},
    )
    assert [each.step for each in told] == [*range(1, 10), 9]
    assert {each.planned for each in told} == {9}
    assert [each.epoch for each in told] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    last = told[-1]
    assert last.left == 0.0
    assert last.record["error"] == end.history["error"][-1]
    assert last.record["validation"] == end.history["validation"][-1]
    assert math.isnan(last.loss)
    assert all(math.isfinite(each.loss) and each.left > 0 for each in told[:-2])
    assert [each.rate for each in told[-2:]] == [0.0, 0.0]


def test_reports_are_rare_by_default_and_the_verb_takes_a_function():
    told = []
    run(progress=told.append)
    assert told[-1].step == 9
    assert len(told) <= 9


def test_a_line_says_it_all_and_goes_to_terminals_only():
    report = TrainingProgress(5, 10, 1, 0.25, {"loss": 1.0, "validation": 0.5}, 0.01, 2.0, 2.0)
    assert str(report) == "step 5/10, loss 0.25, validation 0.5, rate 0.01, 2 s left"
    start = TrainingProgress(0, 10, 0, math.nan, {}, 0.01, 0.0, math.inf)
    assert str(start) == "step 0/10, rate 0.01, time left unknown"

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, expected in ((Terminal(), f"\r\x1b[K{report}"), (io.StringIO(), "")):
        print_progress(stream)(report)
        assert stream.getvalue() == expected
    print_progress()(report)


def test_negative_seconds_are_refused():
    with pytest.raises(ArgumentError, match="at least 0 seconds"):
        ReportProgress(print, every=-1.0)
