"""The standard error of a mean over rows, which says how far another draw of rows would move it."""

import numpy as np
import numpy.typing as npt


def standard_error(values: npt.NDArray[np.float64]) -> float:
    r"""Return :math:`s / \sqrt n`, with the standard deviation s of divisor n - 1; NaN below two rows.

    Args:
        values: ``[n]``, one of each row, independent of one another.

    >>> standard_error(np.array([1.0, 3.0]))
    1.0
    """
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
