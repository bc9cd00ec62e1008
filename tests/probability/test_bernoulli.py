"""The Bernoulli density in its tails."""

import numpy as np
import pytest
import torch

from fivefold.probability import Bernoulli


def test_bernoulli_keeps_relative_precision_in_both_tails():
    eta = torch.tensor([40.0, -40.0], dtype=torch.float64)
    y = torch.tensor([1.0, 0.0], dtype=torch.float64)
    tail = float(np.exp(-40.0))  # log(1 + e^-40) = e^-40 to 17 digits
    likelihood = Bernoulli()
    assert likelihood.negative_log_density(eta, y).tolist() == pytest.approx([tail, tail], rel=1e-14, abs=0)
    assert likelihood.gradient(eta, y).tolist() == pytest.approx([-tail, tail], rel=1e-14, abs=0)
    assert likelihood.curvature(eta, y).tolist() == pytest.approx([tail, tail], rel=1e-14, abs=0)
