"""States that are lost, and states that stay."""

import pytest
import torch
from torch import Tensor, nn

import fivefold as ff
from fivefold.diagnosis.checks.states import check_carried, check_same_input, check_states


class Cells(nn.Module):
    """Reads rows step by step."""

    def __init__(self, keeps: bool) -> None:
        super().__init__()
        self.cell, self.head, self.keeps = nn.GRUCell(8, 8), nn.Linear(8, 10), keeps

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 8)
        for row in x.view(-1, 8, 8).unbind(1):
            out = self.cell(row, state)
            state = out if self.keeps else state
        return self.head(out)


@pytest.mark.parametrize(("keeps", "codes"), [(True, []), (False, ["inputs.ignored"])])
def test_cells(watched, digits, keeps: bool, codes: list[str]) -> None:
    record = watched(Cells(keeps), *digits, steps=2)
    found = check_states(record)
    assert [f.code for f in found] == codes
    for told in found:
        seen = record.recurrences["cell"]
        shares = [y for _, y in told.picture.curves["share"]]
        total = seen.carried + seen.restarted + seen.other
        assert shares[:2] == [0.0, seen.restarted / total]
        assert shares[1] > told.picture.level[0]


class Decoder(nn.Module):
    """Trained on whole sequences, asked step by step by another method than forward."""

    def __init__(self, keeps: bool) -> None:
        super().__init__()
        self.rnn, self.head, self.keeps = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 10), keeps

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x.view(-1, 8, 8))[0][:, -1])

    @torch.no_grad()
    def read(self, x: Tensor) -> Tensor:
        state = torch.zeros(1, len(x), 8)
        for row in x.view(-1, 8, 8).split(1, dim=1):
            out, after = self.rnn(row, state)
            state = after if self.keeps else state
        return self.head(out[:, 0])


@pytest.mark.parametrize(("keeps", "codes"), [(True, []), (False, ["inputs.ignored"])])
def test_a_decoder_whose_parts_are_called_one_by_one(watched, digits, keeps: bool, codes: list[str]) -> None:
    model = Decoder(keeps)
    record = watched(model, *digits, steps=3, each=lambda step: model.read(digits[0][:20]))
    assert [f.code for f in check_states(record)] == codes
    assert [e.rows for e in record.evaluations] == [160, 160, 160]


class Stateful(nn.Module):
    def __init__(self, resets: bool) -> None:
        super().__init__()
        self.rnn, self.head, self.resets = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 10), resets
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        out, state = self.rnn(x.view(-1, 8, 8), None if self.resets else self.state)
        self.state = state.detach()
        return self.head(out[:, -1])


@pytest.mark.parametrize(("resets", "codes"), [(True, []), (False, ["batch.carried"])])
def test_a_state_that_stays_from_batch_to_batch(watched, digits, resets: bool, codes: list[str]) -> None:
    found = check_carried(watched(Stateful(resets), *digits, steps=3))
    assert [f.code for f in found] == codes
    assert all(max(y for _, y in f.picture.curves["change"]) > f.picture.level[0] for f in found)


def walked(*, moves: bool, calls: int = 14, model: nn.Module | None = None):
    """A model that is asked step by step; the state moves on, or does not."""
    torch.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(3):
            state, total = torch.randn(8, 4), torch.zeros(())
            for _ in range(calls):
                out = model(state)
                total = total + (out - state).square().mean()
                state = state + 0.1 * out.detach() if moves else state
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    return seen.record


def test_a_state_that_is_never_taken_over() -> None:
    found = check_same_input(walked(moves=False))
    assert [(f.code, f.confidence) for f in found] == [("inputs.ignored", "high")]
    assert {y for _, y in found[0].picture.curves["calls"]} == {14.0}
    assert [f.confidence for f in check_same_input(walked(moves=False, calls=7))] == ["medium"]
    assert check_same_input(walked(moves=True)) == []
    assert check_same_input(walked(moves=False, calls=3)) == []


def test_several_draws_for_one_input_are_sound() -> None:
    drawing = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 4))
    assert check_same_input(walked(moves=False, model=drawing)) == []
