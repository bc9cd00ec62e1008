"""The lessons of ``fivefold show``: a closed register, and each lesson's record computed when asked for.

Reading the register imports neither NumPy nor torch nor matplotlib, so that the list comes at once.
"""

import ast
from importlib import import_module
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

from fivefold.core import ArgumentError


class Concept(NamedTuple):
    """One line of the register: the concept's name, title, mathematics, and idea in a sentence."""

    name: str
    title: str
    mathematics: str
    idea: str


MATHEMATICS = (
    "Linear algebra",
    "Optimization",
    "Convolutional architectures",
    "Approximate inference",
    "Learning theory",
)
"""The five mathematics, in the order in which the concepts are listed."""

_ALL = (
    Concept(
        "vector-products",
        "Vector products",
        "Linear algebra",
        "A dot product measures how far two vectors agree, an outer product pairs all, a norm is a length.",
    ),
    Concept(
        "matrix-products",
        "Matrix products",
        "Linear algebra",
        "A matrix moves every point of space by one rule, and a product of matrices is one move after "
        "another.",
    ),
    Concept(
        "linear-systems",
        "Linear systems and inverses",
        "Linear algebra",
        "Clear one entry after another, and many equations become a triangle that solves itself from below.",
    ),
    Concept(
        "condition-number",
        "Condition number",
        "Linear algebra",
        "Some questions multiply every error of their data, and one number says by how much at most.",
    ),
    Concept(
        "least-squares",
        "Least squares",
        "Linear algebra",
        "The best-fitting combination of columns leaves a residual at right angles to every column.",
    ),
    Concept(
        "eigenvectors",
        "Eigenvectors",
        "Linear algebra",
        "Some directions a matrix only stretches; multiply again and again, and the strongest one wins.",
    ),
    Concept(
        "power-iteration",
        "Power iteration and Lanczos",
        "Linear algebra",
        "A few products with a matrix too large to write down tell the ends of its spectrum.",
    ),
    Concept(
        "svd",
        "Singular value decomposition",
        "Linear algebra",
        "Every matrix is a sum of layers of rank one, sorted by size, and the first k are its best summary.",
    ),
    Concept(
        "pca",
        "Principal component analysis",
        "Linear algebra",
        "Turn the axes until the first lies along the widest direction of the data, the second along the "
        "next.",
    ),
    Concept(
        "kronecker-products",
        "Kronecker products",
        "Linear algebra",
        "A matrix for rows and one for columns act on a whole table, and the huge one need not be written.",
    ),
    Concept(
        "derivative",
        "The derivative",
        "Optimization",
        "Look close enough and a smooth function is a straight line; the derivative is that line's slope.",
    ),
    Concept(
        "hessian",
        "The Hessian",
        "Optimization",
        "How the slope changes in every direction tells a valley from a saddle, and how far to step.",
    ),
    Concept(
        "gradient-descent",
        "Gradient descent",
        "Optimization",
        "Step against the slope: too small a rate crawls, too large a one flies out of the valley.",
    ),
    Concept(
        "convexity",
        "Convexity and conditioning",
        "Optimization",
        "A bowl has one floor, and its least curvature turns a small slope into a proof that little is left.",
    ),
    Concept(
        "stochastic-gradient-descent",
        "Stochastic gradient descent and mini-batches",
        "Optimization",
        "The slope of a few rows is right on average: many cheap steps beat few dear ones, until noise "
        "rules.",
    ),
    Concept(
        "momentum",
        "Momentum and Nesterov's form",
        "Optimization",
        "Steps that remember cross a narrow valley less and run along it faster, and overshoot if they "
        "never forget.",
    ),
    Concept(
        "adagrad",
        "Adagrad",
        "Optimization",
        "Every weight has a rate of its own, which shrinks with each slope that it has seen, for good.",
    ),
    Concept(
        "rmsprop",
        "RMSProp",
        "Optimization",
        "Divide each slope by its recent size, and all weights move at one pace that never slows by itself.",
    ),
    Concept(
        "adam",
        "Adam",
        "Optimization",
        "Momentum chooses the direction, the recent size of the slope the pace, and neither is biased at "
        "first.",
    ),
    Concept(
        "learning-rate-schedules",
        "Learning-rate schedules",
        "Optimization",
        "Large steps while there is far to go, small ones to come to rest, and neither too early nor too "
        "late.",
    ),
    Concept(
        "line-search",
        "Line search",
        "Optimization",
        "Along a direction that leads down, refuse steps that gain too little and steps that stop too soon.",
    ),
    Concept(
        "conjugate-gradients",
        "Conjugate gradients",
        "Optimization",
        "Directions that never undo each other solve a large system by products with its matrix alone.",
    ),
    Concept(
        "newtons-method",
        "Newton's method",
        "Optimization",
        "Go to the floor of the paraboloid that fits here: digits double near a minimum, and far off it "
        "may be lost.",
    ),
    Concept(
        "lbfgs",
        "L-BFGS",
        "Optimization",
        "The last few steps tell how the ground bends, and that is nearly Newton's step at a slope's price.",
    ),
    Concept(
        "trust-region",
        "Trust region",
        "Optimization",
        "Take the model's best step only as far as the model has proved right, and saddles lose their pull.",
    ),
    Concept(
        "cubic-regularisation",
        "Cubic regularisation",
        "Optimization",
        "Charge the model for the third power of a step's length, and its lowest point is always safe to "
        "take.",
    ),
    Concept(
        "early-stopping",
        "Early stopping",
        "Optimization",
        "Descent learns first what many rows agree on: stop before it learns the noise of single ones.",
    ),
    Concept(
        "ode-steps",
        "Steps through a differential equation",
        "Optimization",
        "Follow the slope a step at a time: better slopes buy accuracy, and stability limits the step.",
    ),
    Concept(
        "backpropagation",
        "Backpropagation",
        "Convolutional architectures",
        "The chain rule read from the loss backwards gives every weight's slope for the price of two passes.",
    ),
    Concept(
        "activation-functions",
        "Activation functions",
        "Convolutional architectures",
        "The bend between two layers makes depth worth having, and its slope decides what learning reaches.",
    ),
    Concept(
        "convolution",
        "Convolution with stride and padding",
        "Convolutional architectures",
        "One small window of weights, laid on every place of a picture, finds the same thing wherever it is.",
    ),
    Concept(
        "pooling",
        "Pooling",
        "Convolutional architectures",
        "One number for each patch makes a picture smaller and forgets where in the patch a thing was.",
    ),
    Concept(
        "bayes-rule",
        "Bayes' rule",
        "Approximate inference",
        "What you believe after seeing data is what you believed before, weighed by how well it foretold "
        "them.",
    ),
    Concept(
        "monte-carlo-integration",
        "Monte Carlo integration",
        "Approximate inference",
        "An integral is a mean, a mean can be sampled, and the sample says how far off it may be.",
    ),
    Concept(
        "quadrature",
        "Quadrature",
        "Approximate inference",
        "A few well-chosen values give an integral to all digits, as long as the integrand is smooth.",
    ),
    Concept(
        "maximum-likelihood",
        "Maximum likelihood and cross-entropy",
        "Learning theory",
        "Choose the model that is least surprised by the data: the loss of every classifier says just that.",
    ),
    Concept(
        "hypothesis-test",
        "Hypothesis test",
        "Learning theory",
        "Deal the labels out anew: a difference that chance alone often gives is no finding.",
    ),
    Concept(
        "mutual-information",
        "Mutual information",
        "Learning theory",
        "How much one variable tells about another, along whatever curve, where correlation sees lines.",
    ),
)

