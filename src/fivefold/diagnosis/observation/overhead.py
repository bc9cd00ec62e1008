"""What watching costs, and whether it may cost more now."""

import math
from collections import deque
from statistics import median
from time import perf_counter

LEAST_PLAIN, MOST_PLAIN = 5, 31
"""Updates that are not watched whose times tell what one takes."""

AIM = 0.5
"""Part of what watching may cost that it aims at, since what may be spent is a bound: what its account says
of itself is right to a fifth or so (measured on whole trainings with and without it), and short of the first
watched update, which there is no other to compare with, by up to the time of one. With three fifths a dense
network of 3 ms an update took 4.7% of 5.
"""
AROUND = 5.0
"""What an update that is not watched costs but for its look at the gradients, in times of the last hook,
which only takes note of the update: the other hooks, torch's way to all of them and back, and what they drive
out of the caches. Measured on a small dense network, one of 0.9 MB and a convolutional one, trained in turns
with and without hooks: 3 to 5.5.
"""
SLOWER, CAPPED = 1.02, 3.0
"""By how much the shortest time of a hook is forgotten at each call, and the most times it that counts."""


class Overhead:
    """An account of the seconds that watching takes, kept below a share of all.

    What every update costs, watched or not, comes off first: a seconds of the share of the time t since the
    start. A watched step of expected cost c may begin where s seconds were spent on watched ones, if

        s + c <= part * (share * t - a) + allowance

    so that at the end of a long training hardly more than ``share`` of its time went to watching. The first
    ``free`` watched steps are taken without asking: they show the state before training, which nothing can
    bring back.

    Args:
        share: The share of time to spend, in (0, 1].
        free: Watched steps taken whatever they cost.
        allowance: Seconds that may be spent beyond the share, for trainings that are over soon.
        part: Of what the share leaves, for watched steps; in (0, 1].

    Attributes:
        spent: Seconds that went to watched steps.
        always: Seconds that went to all others.
        full: Whether what is entered now belongs to a watched step.

    >>> account = Overhead(0.05)
    >>> account.allows(), account.allows(at=0.0)
    (True, True)
    >>> account.spend(0.010); account.end()
    >>> account.allows(at=0.1), account.allows(at=1.0)
    (False, True)
    """

    def __init__(self, share: float, free: int = 1, allowance: float = 0.0, part: float = 1.0) -> None:
        self.share, self.part = share, part
        self.allowance = allowance
        self.spent = self.always = 0.0
        self.full = True
        self.began = perf_counter()
        self._free = free
        self._since = 0.0
        self._quick = math.inf
        self._cost = self._not_before = 0.0
        self._measured = False
        self._plain: deque[float] = deque(maxlen=MOST_PLAIN)

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
        now = self.elapsed if at is None else at
        if now < self._not_before:
            return False  # asked after every update
        if self._cost <= self.room(now):
            return True
        # Until the next step ends, what was spent only grows: it will not be allowed before this.
        beyond = self._cost + self.spent - self.allowance
        self._not_before = (beyond / self.part + self.always) / self.share
        return False

    def room(self, at: float | None = None) -> float:
        """Seconds that watched steps may take now.

        Args:
            at: As for :meth:`allows`.
        """
        left = self.share * (self.elapsed if at is None else at) - self.always
        return self.allowance + self.part * max(0.0, left) - self.spent

    def unasked_room(self) -> float:
        """Seconds that may still go into a watched step that was not asked for (one of the free ones); into
        one that was, as many as it takes: they were expected.
        """
        return self.room() if self._free > 0 else math.inf

    def expect(self, seconds: float) -> None:
        """Say what a watched step is expected to cost, before one has been measured.

        Args:
            seconds: About.
        """
        if not self._measured:
            self._cost, self._not_before = seconds, 0.0

    def spend(self, seconds: float) -> None:
        """Enter seconds."""
        if self.full:
            self.spent += seconds
            self._since += seconds
        else:
            self.always += seconds

    def reach(self, seconds: float, passes: int = 1) -> None:
        """Enter what an update that is not watched cost, but for its look at the gradients.

        Where another program took the processor in the meantime, that is no cost of ours: what the last hook
        took counts up to a few times what it took of late.

        Args:
            seconds: What the last hook took, which only takes note of the update.
            passes: Forward passes of the update. Each costs about as much as the update beside them.
        """
        self._quick = min(seconds, SLOWER * self._quick)
        self.spend(0.5 * (1 + passes) * AROUND * min(seconds, CAPPED * self._quick))

    def plain(self, seconds: float) -> None:
        """Tell what an update took that was not watched, with all that belongs to it.

        Args:
            seconds: From the end of the update before to its own.
        """
        self._plain.append(seconds)

    def watched(self, seconds: float) -> None:
        """Tell what a watched update took in all: what is beyond a plain one and was not entered yet (torch's
        own ways around hooks and modes, memory that has to be fetched again) is entered, at most as much
        again as was.

        Args:
            seconds: From the end of the update before to its own.
        """
        if len(self._plain) >= LEAST_PLAIN:
            beyond = seconds - median(self._plain) - self._since
            self.spend(min(max(0.0, beyond), self._since))

    def end(self) -> None:
        """End a watched step: what it cost is what the next is expected to (the larger of it and the mean so
        far).
        """
        self._free -= 1
        self._cost = self._cost if self._measured else 0.0
        self._measured = True
        self._cost = max(self._since, 0.5 * (self._cost + self._since)) if self._cost else self._since
        self._since = self._not_before = 0.0
