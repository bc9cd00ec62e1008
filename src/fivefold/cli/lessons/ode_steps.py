"""Lesson: steps through a differential equation, their order, and the size from which they are unstable."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivefold.cli.lessons.king_county import sales
from fivefold.cli.lessons.layers import (
    Layer,
    arrow,
    contour,
    figure,
    frame,
    line,
    panel,
    path,
    points,
    powers,
    shape,
    text,
)
from fivefold.concepts.ode_steps import Step, euler, growth, implicit_euler, midpoint, rk4, walk

FORMULAS = (
    (
        r"y_{t+h} = y_t + h\, f(t, y_t)",
        "Euler: follow the slope at the start. Ten times the steps, a tenth of the error.",
    ),
    (
        r"y_{t+h} = y_t + h\, f\left(t + \frac{h}{2},\ y_t + \frac{h}{2} f(t, y_t)\right)",
        "Midpoint: the slope half way on. Ten times the steps, a hundredth.",
    ),
    (
        r"y_{t+h} = y_t + \frac{h}{6} (k_1 + 2 k_2 + 2 k_3 + k_4)",
        "Runge-Kutta, RK4: four slopes a step. Ten times the steps, a ten-thousandth.",
    ),
    (
        r"y' = \lambda y: \quad y_{t+h} = R(h \lambda)\, y_t, \qquad |R(h \lambda)| \leq 1",
        "The condition of stability. R is 1 + z for Euler, and 1 + z + z²/2 + z³/6 + z⁴/24 for RK4.",
    ),
)
CALLS = (
    ("fivefold.calculus.solve_ode", "chooses its steps itself, and solves twice to tell its error."),
    (
        "fivefold.calculus.ode_gradient",
        "the gradient of a loss through the solution, by the adjoint equation.",
    ),
    ("fivefold.minimize", "goes down a gradient flow without following it."),
)
RELATED = (
    ("gradient-descent", "Euler's step on the gradient flow; its largest rate is Euler's limit of stability"),
    ("derivative", "the same trade of step against error"),
    ("quadrature", "where f does not depend on y: midpoint and Simpson's rule"),
    ("eigenvectors", "whose λ decide which steps are stable"),
)

_METHODS: tuple[tuple[str, Step, str, str, int], ...] = (
    ("Euler", euler, "orange", "o", 1),
    ("midpoint", midpoint, "purple", "^", 2),
    ("RK4", rk4, "blue", "s", 4),
)
_FAST = 25.0
_STIFF = np.diag([-1.0, -_FAST])
_STEPS = (0.01, 0.03, 0.05, 0.07, 0.08, 0.085, 0.095, 0.105, 0.111, 0.115, 0.125)

Array = NDArray[np.float64]


def geometry() -> dict[str, Any]:
    """Take one large step three ways, and show the orders; then gradient descent as Euler's steps."""
    return {
        "text": [
            "A differential equation gives a slope at every place and asks for the curve that follows it. "
            "One long step along the slope at the start misses the bend; slopes taken on the way see it. "
            "How fast the error falls with the step is the order of a method.",
            "Gradient descent is Euler's method. The flow y′ = −∇F(y) runs down a valley without ever "
            "rising; a rate η is a step h = η. Below: the squared error of the log price of 800 house "
            "sales in King County, by the living area and its logarithm, both standardised.",
        ],
        "figures": [_orders(), _flow()],
    }


def vary() -> dict[str, Any]:
    """Lengthen the step on an equation of one slow and one fast part."""
    regions = [
        shape(_boundary(step, order), colour, alpha=0.08, width=1.6, label=name)
        for name, step, colour, _, order in _METHODS
    ]
    return {
        "label": "the step h",
        "text": f"y is the sum of a slow part, e⁻ᵗ, and a fast one, e⁻²⁵ᵗ, gone at a glance. "
        f"Right: the places hλ for λ = −1 and λ = −{_FAST:.0f} among those where each method is stable.",
        "start": 3,
        "frames": [_stiff(h, regions) for h in _STEPS],
    }


