"""The account of seconds holds its share."""

from fivefold.diagnosis.observation.overhead import Overhead


def test_the_share_holds_over_a_long_training() -> None:
    account = Overhead(0.05, free=2)
    now, step, cost = 0.0, 0.01, 0.02
    watched = 0
    for _ in range(20_000):
        if account.allows(at=now):
            account.spend(cost)
            account.end()
            now += cost
            watched += 1
        now += step
    assert 0.045 * now < account.spent <= 0.05 * now + cost
    assert watched > 100


def test_what_one_costs_is_what_the_next_must_wait_for() -> None:
    account = Overhead(0.1, free=1)
    account.spend(1.0)
    account.end()
    assert not account.allows(at=15.0)
    assert account.allows(at=20.0)
