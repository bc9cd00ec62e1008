"""Models of sequences that see what they are to predict."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.checks.future import check_future

TOKENS = torch.randint(20, (300, 13), generator=torch.Generator().manual_seed(0))


class Reader(nn.Module):
    """A language model: a GRU that reads forwards, or both ways."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.embed, self.layer = nn.Embedding(20, 8), nn.GRU(8, 16, batch_first=True, bidirectional=both)
        self.head = nn.Linear(32 if both else 16, 20)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(ids))[0])


def by_token(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output.flatten(0, 1), target.flatten())


@pytest.mark.parametrize(
    ("both", "shift", "codes"),
    [(False, 1, []), (True, 1, ["mask.future"]), (False, 0, ["mask.unshifted"])],
)
def test_the_next_token(watched, both: bool, shift: int, codes: list[str]) -> None:
    x, y = TOKENS[:, :12], TOKENS[:, shift : 12 + shift]
    found = check_future(watched(Reader(both), x, y, loss=by_token, steps=3))
    assert [f.code for f in found] == codes
    for f in found:
        (shown,) = f.picture.curves.values()
        if f.code == "mask.unshifted":
            assert f.evidence.startswith(f"{shown[0][1]:.1%} of the targets")
            assert f"{shown[1][1]:.1%} the next input" in f.evidence
        else:
            assert f.picture.names == ("earlier tokens change", "later tokens change")
            assert all(y > f.picture.level[0] for _, y in shown)


def test_inputs_without_a_second_dimension_are_no_sequences(watched) -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slope = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.slope * x

    x = torch.linspace(-1.0, 1.0, 200)
    assert check_future(watched(Line(), x, 2.0 * x, loss=functional.mse_loss, steps=3)) == []


class Shifting(nn.Module):
    """A decoder that is given its targets and moves them on by a place itself."""

    def __init__(self, both: bool, alone: bool = False) -> None:
        super().__init__()
        self.reader, self.alone = Reader(both), alone

    def forward(self, ids: Tensor) -> Tensor:
        out = self.reader(functional.pad(ids[:, :-1], (1, 0)))
        return out.flatten() if self.alone else out


def test_a_model_that_moves_its_inputs_on_by_itself(watched) -> None:
    x = TOKENS[:, :12]
    assert check_future(watched(Shifting(False), x, x, loss=by_token, steps=3)) == []
    (seen,) = check_future(watched(Shifting(True), x, x, loss=by_token, steps=3))
    assert (seen.code, seen.confidence) == ("mask.unshifted", "high")
    assert "outputs change with the input at their own place" in seen.evidence

    def flat(output: Tensor, target: Tensor) -> Tensor:
        return by_token(output.reshape(*target.shape, 20), target)

    (unasked,) = check_future(watched(Shifting(False, alone=True), x, x, loss=flat, steps=3))
    assert unasked.confidence == "medium", "no output has places that could be asked"