def failures() -> list[dict[str, Any]]:
    """Show stiffness, and a circle that Euler's step cannot keep."""
    return [
        {
            "title": "Stiffness",
            "text": "The fast part is long gone, and still it dictates the step: ten times faster, ten "
            "times the steps, for a curve that looks the same. A higher order hardly helps. A step that "
            "uses the slope at its end, and solves for it, needs the same number however fast that is. "
            "The stiffness of gradient descent is the condition number.",
            "figures": [_cost()],
        },
        {
            "title": "A circle",
            "text": "On y′ = i y, a wheel that turns, λ lies on the imaginary axis, outside of Euler's "
            "circle for every h > 0: each step multiplies the radius by √(1 + h²). Smaller steps delay "
            "it, none prevents it. Euler with the slope at the end loses radius instead. RK4 loses a "
            "little, up to h = 2.83.",
            "figures": [_circle()],
        },
        {
            "title": "A small error of each step is not a small error",
            "text": "Where neighbouring curves part, as in the weather, every error grows with them. No "
            "order helps for long: solve twice, at two tolerances, and see until when the answers agree.",
            "figures": [],
        },
    ]


def _logistic(t: float, y: Array) -> Array:
    return y * (1.0 - y)


def _orders() -> dict[str, Any]:
    t = np.linspace(0.0, 4.0, 81)
    start = np.array([0.1])

    def exact(t: Any) -> Any:
        return 1.0 / (1.0 + 9.0 * np.exp(-np.asarray(t)))

    steps = [line(t, exact(t), "ink", label="the true curve")]
    errors = []
    sizes = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
    for name, step, colour, marker, order in _METHODS:
        route = walk(step, _logistic, start, 4.0, 2)[:, 0]
        steps.append(line([0.0, 2.0, 4.0], route, colour, marker=marker, label=name))
        off = np.array([abs(walk(step, _logistic, start, 4.0, int(n))[-1, 0] - exact(4.0)) for n in sizes])
        errors.append(line(4.0 / sizes, off, colour, marker=marker, label=f"{name}, order {order}"))
    return figure(
        "A curve and three routes of two steps; the errors on logarithmic axes are lines of slope 1, 2 "
        "and 4.",
        "Growth y′ = y(1 − y) from 0.1. Right: the error at t = 4. A step of RK4 costs four slopes, one of "
        "Euler one; four times the steps of Euler is a quarter of its error, and no match.",
        panel(
            "Two steps of h = 2",
            steps,
            xlabel="t",
            ylabel="y",
            xlim=(0, 4.1),
            ylim=(0, 1),
            legend="upper left",
        ),
        panel(
            "Error against the step",
            errors,
            xlabel="h",
            xlog=True,
            ylog=True,
            xlim=(0.006, 2.6),
            ylim=(1e-14, 3),
            yticks=powers(-12, 0, 3),
            legend="lower right",
        ),
    )


def _prices() -> tuple[Array, Array]:
    """Return the Hessian of the mean squared error (halved) and its minimum, for two standardised columns."""
    found = sales()
    X = np.stack([found["sqft_living"], np.log(found["sqft_living"])], axis=1)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = np.log(found["price"])
    H = X.T @ X / len(y)
    return H, np.linalg.solve(H, X.T @ (y - y.mean()) / len(y))


