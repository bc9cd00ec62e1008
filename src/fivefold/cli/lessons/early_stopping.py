"""Lesson: early stopping, with prices per square foot by latitude."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import figure, frame, line, panel, points, powers
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.early_stopping import early_stopping, kept, kept_by_ridge
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"w_{\mathrm{best}} = \mathrm{argmin}_t\; F_{\mathrm{held\,out}}(w_t)",
        "Keep the point of the walk that was best on rows that it did not learn from.",
    ),
    (
        r"1 - (1 - \eta \lambda_i)^t \approx \frac{\lambda_i}{\lambda_i + \alpha} \quad \alpha \approx "
        r"\frac{1}{\eta t}",
        "So much of the least-squares answer is there after t steps along an axis of curvature λ: nearly "
        "what a "
        "ridge would leave.",
    ),
)
CALLS = (
    (
        "fivefold.train",
        "with validation rows keeps the epoch that was best on them, and stops after its patience.",
    ),
    ("fivefold.fit", "stops its networks so, on a tenth of the rows."),
)
RELATED = (
    ("gradient-descent", "the walk that is stopped"),
    ("least-squares", "where it would end"),
    ("hypothesis-test", "why the best of many looks better than it is"),
)

_WAVES, _LEARN = 30, 45
_STOPS = (1, 5, 20, 50, 100, 300, 1000, 10**4, 10**5, 10**6)


class Problem:
    """A curve of thirty waves through 45 sales, and the other sales to judge it by."""

    def __init__(self) -> None:
        found = sales()
        order = numpy_generator(5, "show", "early-stopping").permutation(800)
        north, price = found["lat"], np.log(found["price"] / found["sqft_living"])
        self.learn, self.hold = order[:_LEARN], order[_LEARN:]
        self.north, self.price = north, price - price[self.learn].mean()
        self.X, self.y = self.waves(north[self.learn]), self.price[self.learn]
        self.values, self.vectors = np.linalg.eigh(self.X.T @ self.X / _LEARN)
        self.rate = 1.0 / float(self.values[-1])

    def waves(self, north: Array) -> Array:
        """Return thirty waves at these latitudes, [n, 30]: short ones are low, and so learnt last."""
        k = np.arange(1.0, _WAVES + 1.0)
        return np.asarray(np.cos(np.pi * k * (north[:, None] - 47.15) / 0.64) / k**1.5)

    def after(self, steps: int) -> Array:
        """Return the weights after so many steps from zero, at once from the shares of each axis."""
        share = kept(self.values, self.rate, steps)
        gain = np.where(self.values > 1e-13, share / np.maximum(self.values, 1e-13), self.rate * steps)
        return np.asarray(self.vectors @ (gain * (self.vectors.T @ (self.X.T @ self.y / _LEARN))))

    def error(self, w: Array, rows: Any) -> float:
        """Return the mean squared error of the log price per square foot on these rows."""
        return float(np.mean((self.waves(self.north[rows]) @ w - self.price[rows]) ** 2))


def geometry() -> dict[str, Any]:
    """Show which axes a walk has learnt after some steps, beside a ridge."""
    values = np.geomspace(1e-6, 1.0, 121)
    layers = []
    for steps, colour in ((10, "orange"), (1000, "blue"), (100000, "purple")):
        layers.append(line(values, kept(values, 1.0, steps), colour, label=f"{steps} steps"))
        layers.append(line(values, kept_by_ridge(values, 1.0 / steps), colour, dashed=True, width=1.2))
    return {
        "text": [
            "Descent from zero learns an axis of the bowl the faster, the more it is curved: that is, the "
            "more the "
            "data say about it. What many rows agree on is there after a few steps. The flat axes come "
            "last, and "
            "there noise is as large as anything else.",
            "So the number of steps is a dial from simple to complicated, like the strength of a ridge "
            "penalty, but without a fit for every setting: one walk passes them all.",
        ],
        "figures": [
            figure(
                "Three S-shaped curves, each beside a dashed one of nearly the same shape.",
                "Share of the least-squares answer that is there, by curvature, η = 1. Dashed: a ridge α = "
                "1/(ηt).",
                panel(
                    "Share kept",
                    layers,
                    xlabel="curvature λ",
                    xlog=True,
                    xlim=(1e-6, 1.0),
                    ylim=(0.0, 1.5),
                    xticks=powers(-6, 0, 2),
                    legend="upper left",
                ),
            )
        ],
    }


def vary() -> dict[str, Any]:
    """Stop the same walk at eleven steps."""
    problem = Problem()
    return {
        "label": "the step t at which to stop",
        "text": f"Log price per square foot of {_LEARN} sales in King County by latitude: a sum of thirty "
        f"waves, fitted "
        f"by gradient descent. The other {800 - _LEARN} sales are held out.",
        "start": 2,
        "frames": [_stop(problem, steps) for steps in _STOPS],
    }


def failures() -> list[dict[str, Any]]:
    """Show stops chosen on few sales, and too little patience."""
    problem = Problem()
    steps = np.unique(np.round(np.geomspace(1, 1e5, 90)).astype(int))
    weights = [problem.after(int(t)) for t in steps]
    few, ends = [], []
    for k, colour in enumerate(("blue", "orange", "green", "purple", "red")):
        rows = problem.hold[8 * k : 8 * k + 8]
        errors = [problem.error(w, rows) for w in weights]
        best = int(np.argmin(errors))
        few.append(line(steps, errors, colour, width=1.2))
        few.append(points([steps[best]], [errors[best]], colour, marker="*", size=12.0))
        ends.append(int(steps[best]))
    generator = numpy_generator(3, "show", "early-stopping")
    jagged = []
    for patience, colour in ((1, "red"), (10, "orange"), (60, "blue")):
        _, losses = early_stopping(
            lambda w: problem.X.T @ (problem.X @ w - problem.y) / _LEARN,
            lambda w: problem.error(w, generator.choice(problem.hold, 150, replace=False)),
            np.zeros(_WAVES),
            problem.rate,
            patience,
            600,
        )
        jagged.append((patience, losses, colour))
    return [
        {
            "title": "Judged by too few",
            "text": f"Five times eight sales were held out. Their best stops lie between step {min(ends)} "
            f"and step "
            f"{max(ends)}, by luck. And the lowest of many noisy numbers is lower than the truth: the error "
            f"of the "
            "chosen point must be measured on rows that had no part in the choice.",
            "figures": [
                figure(
                    "Five curves of the held-out error with their lowest points far apart.",
                    "Each curve: the error on eight other sales. Stars: where each would stop.",
                    panel(
                        "Held-out error, eight sales",
                        few,
                        xlabel="step",
                        xlog=True,
                        xlim=(1, 1e5),
                        ylim=(0.0, 0.4),
                        xticks=powers(0, 5, 1),
                    ),
                )
            ],
        },
        {
            "title": "Too little patience",
            "text": "Here each look at the held-out loss uses another 150 sales, so that it jumps. Who "
            "stops at the "
            "first rise, stops at once. Patience costs steps; the best point is kept all the same.",
            "figures": [
                figure(
                    "Three jagged curves that end at different steps.",
                    "Each curve ends where its patience did.",
                    panel(
                        "Held-out error while walking",
                        [
                            line(
                                np.arange(len(losses)) + 1,
                                losses,
                                colour,
                                width=1.2,
                                marker="o" if p == 1 else None,
                                label=f"patience {p}",
                            )
                            for p, losses, colour in reversed(jagged)
                        ],
                        xlabel="step, from 1",
                        xlog=True,
                        xlim=(1, 200),
                        ylim=(0.06, 0.2),
                        legend="upper right",
                    ),
                )
            ],
        },
    ]


def _stop(problem: Problem, stop: int) -> dict[str, Any]:
    steps = np.unique(np.round(np.geomspace(1, 1e6, 60)).astype(int))
    weights = [problem.after(int(t)) for t in steps]
    learnt = [problem.error(w, problem.learn) for w in weights]
    held = [problem.error(w, problem.hold) for w in weights]
    best, w = int(steps[int(np.argmin(held))]), problem.after(stop)
    here = problem.error(w, problem.learn), problem.error(w, problem.hold)
    ratio = here[1] / min(held)
    colour = "green" if ratio < 1.03 else "orange" if stop < best else "red"
    said = (
        "Near the best."
        if ratio < 1.03
        else "Too early: the curve is still too flat."
        if stop < best
        else "Late: it begins to follow single sales."
        if ratio < 1.3
        else "Too late: it runs after single sales, and swings between them."
    )
    x = np.linspace(47.17, 47.79, 181)
    left = [
        points(problem.north[problem.hold[::4]], problem.price[problem.hold[::4]], "grey", size=2.5),
        points(problem.north[problem.learn], problem.price[problem.learn], "ink", size=5.5),
        line(x, np.clip(problem.waves(x) @ w, -3.0, 3.0), colour),
    ]
    right = [
        line(steps, learnt, "grey", label="45 sales learnt from"),
        line(steps, held, "blue", label="held-out sales"),
        points([stop, stop], here, colour, size=9.0),
    ]
    return frame(
        f"t = {stop:,}",
        f"{said} Mean squared error {here[0]:.3f} where it learnt, {here[1]:.3f} where it did not; the best "
        f"stop "
        f"is near {best:,}.",
        f"A curve through sales by latitude, and both errors by step, stopped at {stop}",
        panel(
            "Log price per square foot", left, xlabel="degrees north", xlim=(47.17, 47.79), ylim=(-1.3, 1.3)
        ),
        panel(
            "Mean squared error",
            right,
            xlabel="step",
            xlog=True,
            ylog=True,
            xlim=(1, 1e6),
            ylim=(0.02, 0.6),
            xticks=powers(0, 6, 1),
            yticks=[(0.03, "0.03"), (0.1, "0.1"), (0.3, "0.3")],
            legend="lower left",
        ),
    )
