import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Dense, Diagonal
from fivefold.linalg.spectral_ends import spectral_ends

LINE = torch.linspace(-1, 3, 300, dtype=torch.float64)


def test_bounds_close_in_on_both_ends():
    widths = []
    for steps in (10, 40, 160):
        ends = spectral_ends(Diagonal(LINE), steps=steps)
        assert ends.low <= -1 <= ends.lowest + 1e-14
        assert ends.highest - 1e-14 <= 3 <= ends.high
        assert ends.products == steps
        widths.append(ends.high - 3 + -1 - ends.low)
    assert widths[0] > 3 * widths[1] > 9 * widths[2]


def test_a_gap_is_used_and_a_complete_space_is_exact():
    gap = spectral_ends(Diagonal(torch.cat([LINE, torch.tensor([6.0])])), steps=30)
    assert 6 <= gap.high < 6 + 1e-6
    whole = spectral_ends(Dense([[2.0, 1.0], [1.0, 2.0]], symmetric=True), steps=9)
    assert abs(whole.high - 3) < 1e-12
    assert abs(whole.low - 1) < 1e-12


def test_it_fails_no_more_often_than_it_says():
    # Few steps and a large allowance: the top eigenvalue is one of 100, so that a start can miss it.
    d = torch.cat([torch.zeros(99), torch.tensor([1.0])]).double() + 1e-3 * torch.arange(100.0).double() / 100
    for failure in (0.3, 0.9):
        wrong = sum(
            spectral_ends(Diagonal(d), steps=1, failure=failure, seed=seed).high < float(d.max())
            for seed in range(200)
        )
        assert wrong <= 200 * failure / 2 + 3 * (200 * failure / 2) ** 0.5
    assert wrong > 10  # the bound is not just loose


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_ends(Diagonal(LINE), steps=0), "at least one step"),
        (lambda: spectral_ends(Diagonal(LINE), steps=3, failure=1.0), "probability of failure"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
