import math

import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Convolution, convolution_singular_values, convolution_spectrum, lipschitz_bound

G = torch.Generator().manual_seed(21)


def kernel(*shape, shift=0.3):
    return shift + torch.randn(*shape, generator=G, dtype=torch.float64)


CYCLIC = {
    "1-d": Convolution(kernel(3, 2, 3), 8, padding="same", mode="circular"),
    "1-d even": Convolution(kernel(2, 2, 4), 7, padding="same", mode="circular"),
    "2-d": Convolution(kernel(3, 4, 3, 3), (6, 5), padding=1, mode="circular"),
    "2-d dilated groups": Convolution(
        kernel(4, 3, 3, 2), (6, 7), padding="same", dilation=2, groups=2, mode="circular"
    ),
    "wider than the signal": Convolution(kernel(2, 2, 7), 3, padding="same", mode="circular"),
    "groups of unequal sides": Convolution(kernel(6, 1, 3), 5, padding="same", groups=2, mode="circular"),
}
OTHERS = {
    "zero": Convolution(kernel(3, 2, 3, 3), (6, 6), padding=1),
    "valid": Convolution(kernel(3, 2, 3), 9),
    "strided": Convolution(kernel(4, 2, 3, 3), (8, 8), padding=1, stride=2),
    "strided circular": Convolution(kernel(2, 2, 3), 8, padding=1, stride=2, mode="circular"),
    "circular beyond the reach": Convolution(kernel(2, 2, 3), 6, padding=9, mode="circular"),
    "dilated": Convolution(kernel(2, 2, 3), 12, dilation=3, padding=2),
    "depthwise": Convolution(kernel(4, 1, 3, 3), (6, 6), groups=4, padding=2),
    "far padding": Convolution(kernel(1, 1, 3), 4, padding=6),
}


@pytest.mark.parametrize("name", CYCLIC)
def test_fourier_values_equal_the_dense_ones(name):
    C = CYCLIC[name]
    found = convolution_singular_values(C)
    dense = torch.linalg.svdvals(C.to_dense())
    assert found.method == "fourier"
    assert found.values.shape == dense.shape
    assert torch.allclose(found.values, dense, rtol=1e-11, atol=1e-12 * float(dense[0]))
    assert [c.verdict for c in found.certificates] == ["yes", "yes"]
    assert torch.equal(convolution_singular_values(C, 3).values, found.values[:3])
    # Exact where the edges wrap around: the bound adds rounding only.
    assert 1 <= found.lipschitz / float(dense[0]) < 1 + 1e-11 or found.lipschitz >= float(dense[0]) * (
        1 - 1e-14
    )


@pytest.mark.parametrize("name", OTHERS)
def test_the_lipschitz_bound_is_above_the_norm_and_not_far(name):
    C = OTHERS[name]
    found = convolution_singular_values(C)
    dense = torch.linalg.svdvals(C.to_dense())
    assert found.method == "dense"
    assert torch.allclose(found.values, dense, rtol=1e-12)
    assert float(dense[0]) <= lipschitz_bound(C) <= 2.0 * float(dense[0])


def test_random_convolutions_never_exceed_their_bound():
    for trial in range(60):
        g = torch.Generator().manual_seed(trial)
        draw = lambda low, high, g=g: int(torch.randint(low, high, (), generator=g))  # noqa: E731
        taps, size = draw(1, 5), draw(3, 9)
        stride, dilation, padding = draw(1, 4), draw(1, 3), draw(2, 9)
        C = Convolution(
            torch.randn(draw(1, 4), draw(1, 4), taps, generator=g, dtype=torch.float64) + trial % 2,
            size,
            stride=stride,
            dilation=dilation,
            padding=padding,
            mode="circular" if trial % 3 else "zero",
        )
        assert float(torch.linalg.svdvals(C.to_dense())[0]) <= lipschitz_bound(C)


def test_large_ones_are_iterated(monkeypatch):
    monkeypatch.setattr(convolution_spectrum, "_DENSE", 10)
    C = OTHERS["zero"]
    found = convolution_singular_values(C, 2)
    assert found.method == "iterative"
    assert torch.allclose(found.values, torch.linalg.svdvals(C.to_dense())[:2], rtol=1e-7)
    assert [c.verdict for c in found.certificates] == ["unknown", "yes"]
    with pytest.raises(ArgumentError, match="ask for the k largest"):
        convolution_singular_values(C)


def test_a_wrong_bound_comes_out_false(monkeypatch):
    monkeypatch.setattr(convolution_spectrum, "lipschitz_bound", lambda C: 1e-3)
    assert convolution_singular_values(CYCLIC["1-d"]).certificates[1].holds is False


def test_a_layer_of_a_real_network_in_closed_form():
    # Averages over n neighbours on a ring have norm 1; differences have norm 2.
    average = Convolution(
        torch.full((1, 1, 3, 3), 1.0 / 9, dtype=torch.float64), (32, 32), padding=1, mode="circular"
    )
    assert math.isclose(float(convolution_singular_values(average, 1).values[0]), 1.0, rel_tol=1e-12)
    difference = Convolution([[[1.0, -1.0]]], 64, padding="same", mode="circular")
    assert math.isclose(float(convolution_singular_values(difference, 1).values[0]), 2.0, rel_tol=1e-12)


def test_bad_input_is_refused():
    with pytest.raises(ArgumentError, match="k between"):
        convolution_singular_values(CYCLIC["1-d"], 0)
    big = Convolution(torch.ones(2000, 2000, 1, 1), (64, 64), mode="circular")
    with pytest.raises(ArgumentError, match="GiB of free memory"):
        convolution_singular_values(big, 1)
