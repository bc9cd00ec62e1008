"""The register of the lessons, in the order in which they are listed: plain texts, read at once."""

from types import MappingProxyType
from typing import NamedTuple


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
        "gradient-noise",
        "Gradient noise",
        "Optimization",
        "How far the rows disagree about the slope says how large a batch is worth its price.",
    ),
    Concept(
        "sharpness",
        "Sharpness and stability",
        "Optimization",
        "A rate can rest only where the ground is flat enough for it, and so chooses among the minima.",
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
        "vanishing-gradients",
        "Vanishing and exploding gradients",
        "Convolutional architectures",
        "A slope through many layers is a product: below one each, it is gone; above, it bursts.",
    ),
    Concept(
        "initialisation",
        "Initialisation",
        "Convolutional architectures",
        "The size of the first weights decides whether signals and slopes come through the depth at all.",
    ),
    Concept(
        "dead-units",
        "Saturation and dead units",
        "Convolutional architectures",
        "Where a bend is flat no slope comes back, and a relu that is off on every row never learns again.",
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
        "receptive-field",
        "Receptive field",
        "Convolutional architectures",
        "What one unit sees grows with every layer, and what it looks at in there grows only as the root.",
    ),
    Concept(
        "hierarchy-of-features",
        "Hierarchy of features",
        "Convolutional architectures",
        "Edges are made of pixels, corners of edges, shapes of corners: one kind of layer, again and again.",
    ),
    Concept(
        "depthwise-convolution",
        "Depthwise separable convolution",
        "Convolutional architectures",
        "Look around in each channel, then mix channels by pixel: a ninth of the work, and less freedom.",
    ),
    Concept(
        "batch-normalisation",
        "Batch normalisation",
        "Convolutional architectures",
        "Each channel is brought to mean zero and variance one, measured by whatever else is in the batch.",
    ),
    Concept(
        "residual-connection",
        "Residual connection",
        "Convolutional architectures",
        "A block that adds to its input leaves signals and slopes a way round it, however deep the net.",
    ),
    Concept(
        "recurrent-cell",
        "Recurrent cell",
        "Convolutional architectures",
        "One layer reads a sequence step by step and its own last answer; a gate decides what it keeps.",
    ),
    Concept(
        "attention",
        "Attention",
        "Convolutional architectures",
        "Each query takes the mean of all values, weighed by how well their keys agree with it.",
    ),
    Concept(
        "dropout",
        "Dropout",
        "Convolutional architectures",
        "Put values to zero at random while training, and no weight can rely on a single one of them.",
    ),
    Concept(
        "augmentation",
        "Augmentation",
        "Convolutional architectures",
        "Changed copies of the rows teach what does not matter, as long as the label stays true.",
    ),
    Concept(
        "transfer",
        "Transfer",
        "Convolutional architectures",
        "What was learnt on a task with many rows is a start for one with few, if the two are alike.",
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
    Concept(
        "overfitting",
        "Overfitting",
        "Learning theory",
        "Each free column takes noise off the error that you see, and adds it to the one that you get.",
    ),
    Concept(
        "leakage",
        "Leakage",
        "Learning theory",
        "If the test rows had a say in the training, pure noise tests well.",
    ),
    Concept(
        "label-noise",
        "Label noise",
        "Learning theory",
        "Wrong labels cap the score that can be seen, and lopsided ones move the boundary.",
    ),
    Concept(
        "calibration",
        "Calibration",
        "Learning theory",
        "Of all the times that 70% was said, it should have happened in 70%.",
    ),
)

CONCEPTS = MappingProxyType({concept.name: concept for concept in _ALL})
"""Every concept that has a lesson, by its name."""
