"""Evaluations of networks that no module makes."""

from collections.abc import Iterator

import pytest
import torch

from fivefold.diagnosis.observation.answers import Answers
from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.record import Rows
from fivefold.diagnosis.script.discovery import Discovery


@pytest.fixture
def discovery() -> Iterator[Discovery]:
    made = Discovery(lambda: None)
    made.begin()
    yield made
    made.end()


def classifier(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit a linear classifier with one update of L-BFGS; accuracy is asked within its closure, too."""
    weight, bias = (torch.zeros(shape, requires_grad=True) for shape in ((4, 2), (2,)))
    solver = torch.optim.LBFGS([weight, bias], max_iter=5)

    def closure() -> torch.Tensor:
        solver.zero_grad()
        logits = x @ weight + bias
        (logits.argmax(1) == y).sum()
        loss = torch.nn.functional.cross_entropy(logits, y)
        loss.backward()
        return loss

    solver.step(closure)
    return weight, bias


@pytest.mark.parametrize("gradients", [True, False])
def test_what_is_compared_after_the_fit_is_an_evaluation(discovery: Discovery, gradients: bool) -> None:
    torch.manual_seed(0)
    x, held = torch.randn(40, 4), torch.randn(60, 4)
    y, labels = (x[:, 0] > 0).long(), (held[:, 0] > 0).long()
    weight, bias = classifier(x, y)
    with torch.set_grad_enabled(gradients):
        right = int(((held @ weight + bias).argmax(1) == labels).sum())
        ((x @ weight + bias).argmax(1) == y).sum()
    discovery.end()
    record = discovery.trainings[0].record
    assert [len(block) for block in record.training_rows.inputs] == [40]
    assert torch.equal(record.training_rows.targets[0], y)
    assert [(e.after, e.rows, e.compared) for e in record.evaluations] == [(1, 60, 60), (1, 40, 40)]
    assert record.evaluations[0].right == right
    assert record.evaluations[0].classes == torch.bincount(labels).tolist()
    assert torch.equal(record.evaluation_rows.inputs[0], held)
    assert torch.equal(record.evaluation_rows.targets[0], labels)


def test_what_was_not_compared_is_no_evaluation() -> None:
    answers = Answers(torch.zeros(2, 3))
    answers.compare(1, 3, torch.zeros(3))  # of other examples
    assert not answers.told
    with pytest.raises(RuntimeError, match="compared with labels"):
        answers.evaluation(0, KeptRows(Rows()))