def _flow() -> dict[str, Any]:
    H, best = _prices()
    values, V = np.linalg.eigh(H)
    start = np.array([0.45, -0.75])

    def slope(t: float, w: Array) -> Array:
        return np.asarray(-H @ (w - best))

    t = np.concatenate([[0.0], np.logspace(-2.0, 2.5, 160)])
    flow = best + (np.exp(-np.outer(t, values)) * (V.T @ (start - best))) @ V.T
    x, y = np.linspace(-0.4, 1.4, 61), np.linspace(-1.0, 0.8, 61)
    offset = np.stack(np.meshgrid(x, y), axis=-1) - best
    height = 0.5 * np.einsum("...i,ij,...j->...", offset, H, offset)
    valley = [
        contour(x, y, height, [0.002, 0.01, 0.04, 0.1, 0.2, 0.4, 0.7]),
        path(flow.T, "ink", label="flow"),
    ]
    losses = []
    limit = 2.0 / values[-1]
    gradients = 240
    for label, step, rate, cost, colour, marker in (
        ("Euler, η = 0.3 · 2/λ", euler, 0.3 * limit, 1, "blue", "o"),
        ("Euler, η = 0.95 · 2/λ", euler, 0.95 * limit, 1, "orange", "o"),
        ("RK4, h = 0.95 · 2.79/λ", rk4, 0.95 * 2.785 / values[-1], 4, "green", "s"),
        ("Euler, η = 1.02 · 2/λ", euler, 1.02 * limit, 1, "red", "o"),
    ):
        steps = gradients // cost
        walked = walk(step, slope, start, rate * steps, steps)
        off = walked - best
        loss = 0.5 * np.einsum("ti,ij,tj->t", off, H, off)
        shown = loss < 1e3
        losses.append(line(cost * np.arange(steps + 1)[shown], loss[shown], colour, label=label, width=1.6))
        if colour in ("blue", "orange"):
            valley.append(line(walked[:9, 0], walked[:9, 1], colour, marker=marker, width=1.2, label=label))
    valley.append(points([best[0]], [best[1]], "green", marker="*", size=12.0))
    return figure(
        "A valley with the flow and two walks; the loss against the number of gradients for four choices.",
        f"λ = {values[-1]:.2f} and {values[0]:.3f}, κ = {values[-1] / values[0]:.0f}. Descent wants the "
        "end, not the curve: RK4 follows the flow closely, may step 1.39 times as far, and pays four "
        "gradients for it.",
        panel(
            "The flow and Euler's first steps",
            valley,
            xlabel="w₁",
            ylabel="w₂",
            xlim=(-0.4, 1.4),
            ylim=(-1.0, 0.8),
            legend="upper right",
        ),
        panel(
            "Loss above the minimum",
            losses,
            xlabel="gradients computed",
            ylog=True,
            xlim=(0, gradients),
            ylim=(1e-7, 1e3),
            yticks=powers(-6, 2, 2),
            legend="upper right",
        ),
    )


def _boundary(step: Step, order: int) -> Array:
    """Return the curve |R(z)| = 1 as two rows [2, m]: follow R(z) = e^iθ from z = 0 by Newton's method."""
    z, found = np.zeros(1, dtype=complex), []
    for angle in np.linspace(0.0, 2 * np.pi * order, 160 * order + 1):
        for _ in range(6):
            slope = (growth(step, z + 1e-5) - growth(step, z - 1e-5)) / 2e-5
            z = z - (growth(step, z) - np.exp(1j * angle)) / slope
        found.append(z[0])
    curve = np.array(found)
    return np.stack([curve.real, curve.imag])


def _stiff(h: float, regions: list[Layer]) -> dict[str, Any]:
    steps = round(1.6 / h)
    t = np.linspace(0.0, 1.6, 161)
    curves = [line(t, np.exp(-t) + np.exp(-_FAST * t), "ink", label="true")]
    words = []
    for name, step, colour, marker, _ in _METHODS:
        walked = walk(step, lambda t, y: _STIFF @ y, np.ones(2), h * steps, steps).sum(axis=1)
        times = h * np.arange(steps + 1)
        inside = np.abs(walked) < 6
        seen = len(walked) if inside.all() else int(np.argmin(inside)) + 1
        curves.append(line(times[:seen], walked[:seen], colour, marker=marker, width=1.3, label=name))

        factor = float(np.abs(growth(step, np.array([-_FAST * h])))[0])
        words.append(f"{factor:.2f} with {name}{_verdict(factor)}")
    places = [
        points([-_FAST * h], [0.0], "red", size=10.0),
        points([-h], [0.0], "ink", size=6.0),
        text(-_FAST * h, 0.75, f"−{_FAST:.0f}h", "red", align="center", box=True, size=10.5),
    ]
    return frame(
        f"h = {h:g}",
        f"hλ = −{_FAST * h:.3g}: a step should shrink the fast part to {np.exp(-_FAST * h):.2f} of "
        f"itself. It becomes, in size, {', '.join(words)}.",
        f"Three walks at step {h:g}, and the regions of stability with the point at −{_FAST * h:.3g}",
        panel(
            "The walks", curves, xlabel="t", ylabel="y", xlim=(0, 1.62), ylim=(-3, 5), legend="upper right"
        ),
        panel(
            "Stable: |R(z)| ≤ 1",
            [*regions, *places],
            xlabel="real part of z = hλ",
            ylabel="imaginary part",
            equal=True,
            xlim=(-5.6, 1.2),
            ylim=(-3.2, 3.2),
            legend="upper left",
        ),
    )


