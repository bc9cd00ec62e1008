"""What was seen of a training: the plain record that every check reads."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.deep_step import DeepStep
from fivefold.diagnosis.observation.schedules import Schedule
from fivefold.diagnosis.observation.summary import Summary
from fivefold.diagnosis.observation.tape import Tape
from fivefold.diagnosis.replayed_operation import Replay


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
        function: ``"softmax"``, ``"log_softmax"``, ``"normalize"``, ``"attention"``, ``"dropout"`` ...
        shape: The shape of what it was given.
        dim: The dimension, counted from the front; of a ``"difference"``, where the second side's shape
            begins.
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


@dataclass(slots=True)
class Evaluation:
    """Forward passes without gradients between two updates.

    Attributes:
        after: Updates before it.
        training: Passes for which the model was in training mode.
        passes: All passes.
        rows: Examples in them.
        losses: Calls of loss functions, and differences of what the model gave and a target.
        right: Examples that a comparison of labels found right; ``None`` where none was seen.
        compared: Examples compared.
        inputs: The tensors given to the model in the first pass.
        watched: Whether calls were seen, or passes only counted.
        classes: Number of labels of each class among those compared; empty where there are too many.
    """

    after: int
    training: int = 0
    passes: int = 0
    rows: int = 0
    losses: list[LossCall] = field(default_factory=list)
    right: int | None = None
    compared: int = 0
    inputs: list[Summary] = field(default_factory=list)
    watched: bool = False
    classes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Recurrence:
    """How often a recurrent layer that is called step by step was given which state.

    Attributes:
        carried: What its last call gave.
        restarted: The very state that its last call was given, or none again.
        other: Any other.
    """

    carried: int = 0
    restarted: int = 0
    other: int = 0


@dataclass(slots=True)
class Rows:
    """Examples kept for the checks of data, as seen by the model, on the processor.

    Attributes:
        inputs: Blocks of the first floating or integer input, each [b, ...].
        targets: Blocks of targets, each [b, ...]; as many as ``inputs``, ``None`` where none was seen.
        steps: The update (or evaluation) each block belongs to.
        alone: Whether the target follows from each block alone: nothing else was given to the model with it,
            and the model was called once for a loss.
    """

    inputs: list[Tensor] = field(default_factory=list)
    targets: list[Tensor | None] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    alone: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FirstWeights:
    """A layer's weights before the first watched update.

    Attributes:
        name: The layer's dotted name.
        kind: Its class.
        inputs: Numbers that one unit reads.
        outputs: Its units.
        std: Standard deviation of the weights.
        gain: std times the root of ``inputs``: about how much the layer multiplies the scale of its inputs.
        alike: Whether all units have the same weights.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    std: float
    gain: float
    alike: bool


@dataclass(frozen=True, slots=True)
class Nonfinite:
    """Where numbers were first not finite.

    Attributes:
        where: ``"weights"``, ``"inputs"``, ``"targets"``, ``"forward"``, ``"backward"`` or ``"unknown"``.
        operation: What gave them, in words: a function and its module.
        evidence: What it was given and what it gave.
        cause: Why, as far as can be told.
        fix: What to do.
        place: The line of the user's code.
        module: The dotted name of the module that ran it; empty outside the model.
        overflow: Whether the first bad number is an infinity of the forward pass.
        replay: The operation with what it was given, to be made again; ``None`` where there is none.
    """

    where: str
    operation: str
    evidence: str
    cause: str
    fix: str
    place: Place | None
    module: str = ""
    overflow: bool = False
    replay: Replay | None = None


@dataclass(slots=True)
class Record:
    """All that was seen.

    Attributes:
        model: The modules watched (the outermost ones), by name.
        optimizers: Names of the optimizers' classes.
        count: Updates made, watched or not.
        seconds: Time since watching began.
        spent: Seconds of it that watching itself took.
        steps: The watched updates.
        evaluations: The watched evaluations.
        outside: Names of trainable parameters that no optimizer holds.
        frozen: Names of parameters that are not trainable.
        hidden: Where modules or parameters lie in plain lists, tuples or dictionaries of a module, unseen by
            torch.
        training_rows: Examples from training batches.
        evaluation_rows: Examples from evaluations.
        tapes: The last forward passes with their losses, oldest first, that can be played again.
        no_tape: Why there is none; empty where there is one.
        first_nonfinite: The update at which something was first not finite, or ``None``.
        nonfinite: Where that came from.
        first_weights: Every layer's weights before the first watched update, in the order of registration.
        recurrences: Recurrent layers that were called step by step, by name.
        schedules: Schedulers of the optimizers, as they stood when watching was last asked.
        ended: Whether watching has ended, and with it, as far as can be told, the training.
        notes: What could not be seen, in sentences.
        deep: Updates looked at in depth, where that was asked for.
    """

    model: dict[str, nn.Module] = field(default_factory=dict)
    optimizers: list[str] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    steps: list[Step] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    training_rows: Rows = field(default_factory=Rows)
    evaluation_rows: Rows = field(default_factory=Rows)
    tapes: list[Tape] = field(default_factory=list)
    no_tape: str = ""
    first_nonfinite: int | None = None
    nonfinite: Nonfinite | None = None
    first_weights: list[FirstWeights] = field(default_factory=list)
    recurrences: dict[str, Recurrence] = field(default_factory=dict)
    schedules: list[Schedule] = field(default_factory=list)
    ended: bool = False
    notes: list[str] = field(default_factory=list)
    deep: list[DeepStep] = field(default_factory=list)

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """All modules inside, with their dotted names."""
        for first, module in self.model.items():
            for name, inner in module.named_modules():
                yield (f"{first}.{name}" if first and name else first or name), inner

    def parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """All parameters, with their dotted names, each once."""
        seen: set[int] = set()
        for first, module in self.model.items():
            for name, parameter in module.named_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield (f"{first}.{name}" if first else name), parameter
