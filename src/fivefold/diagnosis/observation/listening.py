"""What a watched step or evaluation takes note of, call by call."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fivefold.diagnosis.observation.calls import (
    ACTIVATIONS,
    ALONG,
    ATTENTION,
    BETWEEN,
    DIFFERENCES,
    DROPPING,
    LOSSES,
    VIEWS,
    along,
    attention,
    crossed_difference,
    drawing,
    dropping,
    file_of_caller,
    labels_compared,
    loss_call,
    permuting_view,
    written_loss,
)
from fivefold.diagnosis.observation.followed import Followed
from fivefold.diagnosis.observation.kept_rows import KeptRows
from fivefold.diagnosis.observation.layers import activation_step
from fivefold.diagnosis.observation.record import Evaluation, Step
from fivefold.diagnosis.observation.tape import DRAWS, Tape

MOST_CLASSES = 100
IN_MODULE = (*BETWEEN, str(Path(torch.__file__).parent / "nn" / "functional.py"))
"""Files between a module's own code and its call of a function being noted here."""


class Scene(NamedTuple):
    """Where a call is made.

    Attributes:
        window: The update that is watched, if one is.
        evaluation: The evaluation that is going on, if one is.
        tape: The tape of the present forward pass, if there is one.
        depth: Modules of the user's that the call is inside of.
        training: Examples of training batches.
        evaluated: Examples of evaluations.
        made: What the model gave in the present pass of an evaluation, and what was made of it.
    """

    window: Step | None
    evaluation: Evaluation | None
    tape: Tape | None
    depth: int
    training: KeptRows
    evaluated: KeptRows
    made: Followed


def listen(scene: Scene, function: Any, args: Any, kwargs: Any, output: Any) -> None:
    """Take note of a call that was made.

    Args:
        scene: Where it was made.
        function: The function of torch.
        args: Its arguments by place.
        kwargs: Its arguments by name.
        output: What it gave.
    """
    if scene.evaluation is not None:
        _in_evaluation(scene, scene.evaluation, function, args, kwargs, output)
    elif scene.window is not None and torch.is_grad_enabled():
        _in_training(scene, scene.window, function, args, kwargs, output)
    tape = scene.tape
    if function in DRAWS and scene.window is not None and tape is not None:
        # With gradients on or off: a distribution's sample() may switch them off.
        drawn = drawing(args, output, tape.knows if scene.depth == 0 else _inside)
        if drawn is not None:
            scene.window.operations.append(drawn)
    if scene.depth == 0 and tape is not None and not tape.finished and torch.is_grad_enabled():
        tape.record(function, args, kwargs, output)


def _in_evaluation(
    scene: Scene, evaluation: Evaluation, function: Any, args: Any, kwargs: Any, output: Any
) -> None:
    if function in LOSSES:
        # One with a derivative is that of another training, as of a classifier of what this model gave.
        own = not (isinstance(output, Tensor) and output.requires_grad)
        found = loss_call(function, args, kwargs, output) if own else None
        if found is not None:
            evaluation.losses.append(found)
            scene.evaluated.keep_target_of(args, kwargs)
    elif scene.depth == 0 and (compared := labels_compared(function, args, output)) is not None:
        right, of, labels = compared
        if scene.made.knows(labels) and not scene.made.knows(args[0]):
            labels = args[0].detach()
        evaluation.right = (evaluation.right or 0) + right
        evaluation.compared += of
        count_labels(evaluation, labels)
        scene.evaluated.keep_target(labels)
    if scene.depth == 0 and scene.made.made:
        _follow(scene, evaluation, function, args, output)


def count_labels(evaluation: Evaluation, labels: Tensor) -> None:
    """Count labels by class, where they are few and not negative.

    Args:
        evaluation: What they belong to.
        labels: Those that were compared.
    """
    if not labels.numel() or int(labels.min()) < 0 or int(labels.max()) >= MOST_CLASSES:
        return
    counts = torch.bincount(labels.reshape(-1).long()).tolist()
    longer = max(len(counts), len(evaluation.classes))
    padded = [c + [0] * (longer - len(c)) for c in (counts, evaluation.classes)]
    evaluation.classes = [a + b for a, b in zip(*padded, strict=True)]


def _follow(scene: Scene, evaluation: Evaluation, function: Any, args: Any, output: Any) -> None:
    """Follow what is made of the model's output, to see it meet a target in an error written by hand."""
    if not isinstance(output, Tensor):
        return
    knows = scene.made.knows
    if (
        function in DIFFERENCES
        and not scene.made.steps
        and any(isinstance(a, Tensor) and knows(a) for a in args)
    ):
        written = written_loss(args, output, knows)
        if written is not None:
            evaluation.losses.append(written)
            scene.evaluated.keep_target((args[1] if knows(args[0]) else args[0]).detach())
            scene.made.met(output)
            return
    scene.made.follow(args, output)


def _in_training(scene: Scene, window: Step, function: Any, args: Any, kwargs: Any, output: Any) -> None:
    if function in LOSSES:
        found = loss_call(function, args, kwargs, output)
        if found is not None:
            window.losses.append(found)
            scene.training.keep_target_of(args, kwargs)
    elif function in ALONG:
        operation = along(function, args, kwargs, "" if scene.depth == 0 else "model", output)
        if operation is not None:
            window.operations.append(operation)
    elif function in VIEWS:
        operation = permuting_view(args, output, "" if scene.depth == 0 else "model")
        if operation is not None:
            window.operations.append(operation)
    elif function is ATTENTION or function in DROPPING:
        operation = attention(args, kwargs) if function is ATTENTION else dropping(function, args, kwargs)
        if operation is not None:
            window.operations.append(operation)
    elif function in ACTIVATIONS and isinstance(output, Tensor):
        _note_activation(window, ACTIVATIONS[function], output)
    elif function in DIFFERENCES and scene.depth == 0 and scene.tape is not None:
        operation = crossed_difference(args, output, scene.tape.knows)
        if operation is not None:
            window.operations.append(operation)
        elif not window.losses:
            written = written_loss(args, output, scene.tape.knows)
            if written is not None:
                window.losses.append(written)
                scene.training.keep_target(args[1] if scene.tape.knows(args[0]) else args[0])
    elif scene.depth == 0 and scene.tape is not None and window.shares is None:
        window.shares = _shares_of_two(scene.tape, args)


def _inside(tensor: Tensor) -> bool:
    """Within a model, whatever has a derivative is the model's."""
    return True


def _shares_of_two(tape: Tape, args: Any) -> float | None:
    """Mean of a given vector of zeros and ones that meets a vector of its length made by the model."""
    tensors = [a for a in args if isinstance(a, Tensor) and a.ndim == 1 and a.numel() >= 8]
    made = {t.shape for t in tensors if tape.knows(t)}
    for t in tensors:
        if not tape.knows(t) and t.shape in made and not t.requires_grad:
            values = t.detach().float()
            if bool(((values == 0) | (values == 1)).all()):
                return float(values.mean())
    return None


def _note_activation(window: Step, kind: str, output: Tensor) -> None:
    """Modules speak through their hooks; this is for activations that are called as functions."""
    if file_of_caller(IN_MODULE).endswith("activation.py"):
        return
    number = sum(layer.kind == kind for layer in window.layers)
    described = activation_step(f"{kind} {number + 1}", kind, output)
    if described is not None:
        window.layers.append(described)
