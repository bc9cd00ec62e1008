"""What was seen of one update, in plain numbers and names."""

import math
from dataclasses import dataclass, field
from typing import Any

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.summary import Summary


@dataclass(frozen=True, slots=True)
class LossCall:
    """One call of a loss function of torch outside the model.

    Attributes:
        function: Its name, as ``"cross_entropy"``.
        settings: Its named settings that are plain values (``reduction``, ``label_smoothing``,
            ``ignore_index`` ...).
        value: What it gave: a number, or the mean of what it gave; nan where it is not finite.
        prediction: Its first argument.
        target: Its second.
        row_sum_error: Largest distance of the predictions' sums over classes from 1 (functions of classes;
            else nan).
        right: Share of targets equal to the largest prediction (functions of classes; else nan).
        classes: Number of targets of each class in the batch (integer targets; else empty).
        place: Where it was called.
    """

    function: str
    settings: dict[str, Any]
    value: float
    prediction: Summary
    target: Summary
    row_sum_error: float
    right: float
    classes: tuple[int, ...]
    place: Place | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation along a dimension (softmax, normalize ...), seen wherever it was called.

    Attributes:
        function: ``"softmax"``, ``"log_softmax"``, ``"normalize"``, ``"attention"``, ``"dropout"`` ...; a
            ``"draw"`` is one from what the model gave, with the shape of what was drawn; a ``"view"`` one
            that gives dimensions another order.
        shape: The shape of what it was given.
        dim: The dimension, counted from the front; of a ``"difference"``, where the second side's shape
            begins, and of a ``"view"`` that of what it gave.
        inside: The module that called it; empty outside the model.
        place: Where it was called.
        value: Of a softmax inside the model, and of attention: the share of rows with four or more free
            entries that give more than 0.99 to one of them. Of dropout: its probability. Else nan.
    """

    function: str
    shape: tuple[int, ...]
    dim: int
    inside: str
    place: Place | None
    value: float = math.nan


@dataclass(frozen=True, slots=True)
class LayerStep:
    """What a layer gave in one training batch.

    Attributes:
        name: Its dotted name in the model.
        kind: The class of the module, as ``"ReLU"``.
        output: Its output.
        source: The layer whose output it was given, unchanged; empty where there is none. Layers that pass
            on what they are given, up to zeros and a scale (``Identity``, ``Dropout``, ``Flatten``, batch
            norm, pooling), are looked through.
        constant: Share of units (the last dimension, or channels) that gave the same number to every example.
        saturated: Share of outputs within 1% of the bounds of a sigmoid or tanh; nan for other layers.
    """

    name: str
    kind: str
    output: Summary
    constant: float
    saturated: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class ParameterStep:
    """What one step did to a parameter.

    Attributes:
        name: Its dotted name.
        weight: Euclidean norm before the step.
        gradient: Euclidean norm of the gradient at the step; ``None`` where there was none.
        update: Euclidean norm of the change.
        numbers: How many numbers it has.
    """

    name: str
    weight: float
    gradient: float | None
    update: float
    numbers: int

    @property
    def finite(self) -> bool:
        """Whether weight and gradient are finite."""
        return math.isfinite(self.weight) and (self.gradient is None or math.isfinite(self.gradient))


@dataclass(frozen=True, slots=True)
class Group:
    """The settings of one group of an optimizer at a step: its plain numbers, by name (``lr``,
    ``weight_decay`` ...).
    """

    optimizer: str
    settings: dict[str, float]
    names: tuple[str, ...]


MULTIPLES = (0.0, 1.0, 4.0, 16.0, 64.0)
"""Of an update, at which the loss is looked at as long as it falls."""


@dataclass(frozen=True, slots=True)
class Line:
    """The loss along an update d, from the weights before it: L(a) = loss(w + a d) on one batch.

    To second order L(a) = L(0) + a g.d + a^2 d.H d / 2, so that L(0), L(1) and the slope g.d give the
    curvature d.H d and the multiple of the update at which the loss would have been least.

    Attributes:
        slope: g.d, the derivative at a = 0 of the loss of the update's own batch.
        multiples: The values of a.
        own: L(a) on the update's own batch.
    """

    slope: float
    multiples: tuple[float, ...]
    own: tuple[float, ...]

    @property
    def curvature(self) -> float:
        """d.H d, from L(0), L(1) and the slope; nan where one is missing."""
        at = dict(zip(self.multiples, self.own, strict=True))
        return 2.0 * (at.get(1.0, math.nan) - at.get(0.0, math.nan) - self.slope)

    @property
    def cut(self) -> bool:
        """Whether the loss still fell where the time was up: what larger multiples do is not known."""
        falls = len(self.own) > 1 and self.own[-1] < self.own[-2]
        return falls and self.multiples[-1] < MULTIPLES[-1]

    @property
    def best_multiple(self) -> float:
        """-g.d / d.H d: below 1/2 the update overshoots; infinite where the loss bends down or not at all."""
        bend = self.curvature
        if not math.isfinite(bend):
            return math.nan
        return -self.slope / bend if bend > 0 else math.inf


@dataclass(slots=True)
class Step:
    """One watched update.

    Attributes:
        index: Updates before it.
        seconds: Since watching began.
        training: Whether the model was in training mode in the forward pass.
        backwards: Backward passes since the update before.
        stale: Whether gradients of an earlier update were still there when the first backward pass began.
        forward_after_backward: Whether a training forward pass came after the last backward pass (the update
            then used gradients of the batch before).
        loss: The number on which ``backward`` was called last; nan where it was not seen.
        line: The loss along the update, where the tape could be played.
        losses: Calls of loss functions.
        operations: Operations along dimensions.
        layers: Outputs of layers, in the order of the forward pass.
        parameters: What the update did.
        groups: The optimizer's settings.
        inputs: The tensors given to the model.
        shares: Mean of a vector of zeros and ones, one per example, that met the output in a loss written by
            hand.
        waited: Seconds between the update before and the forward pass: mostly data.
        forward: Seconds of the forward pass and the loss.
        backward: Seconds of the backward pass.
        update: Seconds of the optimizer.
    """

    index: int
    seconds: float = 0.0
    training: bool = True
    backwards: int = 0
    stale: bool = False
    forward_after_backward: bool = False
    loss: float = math.nan
    line: "Line | None" = None
    losses: list[LossCall] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    layers: list[LayerStep] = field(default_factory=list)
    parameters: list[ParameterStep] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    inputs: list[Summary] = field(default_factory=list)
    shares: float | None = None
    waited: float = math.nan
    forward: float = math.nan
    backward: float = math.nan
    update: float = math.nan

    @property
    def gradient(self) -> float:
        """Euclidean norm of the whole gradient; nan where there is none."""
        found = [p.gradient for p in self.parameters if p.gradient is not None]
        return math.hypot(*found) if found else math.nan
