import math

import torch

from fivefold.linalg.least_squares_certificates import (
    forward_certificate,
    shortest,
    trusted_digits,
    underdetermined,
)


def test_digits_lie_between_none_and_sixteen():
    assert [trusted_digits(v) for v in (0.0, 1e-30, 1e-8, 1.0, 50.0, math.inf)] == [16, 16, 8, 0, 0, 0]


def test_yes_no_and_unknown():
    verdicts = [forward_certificate(torch.tensor([v]), True, "how").holds for v in (0.01, 0.5, math.inf)]
    assert verdicts == [True, False, None]
    assert "rank is deficient" in forward_certificate(torch.tensor([math.inf]), False, "how").method
    assert "2 rows cannot determine 5" in underdetermined(2, 5, 2).method


def test_shortest_is_the_pseudoinverse_in_the_original_units():
    g = torch.Generator().manual_seed(5)
    A = torch.randn(9, 2, generator=g, dtype=torch.float64) @ torch.randn(
        2, 4, generator=g, dtype=torch.float64
    )
    y = torch.randn(9, 1, generator=g, dtype=torch.float64) + 2
    scale = torch.tensor([0.5, 2.0, 1.0, 8.0]).double()
    U, s, Vt = torch.linalg.svd(A / scale, full_matrices=False)
    z = shortest(U[:, :2], s[:2], Vt[:2], y, scale)
    assert torch.allclose(z / scale[:, None], torch.linalg.pinv(A) @ y, rtol=1e-10)
    empty = shortest(U[:, :0], s[:0], Vt[:0], y, scale)
    assert empty.tolist() == [[0.0]] * 4
