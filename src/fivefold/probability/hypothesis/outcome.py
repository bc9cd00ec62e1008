"""The one form in which every hypothesis test answers."""

from dataclasses import dataclass
from typing import Literal, get_args

from fivefold.core import Certificate, require

Alternative = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How large the difference or association is, with its interval.

    Args:
        name: The measure.
        value: Its estimate; NaN where there is none.
        low: Lower end of the interval.
        high: Upper end.
        level: Of the interval.
        method: How the interval was obtained.
        none: The value that means no effect.
    """

    name: str
    value: float
    low: float
    high: float
    level: float
    method: str
    none: float = 0.0

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4g} ({self.level:.0%} interval {self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True, eq=False, slots=True)
class HypothesisTest:
    """A hypothesis held against data.

    Args:
        name: Of the test.
        hypothesis: The null hypothesis, in words.
        alternative: What it is held against.
        statistic: The test statistic.
        p_value: The probability, under the hypothesis, of a statistic at least this extreme.
        effect: How large the effect is; always two-sided, as a size is.
        degrees: Degrees of freedom, where the statistic has some.
        sizes: Of the samples.
        certificates: The test's assumptions, each checked as far as it can be.
    """

    name: str
    hypothesis: str
    alternative: Alternative
    statistic: float
    p_value: float
    effect: Effect
    sizes: tuple[int, ...]
    certificates: tuple[Certificate, ...]
    degrees: float | None = None

    @property
    def doubtful(self) -> tuple[Certificate, ...]:
        """The assumptions that the data speak against."""
        return tuple(each for each in self.certificates if each.holds is False)

    def __str__(self) -> str:
        p = "p < 0.0001" if self.p_value < 1e-4 else f"p = {self.p_value:.4f}"
        doubt = "".join(f"; doubtful: {each.claim}" for each in self.doubtful)
        return f"{self.name}: {p}, {self.effect}{doubt}"


def as_alternative(alternative: str) -> Alternative:
    """Return the alternative, once it is known to be one.

    Raises:
        ArgumentError: It is none.
    """
    known = get_args(Alternative)
    require(alternative in known, f"an alternative among {', '.join(known)}", repr(alternative))
    found: Alternative = known[known.index(alternative)]
    return found


def two_sided_quantile(level: float) -> float:
    """Return the normal quantile of an interval of this level.

    >>> two_sided_quantile(0.95)
    1.959...
    """
    from scipy.stats import norm

    return float(norm.ppf(0.5 + level / 2))
