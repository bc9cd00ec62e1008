"""How batches are made."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import fivefold as ff
from fivefold.diagnosis.checks.batches import check_batch_norm, check_order, check_repeats
from fivefold.diagnosis.observation.record import Record


def in_order(step: int) -> torch.Tensor:
    return torch.arange(step * 32, (step + 1) * 32)


def test_sorted_classes(watched, digits, network) -> None:
    x, y = digits
    order = y.argsort()
    found = check_order(watched(network(64, 16, 10), x[order], y[order], rows=lambda s: in_order(4 * s)))
    assert found[0].code == "data.ordered"
    assert check_order(watched(network(64, 16, 10), x, y, rows=in_order)) == []


def test_sorted_numbers(watched, digits, network) -> None:
    x = digits[0]
    y = x.sum(1, keepdim=True)
    order = y[:, 0].argsort()
    settings = {"loss": functional.mse_loss, "rows": in_order}
    assert check_order(watched(network(64, 16, 1), x[order], y[order], **settings))[0].code == "data.ordered"
    assert check_order(watched(network(64, 16, 1), x, y, **settings)) == []


def test_false_alarms_of_shuffled_batches(watched, digits, network) -> None:
    found = [check_order(watched(network(64, 4, 10), *digits, steps=6, batch=8)) for _ in range(5)]
    assert not any(found)


def test_one_batch_again_and_again(watched, digits, network) -> None:
    held_out = (digits[0][:200], digits[1][:200])
    first = torch.arange(32)
    found = check_repeats(watched(network(64, 16, 10), *digits, rows=lambda s: first, held_out=held_out))
    assert found[0].code == "data.repeated"
    shown = found[0].picture
    assert [y for _, y in shown.curves["examples"]] == [12 * 32, 32, 200]
    assert shown.level[0] > 32
    assert check_repeats(watched(network(64, 16, 10), *digits, held_out=held_out)) == []
    # A few examples, in shuffled passes, may be all that there are to learn from.
    eighty = [torch.randperm(80).split(8) for _ in range(12)]
    record = watched(
        network(64, 16, 10), *digits, rows=lambda s: eighty[s // 10][s % 10], held_out=held_out, steps=120
    )
    assert [f.confidence for f in check_repeats(record)] == ["medium"]
    # All data in one batch: nothing else is ever shown.
    few = (digits[0][:32], digits[1][:32])
    assert check_repeats(watched(network(64, 16, 10), *few, rows=lambda s: first, held_out=few)) == []
    # Users, of whom there are few, beside items.
    record = watched(network(64, 16, 10), *digits, rows=lambda s: first, held_out=held_out)
    record.training_rows.inputs = [torch.arange(32) for _ in record.training_rows.inputs]
    assert check_repeats(record) == []


def test_few_examples_of_their_nature(watched, digits, network) -> None:
    labels = digits[1][:400]
    which = torch.randint(20, (400,), generator=torch.Generator().manual_seed(0))
    states = torch.eye(64)[which]  # as in a small game
    held_out = (states[:200], labels[:200])
    assert check_repeats(watched(network(64, 16, 10), states, labels, held_out=held_out)) == []
    names = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 10))  # numbers that name things
    held_out = (torch.arange(20).repeat(10), labels[:200])
    assert check_repeats(watched(names, which, labels, held_out=held_out)) == []


@pytest.mark.parametrize(("batch", "confidence"), [(4, "high"), (8, "medium"), (32, None)])
def test_batch_norm(watched, digits, batch: int, confidence: str | None) -> None:
    model = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
    found = check_batch_norm(watched(model, *digits, batch=batch, steps=3))
    assert [f.confidence for f in found] == ([confidence] if confidence else [])
    for f in found:
        error = f.picture.curves["of the spread of the numbers"][0][1]
        assert f"{error:.0%} of the spread" in f.evidence
        assert error > f.picture.level[0]
    model[1].requires_grad_(False)  # a frozen trunk is in evaluation mode
    assert check_batch_norm(watched(model, *digits, batch=batch, steps=3)) == []


def test_sorted_examples_without_targets(watched, digits, network) -> None:
    x, y = digits

    def found(order: torch.Tensor) -> list[tuple[str, str]]:
        settings = {"loss": lambda out, _: (out**2).mean(), "rows": lambda s: in_order(4 * s)}
        record = watched(network(64, 8, 2), x[order], y, **settings)
        record.training_rows.targets = [None] * len(record.training_rows.inputs)
        return [(f.code, f.confidence) for f in check_order(record)]

    assert found(y.argsort()) == [("data.ordered", "medium")]
    assert found(torch.arange(len(y))) == []


def table(order: torch.Tensor) -> Record:
    """Words with three numbers beside them, in batches of 64; the last number counts the rows."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(1280, 3, generator=generator)
    numbers[:, 2] = torch.linspace(-1.7, 1.7, 1280)
    words = torch.randint(50, (1280, 4), generator=generator)
    record = Record(count=20)
    for step in range(20):
        chosen = order[64 * step : 64 * (step + 1)]
        record.training_rows.inputs.append(words[chosen])
        record.training_rows.beside.append([numbers[chosen]])
        record.training_rows.targets.append(None)
        record.training_rows.steps.append(step)
        record.training_rows.alone.append(False)
    return record


