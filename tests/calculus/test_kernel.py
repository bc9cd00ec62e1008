"""The tangent kernel of a function against its dense Jacobian."""

import torch

from fivefold.calculus import KernelOperator


def test_kernel(case):
    J = torch.autograd.functional.jacobian(case.outputs, case.w)
    K = KernelOperator(case.outputs, case.w)
    assert K.positive
    case.contract(K, J @ J.mT)
