"""How many columns of a product go together: one after the other, or mapped, under a memory bound."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from fivefold.calculus.fallback import Way, quiet_loading
from fivefold.calculus.memory import PeakMemory
from fivefold.core import ArgumentError, require

CHUNK = 64
"""Columns that go through one mapped product where no memory bound says otherwise."""
TRIAL = 4
"""Columns of the mapped product that is timed against a loop."""
BATCHINGS = ("auto", "loop", "measured")


class OverBoundError(RuntimeError):
    """A product held more bytes than it may."""

    def __init__(self, needed: int, bound: int) -> None:
        super().__init__(f"{needed} bytes of tensors held, {bound} allowed")
        self.needed = needed


class BrokenWayError(RuntimeError):
    """A way failed on columns though it had worked on the first."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(str(error))
        self.index = index
        self.error = error


class Ledger:
    """The bytes that ways keep between products, counted for all plans that share them."""

    def __init__(self) -> None:
        self.kept = 0


class Plan:
    """The choice of a way for the products of an operator, made at the first product and then kept.

    Args:
        batching: ``"auto"``: mapped where the function can be, the same at each run. ``"loop"``: one column
            after the other. ``"measured"``: whichever of the two takes less time on the first columns, so
            that the last digits can differ from run to run.
        memory: Bytes of tensors that a product may hold, beside its operands and its result; no bound by
            default. The first product tries one column and measures it; the chunk of a mapped product
            follows, and a way that needs more is not taken again. That trial itself can overstep the bound.
        ledger: What is kept between products counts against the memory; one of its own by default.

    Raises:
        ArgumentError: Another batching, or a memory that is not positive.

    >>> double = Way("doubling", "loop", lambda X: 2 * X)
    >>> Plan("loop").run([double], torch.ones(2, 3)).sum()
    tensor(12.)
    """

    def __init__(
        self, batching: str = "auto", memory: int | None = None, ledger: Ledger | None = None
    ) -> None:
        require(batching in BATCHINGS, f"batching as one of {BATCHINGS}", repr(batching))
        require(memory is None or memory > 0, "a positive number of bytes, or None", memory)
        self.batching = batching
        self.memory = memory
        self.chosen: tuple[str, str] | None = None
        self._ledger = ledger or Ledger()
        self._loop: int | None = None
        self._map: int | None = None
        self._chunk = CHUNK
        self._prefers_map: bool | None = {"auto": True, "loop": False, "measured": None}[batching]
        self._sought_map = False
        self._broken: set[int] = set()

    def way(self, ways: Sequence[Way[Tensor]], probe: Tensor) -> Way[Tensor]:
        """Return the way that products take, after trying it on ``probe`` ``[n, 1]`` where needed."""
        self._settle(ways, probe)
        index = self._map if self._map is not None and self._prefers_map is not False else self._loop
        return ways[0 if index is None else index]

    def run(self, ways: Sequence[Way[Tensor]], X: Tensor) -> Tensor:
        """Map ``[n, k]`` to ``[m, k]``.

        Raises:
            ArgumentError: Not even one column fits the memory bound; the message says how much is needed.
        """
        while True:
            try:
                return self._run(ways, X)
            except BrokenWayError as broken:
                # The trial under a memory bound counts bytes in a dispatch mode, in which torch takes other
                # ways through forward derivatives than without it: what worked there can fail here.
                self._give_up(ways, broken.index)
                if all(k in self._broken for k, way in enumerate(ways) if way.batching == "loop"):
                    raise broken.error from None

    def _give_up(self, ways: Sequence[Way[Tensor]], index: int) -> None:
        self._broken.add(index)
        if self._map == index:
            self._map, self._sought_map = None, False
        if self._loop == index:
            self._loop = None
        release = ways[index].release
        if release is not None:
            release()

    def _run(self, ways: Sequence[Way[Tensor]], X: Tensor) -> Tensor:
        if X.shape[1] == 0:
            return ways[-1].run(X.new_zeros(X.shape[0], 1))[:, :0]
        done = self._settle(ways, X[:, :1])
        if done is not None and self._loop is not None:
            self.chosen = ways[self._loop].mode, ways[self._loop].batching
        start = 0 if done is None else 1
        pieces = [] if done is None else [done]
        several = X.shape[1] - start > 1
        if several and self._prefers_map is None:
            start, timed = self._measure(ways, X, start)
            pieces += timed
        if start < X.shape[1]:
            index = self._map if self._prefers_map and self._map is not None else self._loop
            index = 0 if index is None else index
            way = ways[index]
            self.chosen = way.mode, way.batching
            step = self._chunk if way.batching == "vmap" else X.shape[1]
            pieces += [_take(ways, index, X[:, at : at + step]) for at in range(start, X.shape[1], step)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)

    def _settle(self, ways: Sequence[Way[Tensor]], column: Tensor) -> Tensor | None:
        """Find the ways that work; return the product with ``column`` where one was needed for that."""
        done: Tensor | None = None
        if self._prefers_map and not self._sought_map:
            done = self._seek_map(ways, column)
        if self._loop is None and not (self._prefers_map and self._map is not None):
            self._loop, done = self._first(ways, column, "loop")
        return done

    def _seek_map(self, ways: Sequence[Way[Tensor]], column: Tensor) -> Tensor | None:
        self._sought_map = True
        try:
            self._map, done = self._first(ways, column, "vmap")
        except (RuntimeError, ValueError, LookupError):  # the loop may still do it
            return None
        if self.memory is not None:
            one = self._peak(ways[self._map], column)
            two = self._peak(ways[self._map], torch.cat([column, column], dim=1))
            each = max(two - one, 1)
            left = self.memory - self._ledger.kept - (one - each)
            self._chunk = max(1, min(CHUNK, left // each))
        return done

    def _first(self, ways: Sequence[Way[Tensor]], column: Tensor, batching: str) -> tuple[int, Tensor]:
        candidates = [
            index for index, way in enumerate(ways) if way.batching == batching and index not in self._broken
        ]
        if not candidates:
            raise LookupError(batching)
        over: OverBoundError | None = None
        with quiet_loading():
            for index in candidates:
                try:
                    return index, self._bounded(ways[index], column)
                except OverBoundError as error:
                    over = error
                    release = ways[index].release
                    if release is not None:
                        release()
                except (RuntimeError, ValueError):
                    if index == candidates[-1] and over is None:
                        raise
        raise ArgumentError(
            f"a product within {self.memory} bytes",
            f"one column already needs {(over.needed if over else 0) + self._ledger.kept} or more",
            "pass the data as several smaller batches, or raise memory=",
        )

    def _bounded(self, way: Way[Tensor], column: Tensor) -> Tensor:
        if self.memory is None:
            return way.run(column)
        # Measured and then refused: leaving torch's transforms by an exception from inside is not safe.
        with PeakMemory() as memory:
            out = way.run(column)
        if memory.peak > self.memory - self._ledger.kept:
            raise OverBoundError(memory.peak, self.memory)
        if way.release is not None:
            self._ledger.kept += memory.live
        return out

    def _peak(self, way: Way[Tensor], X: Tensor) -> int:
        with PeakMemory() as memory:
            way.run(X)
        return int(memory.peak)

    def _measure(self, ways: Sequence[Way[Tensor]], X: Tensor, start: int) -> tuple[int, list[Tensor]]:
        """Time one column alone and a few mapped; return where to go on, and what was made meanwhile."""
        assert self._loop is not None
        before = time.perf_counter()
        pieces = [_take(ways, self._loop, X[:, start : start + 1])]
        _wait(X)
        alone = time.perf_counter() - before
        start += 1
        if not self._sought_map:
            self._seek_map(ways, X[:, :1])  # also what is paid once at the first mapped product
        if self._map is None:
            self._prefers_map = False
            return start, pieces
        count = min(TRIAL, self._chunk, X.shape[1] - start)
        if count < 2:
            return start, pieces  # too few columns to tell: undecided
        before = time.perf_counter()
        pieces.append(_take(ways, self._map, X[:, start : start + count]))
        _wait(X)
        self._prefers_map = time.perf_counter() - before < count * alone
        return start + count, pieces


def _take(ways: Sequence[Way[Tensor]], index: int, X: Tensor) -> Tensor:
    try:
        return ways[index].run(X)
    except (RuntimeError, ValueError) as error:
        raise BrokenWayError(index, error) from error


def _wait(X: Tensor) -> None:
    if X.device.type == "cuda":
        torch.cuda.synchronize(X.device)
