"""The R factor of rows that come in blocks: QR of what is known so far on top of the next block."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from fivefold.linalg.moments import first_shift_and_scale
from fivefold.linalg.row_batches import require_finite_block


def stacked_triangle(
    blocks: Iterable[tuple[Tensor, Tensor]],
    shift: Tensor | None,
    scale: Tensor | None,
    *,
    ones: bool,
    penalty: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor, int, int]:
    r"""Return R of :math:`[1, (X - s) D^{-1}, (Y - s) D^{-1}]`, and the shift and scale that were used.

    Backward stable as the QR of everything at once: the condition is not squared.

    Source: G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th ed., section 6.5.3; J. Demmel et al.,
    SIAM J. Sci. Comput. 34 (2012), for TSQR.

    Args:
        blocks: ``(X, Y)`` with n and k columns.
        shift: ``[n + k]``, or ``None`` for the mean of the first block (zero without ``ones``).
        scale: ``[n + k]``, or ``None`` for powers of two near the spread of the first block.
        ones: Whether a column of ones comes first, which centres the others.
        penalty: :math:`\lambda`: rows :math:`\sqrt\lambda I` are put above those of X, no ones beside them.

    Returns:
        R, shift, scale, rows, blocks.

    Raises:
        ArgumentError: NaN or infinities.

    >>> R = stacked_triangle([(torch.tensor([[3.0], [4.0]]), torch.zeros(2, 1))], None, None, ones=False)[0]
    >>> round(abs(R[0, 0].item()), 12) in (5.0, 2.5, 1.25)
    True
    """
    R = torch.zeros((0, 0), dtype=torch.float64)
    rows = count = 0
    for X, Y in blocks:
        part = torch.cat([X.double(), Y.double()], dim=1)
        if not bool(torch.isfinite(part.sum())):
            require_finite_block(X, Y, rows)
        if count == 0:
            s, d = first_shift_and_scale(part, centre=ones)
            shift, scale = (s if shift is None else shift), (d if scale is None else scale)
            extra = math.sqrt(penalty) * torch.eye(
                X.shape[1], part.shape[1], dtype=part.dtype, device=part.device
            )
            extra = extra[: X.shape[1] if penalty > 0 else 0] / scale
            R = torch.nn.functional.pad(extra, (1, 0)) if ones else extra
        assert shift is not None
        assert scale is not None
        part = (part - shift) / scale
        if ones:
            part = torch.nn.functional.pad(part, (1, 0), value=1.0)
        R = torch.linalg.qr(torch.cat([R, part]), mode="r").R
        rows += X.shape[0]
        count += 1
    assert shift is not None
    assert scale is not None
    return R, shift, scale, rows, count
