"""What was seen of one update in depth."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they take a moment to load, and are needed where a look in depth was asked for
    from fivefold.theory.noise_scale import GradientNoise
    from fivefold.theory.stability import StabilityMargin


@dataclass(frozen=True, slots=True)
class DeepStep:
    """One update looked at in depth, at the weights at which its gradient was taken.

    Attributes:
        index: Updates before it.
        rows: Of the batch; 0 where they are not known.
        slope: g.d, the derivative of the batch's loss along the update d.
        bend: d.H d, by a product with the Hessian; nan where there is none.
        length: Euclidean norm of d.
        margin: Rate times (preconditioned) sharpness against the optimizer's edge of stability; ``None``
            where it is not known.
        noise: Noise of the gradient, from groups of the batch's rows; ``None`` where they cannot be told
            apart.
        seconds: That looking took.
        notes: What was left out or done in another way, in sentences.
    """

    index: int
    rows: int
    slope: float
    bend: float
    length: float
    margin: "StabilityMargin | None"
    noise: "GradientNoise | None"
    seconds: float
    notes: tuple[str, ...]

    @property
    def along(self) -> float:
        """d.H d / d.d, the curvature along the step; nan for a step of no length."""
        return self.bend / self.length**2 if self.length > 0 else math.nan

    @property
    def best_multiple(self) -> float:
        """-g.d / d.H d: below 1/2 the step overshoots; infinite where the loss does not bend upwards."""
        if not math.isfinite(self.bend):
            return math.nan
        return -self.slope / self.bend if self.bend > 0 else math.inf
