"""What watching costs, and whether it may cost more now."""

from time import perf_counter


class Overhead:
    """An account of the seconds that watching takes, kept below a share of all.

    A watched step of expected cost c may begin at time t after the start, where s seconds were spent, if

        s + c <= share * t + allowance

    so that at the end of a long training hardly more than ``share`` of its time went to watching. The first
    ``free`` watched steps are taken without asking: they show the state before training, which nothing can
    bring back.

    Args:
        share: The share of time to spend, in (0, 1].
        free: Watched steps taken whatever they cost.
        allowance: Seconds that may be spent beyond the share, for trainings that are over soon.

    >>> account = Overhead(0.05, free=1)
    >>> account.allows(), account.allows(at=0.0)
    (True, True)
    >>> account.spend(0.010); account.end()
    >>> account.allows(at=0.1), account.allows(at=1.0)
    (False, True)
    """

    def __init__(self, share: float, free: int = 2, allowance: float = 0.0) -> None:
        self.share = share
        self.allowance = allowance
        self.spent = 0.0
        self.began = perf_counter()
        self._free = free
        self._since = 0.0
        self._cost = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the account was opened."""
        return perf_counter() - self.began

    def allows(self, *, at: float | None = None) -> bool:
        """Whether another watched step may begin.

        Args:
            at: Seconds since the account was opened; now by default.
        """
        if self._free > 0:
            return True
        return self.spent + self._cost <= self.allowance + self.share * (self.elapsed if at is None else at)

    def spend(self, seconds: float) -> None:
        """Enter seconds."""
        self.spent += seconds
        self._since += seconds

    def end(self) -> None:
        """End a watched step: what it cost is what the next is expected to (the larger of it and the mean so
        far).
        """
        self._free -= 1
        self._cost = max(self._since, 0.5 * (self._cost + self._since)) if self._cost else self._since
        self._since = 0.0
