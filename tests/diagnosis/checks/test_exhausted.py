"""Epochs without an update."""

import pytest
import torch
from torch import nn

import fivefold as ff
from fivefold.diagnosis.checks.exhausted import check_exhausted, same_rounds
from fivefold.diagnosis.observation.record import Evaluation, Record


def train(epochs: int, *, used_up: bool, answers: str = "loss") -> list[str]:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.randn(60, 4)
    y = (x[:, 0] > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    held = [(x[i : i + 10], y[i : i + 10]) for i in (40, 50)]

    def batches():
        return ((x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8))

    with ff.watch(model, optimizer) as watcher:
        once = batches()
        for _ in range(epochs):
            model.train()
            for a, b in once if used_up else batches():
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(a), b).backward()
                optimizer.step()
            model.eval()
            right = 0
            with torch.no_grad():
                for a, b in held[: 1 if answers == "one batch" else 2]:
                    if answers == "loss":
                        nn.functional.cross_entropy(model(a), b)
                    elif answers == "labels":
                        right += int((model(a).argmax(1) == b).sum())
                    else:
                        model(a)
    return [f"{f.code} {f.confidence}" for f in check_exhausted(watcher.record)]


@pytest.mark.parametrize(
    ("epochs", "used_up", "answers", "found"),
    [
        (6, True, "loss", True),
        (6, True, "labels", True),
        (6, True, "nothing", True),
        (6, True, "one batch", False),  # a clock is held to a trained model
        (3, True, "loss", False),  # looked at twice or thrice
        (6, False, "loss", False),
    ],
)
def test_batches_that_are_used_up(epochs: int, used_up: bool, answers: str, found: bool) -> None:
    assert train(epochs, used_up=used_up, answers=answers) == (["data.exhausted high"] if found else [])


def test_rounds_that_differ_or_draw_anew() -> None:
    given = [(1, 0, 8 * i, 10 * i) for i in range(6)]
    same = Evaluation(7, right=48, compared=60, given=given)
    assert same_rounds(same) == 6
    assert [f.code for f in check_exhausted(Record(count=7, evaluations=[same]))] == ["data.exhausted"]
    assert check_exhausted(Record(count=8, evaluations=[same])) == []  # updates came after it
    assert check_exhausted(Record(count=0, evaluations=[same])) == []
    same.training = 6
    assert check_exhausted(Record(count=7, evaluations=[same])) == []
    given[3] = (1, 0, 25, 30)
    assert same_rounds(Evaluation(7, right=48, compared=60, given=given)) == 2


def test_a_last_look_without_targets_does_not_count() -> None:
    given = [(1, 0, 8 * i, 10 * i) for i in range(5)]
    seen = Evaluation(7, right=32, compared=40, given=given)
    assert same_rounds(seen) == 4


def test_samples_that_are_drawn_from_one_beginning() -> None:
    """Texts that a model writes begin alike and go on otherwise; forecasts go on alike."""
    written = [(1 if step == 0 else 10 * text + step, 0, 0, 0) for text in range(6) for step in range(5)]
    assert same_rounds(Evaluation(7, given=written)) == 1
    forecast = [(1 + step, 0, 0, 0) for _ in range(6) for step in range(5)]
    assert same_rounds(Evaluation(7, given=forecast)) == 6
