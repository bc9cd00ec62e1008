"""The account of seconds holds its share."""

import math

from fivefold.diagnosis.observation.overhead import AROUND, Overhead


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


def test_what_is_beyond_a_plain_update_is_entered() -> None:
    account = Overhead(0.05)
    for _ in range(5):
        account.plain(0.010)
    account.spend(0.004)
    account.watched(0.017)  # 10 ms are an update's own, 4 ms are entered already
    assert math.isclose(account.spent, 0.007)
    account.end()
    account.spend(0.002)
    account.watched(10.0)  # something else came between: at most as much again
    assert math.isclose(account.spent, 0.007 + 0.004)


def test_nothing_is_guessed_before_plain_updates_are_known() -> None:
    account = Overhead(0.05)
    account.spend(0.004)
    account.watched(1.0)
    assert account.spent == 0.004


def test_an_expected_cost_counts_until_one_is_measured() -> None:
    account = Overhead(0.1, free=0, allowance=0.01)
    account.expect(1.0)
    assert not account.allows(at=5.0)
    assert account.allows(at=11.0)
    account.spend(0.5)
    account.end()
    account.expect(100.0)
    assert account.allows(at=10.0)
    assert account.room() < 0.0


def test_what_every_update_costs_comes_off_first() -> None:
    account = Overhead(0.1, free=0, part=0.8)
    account.spend(1.0)
    account.end()
    account.full = False
    account.spend(5.0)
    assert (account.spent, account.always) == (1.0, 5.0)
    assert math.isclose(account.room(100.0), 0.8 * (10.0 - 5.0) - 1.0)
    assert not account.allows(at=70.0)
    assert account.allows(at=76.0)  # what others cost is no part of what the next one is expected to


def test_watched_steps_are_spread_where_every_update_costs_something() -> None:
    account = Overhead(0.05, allowance=0.08, part=0.8)
    now, watched = 0.0, []
    for number in range(6000):
        account.full = account.allows(at=now)
        account.spend(0.03 if account.full else 0.00015)
        if account.full:
            account.end()
            watched.append(number)
            now += 0.03
        now += 0.005
    assert account.spent + account.always <= 0.05 * now + 0.08
    assert len(watched) > 10
    assert watched[-1] > 5000


def test_a_hook_that_was_interrupted_counts_as_others_do() -> None:
    account = Overhead(0.05)
    for _ in range(10):
        account.reach(1e-5)
    assert math.isclose(account.spent, 10 * AROUND * 1e-5)
    account.reach(1.0)
    assert account.spent < 14 * AROUND * 1e-5
    for _ in range(200):
        account.reach(1e-4)  # slow for good
    assert account.spent > 150 * AROUND * 1e-4


def test_each_pass_of_an_update_is_entered() -> None:
    account = Overhead(0.05)
    account.reach(1e-5, passes=3)
    assert math.isclose(account.spent, 2 * AROUND * 1e-5)


def test_when_it_is_allowed_again_does_not_depend_on_how_often_it_is_asked() -> None:
    often, once = (Overhead(0.1, free=0, allowance=0.5, part=0.8) for _ in range(2))
    for account in (often, once):
        account.spend(2.0)
        account.end()
        account.full = False
        account.spend(1.0)
    first = next(at for at in range(1000) if often.allows(at=float(at)))
    assert first == 54  # 2 + 2 <= 0.8 (0.1 t - 1) + 0.5
    assert not once.allows(at=first - 1.0)
    once.spend(1.0)  # in the meantime
    assert not once.allows(at=float(first))
    assert once.allows(at=first + 10.0)


def test_a_free_step_has_what_is_left_and_one_that_was_asked_for_all_it_takes() -> None:
    account = Overhead(0.05, free=1, allowance=2.0)
    account.spend(0.5)
    assert 1.4 < account.unasked_room() < 1.6
    account.end()
    assert account.unasked_room() == math.inf
