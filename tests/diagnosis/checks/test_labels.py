"""Labels beside those of their neighbours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fivefold.diagnosis.checks.labels import _any_column, check_labels
from fivefold.diagnosis.checks.rules import Examples
from fivefold.diagnosis.observation.record import Evaluation, Record


def test_shuffled_noisy_and_sound(watched, digits, network) -> None:
    x, y = digits
    held_out = (x[1400:], y[1400:])
    x, y = x[:1400], y[:1400]
    generator = torch.Generator().manual_seed(0)
    shuffled = y[torch.randperm(len(y), generator=generator)]
    wrong = torch.rand(len(y), generator=generator) < 0.3
    noisy = torch.where(wrong, torch.randint(10, (len(y),), generator=generator), y)

    def found(labels: torch.Tensor) -> list:
        return check_labels(watched(network(64, 16, 10), x, labels, steps=30, held_out=held_out))

    (unrelated,) = found(shuffled)
    assert unrelated.code == "labels.unrelated"
    assert unrelated.picture.curves["share"][0][1] < unrelated.picture.level[0], "no more than chance"
    (noise,) = found(noisy)
    assert noise.code == "labels.noise"
    (_, training), (_, evaluation) = noise.picture.curves["share"]
    assert training < noise.picture.level[0] < evaluation
    assert found(y) == []


def test_numbers(watched, network) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 4, generator=generator)
    y = x[:, :1] - x[:, 1:2] + torch.randn(600, 1, generator=generator)
    settings = {"loss": functional.mse_loss, "steps": 20}
    shuffled = y[torch.randperm(600, generator=generator)]
    found = check_labels(watched(network(4, 8, 1), x, shuffled, **settings))
    assert [f.code for f in found] == ["labels.unrelated"]
    assert check_labels(watched(network(4, 8, 1), x, y, **settings)) == []


def test_false_alarms_where_the_relation_is_weak(watched, network) -> None:
    """A correlation of 0.3 on 600 examples is found to be one in all of ten draws."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        x = torch.randn(600, 4, generator=generator)
        y = 0.3 * x[:, :1] + torch.randn(600, 1, generator=generator)
        record = watched(network(4, 8, 1), x, y, loss=functional.mse_loss, steps=20)
        assert check_labels(record) == []


def test_texts(watched) -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.EmbeddingBag(40, 8), nn.Linear(8, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(ids))

    generator = torch.Generator().manual_seed(0)
    y = torch.randint(4, (600,), generator=generator)
    ids = torch.where(
        torch.rand(600, 9, generator=generator) < 0.3,
        10 * y[:, None] + torch.randint(10, (600, 9), generator=generator),
        torch.randint(40, (600, 9), generator=generator),
    )
    shuffled = y[torch.randperm(600, generator=generator)]
    assert check_labels(watched(Bag(), ids, shuffled, steps=20))[0].code == "labels.unrelated"
    assert check_labels(watched(Bag(), ids, y, steps=20)) == []


def drawn(x: torch.Tensor, y: torch.Tensor, pairing: str) -> Record:
    """Thirty batches of sixteen, each drawn anew."""
    generator = torch.Generator().manual_seed(0)
    record = Record()
    for step in range(60):
        rows = torch.randint(len(x), (16,), generator=generator)
        told = y[rows]
        if pairing == "sorted":
            rows = rows.sort().values
        elif pairing == "mixed":
            rows = rows[torch.randperm(16, generator=generator)]
        elif pairing == "apart":
            told = y[torch.randint(len(x), (16,), generator=generator)]
        elif pairing == "noisy":
            wrong = torch.rand(16, generator=generator) < 0.4
            told = torch.where(wrong, torch.randint(10, (16,), generator=generator), told)
        record.training_rows.inputs.append(x[rows])
        record.training_rows.targets.append(told)
        record.training_rows.steps.append(step)
    return record


@pytest.mark.parametrize(
    ("pairing", "codes"),
    [
        ("sound", []),
        ("sorted", ["labels.unrelated", "batch.mixed"]),
        ("mixed", ["labels.unrelated", "batch.mixed"]),
        ("apart", ["labels.unrelated"]),
        ("noisy", ["labels.noise"]),
    ],
)
def test_the_same_input_with_other_targets(digits, pairing: str, codes: list[str]) -> None:
    x, y = digits
    found = check_labels(drawn(x[:300], y[:300], pairing))
    assert [f.code for f in found] == codes
    assert all(f.picture.level == (1.0, "mean of two targets drawn at random") for f in found)


