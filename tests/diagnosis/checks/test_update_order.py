"""Updates before their backward pass."""

from fivefold.diagnosis.checks.update_order import check_update_order
from fivefold.diagnosis.observation.record import Record, Step


def test_only_where_nearly_all_come_early() -> None:
    early = Record(steps=[Step(i, forward_after_backward=True) for i in range(5)])
    assert check_update_order(early)[0].code == "step.before-backward"
    once = Record(steps=[Step(i, forward_after_backward=i == 3) for i in range(5)])
    assert check_update_order(once) == []
    assert check_update_order(Record()) == []
