"""Only convergence is success."""

from fivefold.core import Status


def test_only_convergence_is_success():
    assert [status for status in Status if status.succeeded] == [Status.CONVERGED]


def test_statuses_read_as_words():
    assert sorted(map(str, Status)) == ["converged", "diverged", "ill-posed", "out of budget", "stalled"]