def _verdict(factor: float) -> str:
    if factor > 1.0 + 1e-9:
        return " (it grows)"
    return " (for ever)" if factor > 1.0 - 1e-9 else ""


def _steps_needed(step: Step | None, fast: float) -> int:
    """Return the fewest steps, of a list, with which y at t = 2 is within 1% of itself."""
    A = np.diag([-1.0, -fast])
    truth = np.exp(-2.0) + np.exp(-2.0 * fast)
    for steps in np.unique(np.round(np.logspace(0.0, 4.2, 170)).astype(int)):
        h = 2.0 / steps  # all steps multiply by the same: no need to walk 10,000 of them
        if step is None:
            y = implicit_euler(A, np.ones(2), h) ** steps
        else:
            with np.errstate(over="ignore"):
                y = growth(step, np.diag(A) * h) ** steps
        if abs(y.sum() - truth) < 0.01 * truth:
            return int(steps)
    raise AssertionError("the list of steps is too short")


def _cost() -> dict[str, Any]:
    speeds = np.array([2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0])
    curves = []
    for name, step, colour, marker, _ in _METHODS:
        needed = [_steps_needed(step, float(fast)) for fast in speeds]
        curves.append(line(speeds, needed, colour, marker=marker, label=name))
    implicit = [_steps_needed(None, float(fast)) for fast in speeds]
    curves.append(line(speeds, implicit, "green", marker="v", label="implicit Euler"))
    return figure(
        "The steps needed rise with the speed of the fast part for three methods, and stay level for the "
        "fourth.",
        "The fewest steps to t = 2 with 1% of error. Steps of RK4 cost four slopes each, implicit ones a "
        "system of equations.",
        panel(
            "Steps needed",
            curves,
            xlabel="λ of the fast part, without its sign",
            xlog=True,
            ylog=True,
            xlim=(1.6, 1.3e4),
            ylim=(1, 3e4),
            yticks=powers(0, 4),
            legend="upper left",
        ),
    )


def _circle() -> dict[str, Any]:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    h, steps = 0.2, 63
    start = np.array([1.0, 0.0])
    back = [start]
    for _ in range(steps):
        back.append(implicit_euler(turn, back[-1], h))
    around = np.linspace(0.0, 2 * np.pi, 91)
    drawn = [line(np.cos(around), np.sin(around), "grey", dashed=True, width=1.2)]
    radii = []
    for name, route, colour, marker in (
        ("Euler", walk(euler, lambda t, y: turn @ y, start, h * steps, steps), "orange", "o"),
        ("RK4", walk(rk4, lambda t, y: turn @ y, start, h * steps, steps), "blue", "s"),
        ("implicit Euler", np.array(back), "green", "v"),
    ):
        drawn.append(line(route[:, 0], route[:, 1], colour, marker=marker, width=1.0, label=name))
        radii.append(
            line(h * np.arange(steps + 1), np.linalg.norm(route, axis=1), colour, marker=marker, label=name)
        )
    drawn.append(arrow([1.0, 0.0], [1.0, 0.75], "ink"))
    return figure(
        "Euler's walk spirals outwards, the implicit one inwards, RK4 stays on the circle.",
        f"Two turns with h = {h:g}.",
        panel("Two turns", drawn, equal=True, xlim=(-3.6, 3.6), ylim=(-3.6, 4.4), legend="upper left"),
        panel(
            "Radius",
            radii,
            xlabel="t",
            ylog=True,
            xlim=(0, 12.8),
            ylim=(0.2, 5),
            yticks=[(0.3, "0.3"), (1.0, "1"), (3.0, "3")],
            legend="upper left",
        ),
    )
