"""Examples that a model is given in several tensors, as one table of numbers."""

import numpy as np
import torch
from torch import Tensor

from fivefold.diagnosis.observation.record import Rows

MOST_NAMES = 16
"""Columns of names (integers) beyond which they are a text."""

MOST_VALUES = 40
LEAST_SHARE = 0.01
MOST_COLUMNS = 1024


def numbers_beside(rows: Rows) -> list[Tensor]:
    """Return the measured numbers of each kept block as columns, [b, k], of all tensors that it came in.

    Pictures and signals among them are left out (k at most 64); empty where blocks differ in their columns.

    Args:
        rows: What was kept.

    >>> import torch
    >>> rows = Rows([torch.tensor([[3, 4]])], [None], [0], [False], [[torch.tensor([[0.5, 2.0]])]])
    >>> numbers_beside(rows)
    [tensor([[0.5000, 2.0000]])]
    """
    out = []
    for block, beside in zip(rows.inputs, rows.beside, strict=False):
        parts = [t for t in (block, *(beside or ())) if t.is_floating_point() and t.ndim <= 2]
        parts = [t.reshape(len(t), -1) for t in parts if len(t) == len(block)]
        columns = torch.cat([p.float() for p in parts], 1) if parts else block.new_empty(len(block), 0)
        out.append(columns if columns.shape[1] <= 64 else columns[:, :0])
    widths = {t.shape[1] for t in out}
    return out if len(widths) == 1 and widths != {0} else []


def whole_rows(training: Rows, evaluation: Rows) -> tuple[Rows, Rows] | None:
    """Return examples that came in several tensors as tables: measured columns as they are, one column of
    zeros and ones for each common name in each column of integers.

    A name is common where it is in a hundredth of the training examples; the same columns are made of
    evaluation examples. ``None`` where one tensor is all that a model was given, or where some was not kept,
    is a text, or a picture.

    Args:
        training: Kept training examples.
        evaluation: Kept evaluation examples.
    """
    if not training.inputs or not any(training.beside) or any(b is None for b in training.beside):
        return None
    blocks = [_parts(training, i) for i in range(len(training.inputs))]
    if any([_form(t) for t in b] != [_form(t) for t in blocks[0]] for b in blocks):
        return None
    names = sum(f[0] for t in blocks[0] if not (f := _form(t))[1])
    if names > MOST_NAMES:
        return None
    columns = [_common(torch.cat([b[i] for b in blocks])) for i in range(len(blocks[0]))]
    if sum(_width(t, c) for t, c in zip(blocks[0], columns, strict=True)) > MOST_COLUMNS:
        return None
    held = [_parts(evaluation, i) for i in range(len(evaluation.inputs))]
    fits = all(
        evaluation.beside[i] is not None and [_form(t) for t in b] == [_form(t) for t in blocks[0]]
        for i, b in enumerate(held)
    )
    return _made(training, blocks, columns), _made(evaluation, held, columns) if fits else Rows()


def _parts(rows: Rows, i: int) -> list[Tensor]:
    beside = (rows.beside[i] if i < len(rows.beside) else None) or []
    return [t.reshape(len(t), -1) for t in (rows.inputs[i], *beside)]


def _form(part: Tensor) -> tuple[int, bool]:
    return part.shape[1], part.is_floating_point()


def _common(part: Tensor) -> list[np.ndarray]:
    """Of each column of names, the common ones."""
    if part.is_floating_point():
        return []
    out = []
    for column in part.T.numpy():
        values, counts = np.unique(column, return_counts=True)
        order = np.argsort(-counts)[:MOST_VALUES]
        out.append(np.sort(values[order][counts[order] >= LEAST_SHARE * len(column)]))
    return out


def _width(part: Tensor, common: list[np.ndarray]) -> int:
    return part.shape[1] if part.is_floating_point() else sum(map(len, common))


def _made(rows: Rows, blocks: list[list[Tensor]], columns: list[list[np.ndarray]]) -> Rows:
    tables = []
    for parts in blocks:
        made = []
        for part, common in zip(parts, columns, strict=True):
            if part.is_floating_point():
                made.append(part.double())
            for column, values in zip(part.T.numpy(), common, strict=False):
                made.append(torch.from_numpy((column[:, None] == values).astype(float)))
        tables.append(torch.cat(made, 1) if made else torch.empty(len(parts[0]), 0))
    return Rows(tables, list(rows.targets), list(rows.steps), [True] * len(tables), [[] for _ in tables])
