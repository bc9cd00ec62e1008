"""Which examples share a piece with others: windows cut from one series or text, copies, near copies."""

import numpy as np

from fivefold.diagnosis.checks.rules import keys_of, rich
from fivefold.diagnosis.observation.record import Rows

MOST = 2000
MOST_NUMBERS = 1_000_000
FEW_KINDS = 300


def windows(rows: Rows, most: int = MOST) -> np.ndarray:
    """Return kept examples as sequences of steps, [n, t, d], where they are sequences or images.

    Images [n, c, h, w] are taken by their rows, [n * c * h, w, 1], since windows of a picture overlap in
    rows, too. Whatever is no sequence gives [0, 0, 0].
    """
    blocks = [b for b in rows.inputs if b.shape[1:] == rows.inputs[0].shape[1:]]
    if not blocks or blocks[0].ndim < 2 or blocks[0].ndim > 4:
        return np.empty((0, 0, 0))
    most = min(most, MOST_NUMBERS // max(1, blocks[0][0].numel()))
    seen: dict[bytes, np.ndarray] = {}
    for block in blocks:
        for example in block.double().numpy():
            if len(seen) < most:
                seen.setdefault(np.ascontiguousarray(example).tobytes(), example)
    x = np.stack(list(seen.values()))
    if x.ndim == 2:
        return x[:, :, None]
    return x if x.ndim == 3 else x.reshape(-1, x.shape[3], 1)


def pieces(x: np.ndarray, length: int, places: list[int] | None = None) -> list[list[bytes]]:
    """Return the bytes of each example's pieces of some steps, empty where a piece has too few distinct
    numbers.

    Args:
        x: Sequences, [n, t, d].
        length: Steps of a piece.
        places: Where pieces begin; everywhere by default.
    """
    n, t, d = x.shape
    x = x + 0.0
    out: list[list[bytes]] = [[] for _ in range(n)]
    for place in range(t - length + 1) if places is None else places:
        cut = np.ascontiguousarray(x[:, place : place + length].reshape(n, length * d))
        enough = rich(cut, tokens=True)
        for i in np.flatnonzero(enough):
            out[i].append(cut[i].tobytes())
    return out


def shared(x: np.ndarray, others: np.ndarray, *, parts: int = 4) -> tuple[float, int]:
    """Return the share of sequences a piece of which, a quarter long, occurs in others at any place.

    A piece holds eight numbers at least, and twenty of an alphabet of letters, in which eight come again by
    chance.

    Args:
        x: Sequences, [n, t, d].
        others: Others, [m, t, d].
        parts: Pieces that make up a sequence.

    Returns:
        The share, and of how many (those with pieces that hold enough distinct numbers).
    """
    t = x.shape[1] if x.ndim == 3 else 0
    if t < 8 or x.shape[1:] != others.shape[1:]:
        return 0.0, 0
    kinds = len(np.unique(x[:200]))
    length = max(-(-(20 if kinds < FEW_KINDS else 8) // x.shape[2]), t // parts)
    if length > t:
        return 0.0, 0
    known = {piece for found in pieces(others, length) for piece in found}
    asked = pieces(x, length, sorted({0, (t - length) // 2, t - length}))
    told = [any(piece in known for piece in found) for found in asked if found]
    return (float(np.mean(told)), len(told)) if told else (0.0, 0)


def nearly_equal(x: np.ndarray, others: np.ndarray) -> float:
    """Return the share of examples whose nearest one among others is ten times nearer than among their own.

    Two examples of one population lie so near by chance in a share of about (n / m) 10^-d in d dimensions:
    less than one in a thousand from four on.

    Args:
        x: Examples, [m, d], distinct.
        others: Others, [n, d].
    """
    spread = others.std(0)
    used = spread > 0
    if used.sum() < 4 or len(x) < 20:
        return 0.0
    a, b = x[:, used] / spread[used], others[:, used] / spread[used]
    own = _squares(a, a)
    np.fill_diagonal(own, np.inf)
    nearest, among = _squares(a, b).min(1), own.min(1)
    # What has a twin among its own says nothing.
    asked = among > 1e-6 * float(np.median(among))
    return float((nearest[asked] < 0.01 * among[asked]).mean()) if asked.sum() >= 20 else 0.0


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0))


def repeats(x: np.ndarray) -> float:
    """Return the share of examples that another one before equals."""
    return 1.0 - len(set(keys_of(x))) / max(1, len(x))
