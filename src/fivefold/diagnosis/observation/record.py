"""What was seen of a training: the plain record that every check reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor, nn

from fivefold.diagnosis.finding import Place
from fivefold.diagnosis.observation.copies import CopySeen
from fivefold.diagnosis.observation.deep_step import DeepStep
from fivefold.diagnosis.observation.schedules import Schedule
from fivefold.diagnosis.observation.step import (
    Group,
    LayerStep,
    Line,
    LossCall,
    Operation,
    ParameterStep,
    Step,
)
from fivefold.diagnosis.observation.summary import Summary
from fivefold.diagnosis.observation.tape import Tape
from fivefold.diagnosis.replayed_operation import Replay

__all__ = [
    "Evaluation",
    "FirstWeights",
    "Group",
    "LayerStep",
    "Line",
    "LossCall",
    "Nonfinite",
    "Operation",
    "ParameterStep",
    "Record",
    "Recurrence",
    "Rows",
    "Step",
]


TAPES = 4
"""How many are kept."""


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
        given: Of each pass, a number that tells its batch, and the losses seen, examples right and examples
            compared before it.
        weights: Norms of some of the weights when it began
            (:func:`~fivefold.diagnosis.observation.weights.some_norms`); none where a copy was evaluated.
        copy: Whether a copy of the model was evaluated and not the model.
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
    given: list[tuple[int, int, int, int]] = field(default_factory=list)
    weights: tuple[float, ...] = ()
    copy: bool = False


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
        beside: What else was given to the model with each block and tells something of each example,
            tensors [b, ...]; ``None`` where that is not all that it was given, or other calls of the model
            came into the same loss.
        numbers: The vectors of one number for each example that were given with each block, [b]; lengths of
            texts and indices among them.
    """

    inputs: list[Tensor] = field(default_factory=list)
    targets: list[Tensor | None] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    alone: list[bool] = field(default_factory=list)
    beside: list[list[Tensor] | None] = field(default_factory=list)
    numbers: list[list[Tensor]] = field(default_factory=list)


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
        rates: ``(update, rate)`` where the largest rate of the optimizer is another than before, watched or
            not; empty where there are several optimizers.
        schedules: Schedulers of the optimizers, as they stood when watching was last asked.
        ended: Whether watching has ended, and with it, as far as can be told, the training.
        continued: Whether a part of the model is trained further in a later training, so that this one was a
            first stage.
        taken_over: Names of parameters that began with the values that an earlier training had given them.
        notes: What could not be seen, in sentences.
        deep: Updates looked at in depth, where that was asked for.
        copies: Copies of the model that were called by themselves.
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
    rates: list[tuple[int, float]] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    ended: bool = False
    continued: bool = False
    taken_over: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    deep: list[DeepStep] = field(default_factory=list)
    copies: list[CopySeen] = field(default_factory=list)

    def keep(self, tape: Tape) -> None:
        """Keep a tape among the last ones.

        One of what was left at the end of a pass (less than half of the examples of the one before it) does
        not become the last, unless the others are as short: many questions are put with the last one's batch.
        """
        kept = self.tapes[-(TAPES - 1) :]
        usual = kept[-1].rows if kept else 0
        rest = 2 * tape.rows < usual and (len(kept) < 3 or any(2 * t.rows >= usual for t in kept[:-1]))
        at = len(kept) - rest
        self.tapes = [*kept[:at], tape, *kept[at:]]

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