def test_random_targets_of_examples_that_are_there_twice(digits) -> None:
    """Half of the repeats have another target, which is no noise: nothing tells the targets."""
    x, y = (torch.cat([side[:200]] * 2) for side in digits)
    shuffled = y[torch.randperm(400, generator=torch.Generator().manual_seed(0))]
    assert [f.code for f in check_labels(drawn(x, shuffled, "sound"))] == ["labels.unrelated"]
    assert check_labels(drawn(x, y, "sound")) == []


def test_targets_that_other_inputs_share_are_not_judged(digits) -> None:
    """Pairs of examples, one of which is kept alone: its label says nothing of it."""
    record = drawn(digits[0][:300], torch.randint(2, (300,)), "apart")
    record.training_rows.alone = [False] * 60
    assert check_labels(record) == []


def test_targets_that_an_agent_makes_as_it_goes_are_not_judged(digits) -> None:
    record = drawn(digits[0][:300], digits[1][:300], "apart")
    record.count, record.evaluations = 60, [Evaluation(i) for i in range(60)]
    record.evaluation_rows.steps = list(range(60))
    assert check_labels(record) == []


def test_several_outputs(watched, network) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 6, generator=generator)
    y = x @ torch.randn(6, 3, generator=generator) + torch.randn(300, 3, generator=generator)
    settings = {"loss": functional.huber_loss, "steps": 30}
    order = torch.randperm(300, generator=generator)
    assert check_labels(watched(network(6, 8, 3), x, y, **settings)) == []
    found = check_labels(watched(network(6, 8, 3), x, y[order], **settings))
    assert [f.code for f in found] == ["labels.unrelated"]


@pytest.mark.parametrize(("order", "found"), [("shuffled", True), ("sound", False)])
def test_rare_positives_are_asked_beside_as_many_others(watched, digits, network, order: str, found) -> None:
    x, y = digits
    rare = (y == 3).long()
    if order == "shuffled":
        rare = rare[torch.randperm(len(rare), generator=torch.Generator().manual_seed(0))]
    told = check_labels(watched(network(64, 16, 2), x, rare, steps=30, batch=128))
    assert [f.code for f in told] == (["labels.unrelated"] if found else [])


@pytest.mark.parametrize(("right", "found"), [(0.8, False), (0.12, True)])
def test_labels_that_the_network_tells_in_one_evaluation(watched, network, right: float, found: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(640, 20, generator=generator), torch.randint(10, (640,), generator=generator)
    record = watched(network(20, 16, 10), x, y, steps=16, held_out=(x[:100], y[:100]))
    for e in record.evaluations:  # a later set, whose inputs are spoilt, is told by chance
        e.right, e.compared = 10, 100
        e.losses = [replace(c, right=right) for c in e.losses]
    assert [f.code for f in check_labels(record)] == (["labels.unrelated"] if found else [])


def test_how_rough_pictures_are_is_a_relation() -> None:
    """No place of noise tells whether it was smoothed, but its neighbours do."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 1, 8, 8, generator=generator)
    smoothed = torch.randint(2, (500,), generator=generator)
    x = torch.where(smoothed[:, None, None, None] == 1, (x + x.roll(1, 3)) / 2**0.5, x)
    shuffled = smoothed[torch.randperm(500, generator=generator)]
    for labels, related in ((smoothed, True), (shuffled, False)):
        columns = np.eye(2)[labels.numpy()]
        seen = Examples(x.flatten(1).double().numpy(), columns, False, np.arange(2), np.zeros(500))
        assert not _any_column(seen)
        assert _any_column(seen, (1, 8, 8)) == related


class Coarse(nn.Module):
    """A network that sees the means of its pictures alone, and so learns nothing of how rough they are."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.mean(dim=(1, 2, 3))[:, None])


@pytest.mark.parametrize(("sound", "codes"), [(True, []), (False, ["labels.unrelated"])])
def test_labels_that_only_neighbours_tell(watched, sound: bool, codes: list[str]) -> None:
    """Pictures of any brightness, which is all that a simple rule sees of them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 1, 8, 8, generator=generator)
    y = torch.randint(2, (500,), generator=generator)
    x = torch.where(y[:, None, None, None] == 1, (x + x.roll(1, 3)) / 2**0.5, x)
    x = x + 20.0 * torch.randn(500, 1, 1, 1, generator=generator)
    given = y if sound else y[torch.randperm(500, generator=generator)]
    assert [f.code for f in check_labels(watched(Coarse(), x, given, steps=60))] == codes
