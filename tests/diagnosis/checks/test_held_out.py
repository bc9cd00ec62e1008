"""Held-out examples that are not held out, or prepared in another way."""

from fivefold.diagnosis.checks.held_out import check_leak, check_preparation


def test_shared_examples(watched, digits, network) -> None:
    x, y = digits
    record = watched(network(64, 16, 10), x, y, steps=20, held_out=(x[:300], y[:300]))
    assert check_leak(record)[0].code == "data.leak"
    apart = watched(network(64, 16, 10), x[:1400], y[:1400], steps=20, held_out=(x[1400:], y[1400:]))
    assert check_leak(apart) == []


def test_preparation(watched, digits, network) -> None:
    x, y = digits

    def with_inputs(held_out) -> list:
        return check_preparation(
            watched(network(64, 16, 10), x[:1400], y[:1400], held_out=(held_out, y[1400:]))
        )

    assert with_inputs(16 * x[1400:])[0].code == "data.preparation"
    assert with_inputs(x[1400:] + 1.0)[0].code == "data.preparation"
    assert with_inputs(x[1400:]) == []