def test_a_column_that_tells_the_order_of_the_data() -> None:
    found = check_order(table(torch.arange(1280)))
    assert [(f.code, f.confidence) for f in found] == [("data.ordered", "high")]
    generator = torch.Generator().manual_seed(1)
    assert check_order(table(torch.randperm(1280, generator=generator))) == []
    # A batch of neighbours in an order of its own: they may be meant to be alike.
    buckets = torch.arange(1280).reshape(20, 64)[:, torch.randperm(64, generator=generator)].flatten()
    assert [f.confidence for f in check_order(table(buckets))] == ["medium"]


def test_windows_of_a_series_may_be_read_along() -> None:
    record = table(torch.arange(1280))
    for beside in record.training_rows.beside:
        beside[0][:, :2] = beside[0][:, 2:]
    assert [f.confidence for f in check_order(record)] == ["medium"]


def test_a_number_drawn_once_for_each_batch_is_no_order() -> None:
    record = table(torch.randperm(1280, generator=torch.Generator().manual_seed(1)))
    for step, beside in enumerate(record.training_rows.beside):
        beside[0][:, 2] = step / 20
    assert check_order(record) == []


def test_the_first_batch_of_each_pass_alone(watched, digits, network) -> None:
    x, y = digits
    generator = torch.Generator().manual_seed(0)
    passes = [torch.randperm(len(x), generator=generator) for _ in range(4)]
    settings = {"steps": 80, "held_out": (x[:100], y[:100])}

    def found(rows) -> list[tuple[str, str]]:
        told = check_repeats(watched(network(64, 8, 10), x, y, rows=rows, **settings))
        for f in told:  # the next update, 19 times in each pass
            (since,) = f.picture.curves.values()
            assert [y for _, y in since] == [1.0] * 19 * 4
            assert f.picture.level[0] == pytest.approx(2.0, abs=0.1)  # half a pass through all that came
        return [(f.code, f.confidence) for f in told]

    assert found(lambda s: passes[s // 20][:32]) == [("data.repeated", "high")]
    assert found(lambda s: passes[s // 20][32 * (s % 20) : 32 * (s % 20 + 1)]) == []
    # Read in order, a batch comes again, but not before all others.
    assert found(lambda s: torch.arange(32 * (s % 10), 32 * (s % 10 + 1))) == []
    # Two updates on each batch on purpose.
    assert found(lambda s: passes[s // 40][32 * (s % 40 // 2) : 32 * (s % 40 // 2 + 1)]) == []


def test_labels_of_models_that_take_turns_are_compared_within_each() -> None:
    """The first loss of the critic has ones alone, that of the generator zeros alone: whole calls, no
    classes.
    """
    torch.manual_seed(0)
    generator, critic = nn.Linear(2, 4), nn.Linear(4, 1)
    one = torch.optim.SGD(generator.parameters(), lr=0.01)
    other = torch.optim.SGD(critic.parameters(), lr=0.01)
    loss = nn.BCEWithLogitsLoss()
    with ff.watch({"g": generator, "d": critic}, [one, other], every=1) as seen:
        for _ in range(6):
            made, real = generator(torch.randn(16, 2)), torch.randn(16, 4)
            other.zero_grad()
            ones, zeros = torch.ones(16, 1), torch.zeros(16, 1)
            (loss(critic(real), ones) + loss(critic(made.detach()), zeros)).backward()
            other.step()
            one.zero_grad()
            loss(critic(made), zeros).backward()
            one.step()
    assert [f.code for f in check_order(seen.record)] == []


def test_sorted_classes_of_which_one_has_most(watched, digits, network) -> None:
    x, y = digits
    uneven = (y >= 8).long()  # eight in ten are of one class
    order = uneven.argsort(stable=True)

    def found(rows) -> list:
        model = network(64, 16, 2)
        return [f.confidence for f in check_order(watched(model, x[order], uneven[order], rows=rows))]

    assert found(lambda step: in_order(5 * step)) == ["high"]
    mixed = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    assert found(lambda step: mixed[in_order(5 * step)]) == []


@pytest.mark.parametrize("others", [True, False])
def test_batches_of_one_class_alone(watched, digits, network, others: bool) -> None:
    x, y = digits
    one = (y == 3).nonzero()[:, 0]
    held_out = (x[:200], y[:200]) if others else (x[one], y[one])
    record = watched(network(64, 16, 10), x[one], y[one], held_out=held_out)
    assert [f.confidence for f in check_order(record)] == (["medium"] if others else [])
