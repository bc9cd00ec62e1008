"""Causes and fixes by what an operation was given."""

import math

import pytest
import torch

from fivefold.diagnosis.observation.first_operation import FirstOperation, Made
from fivefold.diagnosis.observation.reasons import advice, evidence


def made_by(call) -> Made:
    seen = FirstOperation()
    with seen:
        out = call()
    origin = seen.origin(out)
    assert isinstance(origin, Made)
    return origin


@pytest.mark.parametrize(
    ("call", "called", "cause"),
    [
        (lambda: torch.zeros(2).log(), "log", "logarithm of zero"),
        (lambda: torch.zeros(2).reciprocal(), "reciprocal", "division by zero"),
        (lambda: torch.zeros(0).mean(), "mean", "given nothing"),
        (lambda: torch.full((2, 2), 1e30) @ torch.full((2, 2), 1e30), "matmul", "as large as 1e+30"),
        (lambda: torch.tensor([6e4]).half() * 2, "mul", "float16 ends at 65,504"),
        (lambda: torch.tensor([1e6]).half(), "half", "float16 ends at 65,504"),
        (lambda: torch.zeros(2, dtype=torch.float16).reciprocal(), "reciprocal", "6e-8 in float16"),
        (lambda: torch.full((2,), math.inf) * 2, "mul", "reaches the loss"),
        (lambda: torch.tensor([200.0]).cosh(), "cosh", "overflow, or an operation without a value"),
    ],
)
def test_cause(call, called: str, cause: str) -> None:
    found = made_by(call)
    assert cause in advice(found, called)[0]
    assert advice(found, called)[1]


def test_evidence() -> None:
    said = evidence(made_by(lambda: torch.tensor([[4.0, 0.0]]).log()))
    assert said == "given [1, 2] from 0 to 4; 50.00% of its [1, 2] result is not finite, first -inf at [0, 1]"
    assert "(float16)" in evidence(made_by(lambda: torch.tensor([6e4]).half() * 2))
