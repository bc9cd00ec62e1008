"""The driver owns the budget, the history and the reason to stop."""

from fivefold.core import Budget, Info, Status, drive


class Count:
    """Counts up and converges at a given number."""

    def __init__(self, end: int | None) -> None:
        self.end = end

    def init(self):
        return 0, Info({"x": 0.0}, Status.CONVERGED if self.end == 0 else None)

    def step(self, x):
        x += 1
        return x, Info({"x": float(x)}, Status.CONVERGED if x == self.end else None)


def test_the_method_ends_itself():
    run = drive(Count(3))
    assert (run.state, run.status, run.steps) == (3, Status.CONVERGED, 3)
    assert run.history == {"x": [0.0, 1.0, 2.0, 3.0]}


def test_a_method_that_starts_at_its_end_makes_no_step():
    assert drive(Count(0)).steps == 0


def test_the_budget_ends_it():
    run = drive(Count(None), Budget(steps=5))
    assert (run.steps, run.status) == (5, Status.OUT_OF_BUDGET)
    assert drive(Count(None), Budget(steps=0)).steps == 0
    assert drive(Count(None), Budget(seconds=0.01)).status is Status.OUT_OF_BUDGET


def test_convergence_at_the_last_step_of_the_budget_is_convergence():
    assert drive(Count(5), Budget(steps=5)).status is Status.CONVERGED


def test_progress_hears_every_report():
    heard = []
    drive(Count(2), progress=lambda step, info: heard.append((step, info.record["x"])))
    assert heard == [(0, 0.0), (1, 1.0), (2, 2.0)]
