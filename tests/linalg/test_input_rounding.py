from fractions import Fraction

import torch

from fivefold.linalg.input_rounding import half_ulp_where_rounded


def test_decimals_lie_within_and_exact_numbers_have_nothing():
    texts = ["0.1", "-6.860120914", "83.7", "1e-300", "1234.789"]
    half = half_ulp_where_rounded(torch.tensor([float(t) for t in texts], dtype=torch.float64))
    for text, bound in zip(texts, half.tolist(), strict=True):
        error = abs(Fraction(float(text)) - Fraction(text))
        assert 0 < error <= Fraction(bound)
    exact = [0.0, 1.0, -5.0, 0.5, 2.0**52 + 1, float(torch.tensor(0.1)), 3 * 2.0**-30]
    assert half_ulp_where_rounded(torch.tensor(exact, dtype=torch.float64)).tolist() == [0.0] * len(exact)
