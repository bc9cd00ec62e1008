import pytest
import torch

from fivefold.core import ArgumentError, Status
from fivefold.linalg import Dense, Identity
from fivefold.linalg.krylov import SEVERITY, residual_certificate, right_hand_sides, safe


def test_right_hand_sides_take_dtype_and_shape():
    B, shape = right_hand_sides(Identity(3, dtype=torch.float32), [1, 2, 3], 0.1)
    assert B.dtype == torch.float32
    assert B.tolist() == [[1], [2], [3]]
    assert shape == (3,)
    assert right_hand_sides(Dense(torch.ones(2, 5)), torch.ones(2, 4), 0.1)[0].shape == (2, 4)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_tolerances(tolerance):
    with pytest.raises(ArgumentError, match="positive tolerance"):
        right_hand_sides(Identity(2), [1.0, 2.0], tolerance)


def test_bad_sizes():
    with pytest.raises(ArgumentError, match="b with 2 rows"):
        right_hand_sides(Identity(2), [1.0], 0.1)


def test_helpers():
    assert safe(torch.tensor([0.0, -2.0])).tolist() == [1, -2]
    assert residual_certificate(2.0, 1.0).holds is False
    assert residual_certificate(float("nan"), 1.0).holds is False
    assert SEVERITY[0] is Status.CONVERGED
    assert set(SEVERITY) == set(Status)
