"""A softmax of the loss over the steps, where there are as many steps as classes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.class_axis import check_class_axis
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher


class Pointer(nn.Module):
    """Scores [n, steps, places]; what is pointed at before is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 25)

    def forward(self, x: Tensor, used: Tensor) -> Tensor:
        return self.layer(x).reshape(-1, 5, 5).masked_fill(used, -1e4)


def trained(*, wrong: bool, masked: bool = True, updates: int = 6) -> Record:
    torch.manual_seed(0)
    model = Pointer()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    for _ in range(updates):
        x = torch.rand(24, 5)
        order = x.argsort(1)
        before = functional.one_hot(order, 5).cumsum(1)[:, :-1]
        used = functional.pad(before, (0, 0, 1, 0)) > 0
        scores = model(x, used & masked)
        loss = (
            functional.cross_entropy(scores, order)
            if wrong
            else functional.cross_entropy(scores.transpose(1, 2), order)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    watcher.detach()
    return watcher.record


def test_softmax_over_the_steps() -> None:
    found = check_class_axis(trained(wrong=True))
    assert [(f.code, f.confidence) for f in found] == [("axis.classes", "high")]
    (_, first), (_, second) = found[0].picture.curves["share"]
    assert first > 0.2
    assert second == 0.0


def test_scores_that_the_wrong_softmax_drives_down_are_not_taken_for_masked() -> None:
    assert check_class_axis(trained(wrong=True, updates=60))


def test_classes_along_their_axis_and_scores_without_a_mask() -> None:
    assert check_class_axis(trained(wrong=False)) == []
    assert check_class_axis(trained(wrong=True, masked=False)) == []
