"""Groups of parameters with rates of their own."""

import pytest
import torch

from fivefold.diagnosis.checks.slow_groups import check_slow_groups, paths
from fivefold.diagnosis.observation.record import Record


def trained(watched, digits, network, rates: tuple[float, float]) -> Record:
    model = network(64, 32, 10)
    groups = [
        {"params": part.parameters(), "lr": rate}
        for part, rate in zip((model[0], model[2]), rates, strict=True)
    ]
    return watched(model, *digits, optimizer=torch.optim.SGD(groups, momentum=0.9), steps=40)


@pytest.mark.parametrize(
    ("rates", "found"),
    [((1e-5, 0.1), True), ((1e-2, 0.1), False), ((0.1, 0.1), False), ((1e-5, 1e-5), False)],
)
def test_a_group_that_stays_where_it_is(watched, digits, network, rates, found: bool) -> None:
    record = trained(watched, digits, network, rates)
    told = check_slow_groups(record)
    assert [(f.code, f.confidence) for f in told] == ([("rate.too-low", "medium")] if found else [])
    for f in told:
        assert f.figures["rate"] == 1e-5
        assert "2 parameters (0.weight, 0.bias" in f.evidence


def test_the_length_of_a_path(watched, digits, network) -> None:
    record = trained(watched, digits, network, (0.01, 0.1))
    first = paths(record)["0.weight", "0.bias"]
    assert first.rate == 0.01
    assert first.length == pytest.approx(sum(first.changes))
    record.count *= 2  # every second update was watched
    assert paths(record)["0.weight", "0.bias"].length == pytest.approx(2 * sum(first.changes))


def test_one_group_or_a_training_seen_at_its_start_only(watched, digits, network) -> None:
    assert check_slow_groups(watched(network(64, 32, 10), *digits, steps=40)) == []
    record = trained(watched, digits, network, (1e-5, 0.1))
    record.count = 10 * record.count
    assert check_slow_groups(record) == []
