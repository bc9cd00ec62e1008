"""The front of error against latency."""

from fivefold.tasks.images.design.result import pareto_front
from fivefold.tasks.images.design.trial import Ending, Trial


def trial(number, accuracy, latency, ending=Ending.TRAINED):
    return Trial(f"D:4:{number + 1}", "", 0, (), "", ending, "", accuracy, latency_ms=latency)


def test_the_front_is_that_of_all_pairs(rng):
    """Coarse numbers, so that there are ties in both."""
    made = [
        trial(k, float(a), float(ms))
        for k, (a, ms) in enumerate(zip(rng.integers(0, 8, 60) / 8, rng.integers(1, 9, 60), strict=True))
    ]

    def dominated(one):
        return any(
            other.accuracy >= one.accuracy
            and other.latency_ms <= one.latency_ms
            and (other.accuracy > one.accuracy or other.latency_ms < one.latency_ms)
            for other in made
        )

    expected = {(each.accuracy, each.latency_ms) for each in made if not dominated(each)}
    front = pareto_front(made)
    assert [(each.accuracy, each.latency_ms) for each in front] == sorted(expected, key=lambda p: p[1])


def test_only_what_was_trained_to_the_end_and_measured_counts():
    made = [trial(0, 0.9, 1.0, Ending.STOPPED), trial(1, 0.95, None), trial(2, 0.5, 2.0)]
    assert pareto_front(made) == (made[2],)
    assert pareto_front([]) == ()
