"""Training and evaluation modes."""

import pytest
from torch import nn

from fivefold.diagnosis.checks.modes import check_modes
from fivefold.diagnosis.observation.record import Evaluation, Operation, Record, Step

NOISY = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))


@pytest.mark.parametrize(
    ("model", "training", "evaluation", "codes"),
    [
        (NOISY, [True, False, False, False], 0, ["mode.evaluation-in-training"]),
        (NOISY, [True] * 4, 3, ["mode.training-in-evaluation"]),
        (NOISY, [True] * 4, 0, []),
        (nn.Linear(2, 2), [False] * 4, 3, []),  # nothing in it tells the modes apart
        (nn.Sequential(nn.BatchNorm1d(2)), [False] * 4, 0, ["mode.evaluation-in-training"]),
    ],
)
def test_by_model(model: nn.Module, training: list[bool], evaluation: int, codes: list[str]) -> None:
    record = Record(model={"": model}, steps=[Step(i, training=t) for i, t in enumerate(training)])
    record.evaluations = [Evaluation(1, training=evaluation, passes=3)]
    assert [f.code for f in check_modes(record)] == codes


def test_dropout_as_a_function_counts_and_passes_at_every_update_do_not() -> None:
    dropped = Operation("dropout", (2, 2), 0, "model", None)
    record = Record(model={"": nn.Linear(2, 2)}, count=30)
    record.steps = [Step(i, operations=[dropped]) for i in range(4)]
    record.evaluations = [Evaluation(1, training=3, passes=3)]
    assert [f.code for f in check_modes(record)] == ["mode.training-in-evaluation"]
    record.evaluations *= 20  # a generator's pass before each update
    record.evaluation_rows.steps = list(range(20))
    assert check_modes(record) == []