CONCEPTS = MappingProxyType({concept.name: concept for concept in _ALL})
"""Every concept that has a lesson, by its name."""


def find(name: str) -> Concept:
    """Look a concept up by its name; case, spaces and underscores do not matter.

    Args:
        name: What the user typed.

    Returns:
        The concept.

    Raises:
        ArgumentError: There is none of this name; the nearest ones are named.

    >>> find("Gradient descent").name
    'gradient-descent'
    """
    wanted = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if wanted in CONCEPTS:
        return CONCEPTS[wanted]
    raise ArgumentError("the name of a concept", repr(name), _advice(wanted))


def module(concept: Concept) -> str:
    """Return the last part of the concept's two module names.

    >>> module(CONCEPTS["least-squares"])
    'least_squares'
    """
    return concept.name.replace("-", "_")


def code(concept: Concept) -> str:
    """Return the source of the concept's implementation, as it runs."""
    return files("fivefold.concepts").joinpath(f"{module(concept)}.py").read_text(encoding="utf-8")


def summary(source: str) -> str:
    """Return the formulas of an implementation's docstring: its indented lines, as they stand.

    >>> print(summary(code(CONCEPTS["gradient-descent"])))
        wₜ₊₁ = wₜ − η ∇F(wₜ)
    """
    documentation = ast.get_docstring(ast.parse(source), clean=True) or ""
    return "\n".join(line for line in documentation.splitlines() if line.startswith("    "))


def formulas(concept: Concept) -> list[dict[str, str]]:
    """Return the concept's formulas: ``latex`` and, in ``words``, what they say."""
    lesson = import_module(f"fivefold.cli.lessons.{module(concept)}")
    return [dict(zip(("latex", "words"), pair, strict=True)) for pair in lesson.FORMULAS]


def record(concept: Concept) -> dict[str, Any]:
    """Compute everything on a lesson's page, as plain numbers, texts and lists.

    Args:
        concept: One of :data:`CONCEPTS`.

    Returns:
        The record that :func:`fivefold.report.lesson.lesson_page` renders.
    """
    lesson = import_module(f"fivefold.cli.lessons.{module(concept)}")
    return {
        "version": 1,
        "name": concept.name,
        "title": concept.title,
        "mathematics": concept.mathematics,
        "idea": concept.idea,
        "formulas": formulas(concept),
        "geometry": lesson.geometry(),
        "vary": lesson.vary(),
        "failures": lesson.failures(),
        "code": code(concept),
        "path": f"fivefold/concepts/{module(concept)}.py",
        "calls": [{"call": call, "text": text} for call, text in lesson.CALLS],
        "related": [
            {"name": name, "title": CONCEPTS[name].title, "why": why} for name, why in lesson.RELATED
        ],
    }


def _advice(wanted: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(wanted, CONCEPTS, n=3, cutoff=0.45)
    near += [name for name in CONCEPTS if wanted and wanted in name and name not in near]
    if near:
        return f"did you mean {' or '.join(near)}? `fivefold show` lists all"
    return "`fivefold show` lists all"
