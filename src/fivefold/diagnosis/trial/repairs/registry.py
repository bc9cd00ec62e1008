"""The closed list of repairs, by the code of what was found."""

from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Unsure
from fivefold.diagnosis.trial.repair import Repair, Repairer
from fivefold.diagnosis.trial.repairs.architecture import (
    along_classes,
    batch_first,
    bend,
    hide_future,
    invert_mask,
    last_state,
    rows_in_stretches,
    shift_targets,
    widen,
)
from fivefold.diagnosis.trial.repairs.attention import open_saturated
from fivefold.diagnosis.trial.repairs.data import draw_anew, draw_evenly, shuffle, standardise_inputs
from fivefold.diagnosis.trial.repairs.first_weights import let_gradient_pass, redraw, revive, tame_gradient
from fivefold.diagnosis.trial.repairs.losses import (
    count_all,
    match_shapes,
    mean_not_sum,
    minimise,
    one_logit_a_label,
    rates_not_logarithms,
    take_out_last_activation,
    take_out_probabilities,
    turn_clamp,
    use_cross_entropy,
)
from fivefold.diagnosis.trial.repairs.modes import evaluate_in_evaluation, train_in_training
from fivefold.diagnosis.trial.repairs.numbers import full_precision, keep_finite, wide_numbers
from fivefold.diagnosis.trial.repairs.order import clear_gradients, make_batches_anew, order_of_update
from fivefold.diagnosis.trial.repairs.rates import (
    correct_schedule,
    lower_momentum,
    lower_rate,
    raise_rate,
    train_longer,
    train_shorter,
)
from fivefold.diagnosis.trial.repairs.registration import give_all_parameters, keep_graph, register, thaw
from fivefold.diagnosis.trial.repairs.sides import (
    ask_for_the_real,
    climb_the_policy,
    invert_weights,
    transpose_instead,
    transpose_neither,
)
from fivefold.diagnosis.trial.repairs.strength import (
    larger_batches,
    less_decay,
    less_dropout,
    less_penalty,
    less_smoothing,
    more_decay,
    wider_clipping,
)
from fivefold.diagnosis.trial.repairs.targets import predict_in_units


def less_fit(code: Code, finding: Finding) -> Sequence[Repair]:
    """Hold back a network that overfits: more decay or dropout, or an earlier end.

    Args:
        code: The script.
        finding: A network that overfits.
    """
    out: list[Repair] = []
    for way in (more_decay, train_shorter):
        try:
            out += list(way(code, finding))[:2]
        except Unsure:
            continue
    if not out:
        raise Unsure("neither the optimizer nor the number of epochs was found")
    return out


REPAIRS: dict[str, Repairer] = {
    "axis.batch": along_classes,
    "axis.queries": along_classes,
    "axis.scaling": standardise_inputs,
    "axis.targets": transpose_neither,
    "axis.time": rows_in_stretches,
    "axis.view": transpose_instead,
    "batch.mixed": batch_first,
    "capacity.linear": bend,
    "capacity.small": widen,
    "clipping.always": wider_clipping,
    "data.exhausted": make_batches_anew,
    "data.ordered": shuffle,
    "data.repeated": draw_anew,
    "fit.overfits": less_fit,
    "fit.unfinished": train_longer,
    "gradient.accumulates": clear_gradients,
    "gradient.detached": keep_graph,
    "gradient.explodes": tame_gradient,
    "gradient.vanishes": let_gradient_pass,
    "imbalance.classes": draw_evenly,
    "imbalance.weights": invert_weights,
    "initialisation.constant": redraw,
    "initialisation.too-large": redraw,
    "initialisation.too-small": redraw,
    "inputs.ignored": last_state,
    "inputs.scale": standardise_inputs,
    "latent.collapsed": less_penalty,
    "loss.broadcast": match_shapes,
    "loss.classes-together": one_logit_a_label,
    "loss.left-out": count_all,
    "loss.not-logarithms": rates_not_logarithms,
    "loss.policy-sign": climb_the_policy,
    "loss.same-side": ask_for_the_real,
    "loss.sign": minimise,
    "loss.trivial": turn_clamp,
    "loss.not-log-probabilities": use_cross_entropy,
    "loss.probabilities": take_out_probabilities,
    "loss.sum": mean_not_sum,
    "mask.future": hide_future,
    "mask.inverted": invert_mask,
    "mask.unshifted": shift_targets,
    "mode.dropout-in-evaluation": evaluate_in_evaluation,
    "mode.evaluation-in-training": train_in_training,
    "mode.training-in-evaluation": evaluate_in_evaluation,
    "nonfinite.gradient": keep_finite,
    "nonfinite.operation": keep_finite,
    "normalisation.small-batch": larger_batches,
    "output.activation": take_out_last_activation,
    "parameters.frozen": thaw,
    "parameters.outside-optimizer": give_all_parameters,
    "parameters.unregistered": register,
    "precision.half-weights": full_precision,
    "precision.overflow": full_precision,
    "precision.wrapped": wide_numbers,
    "rate.momentum": lower_momentum,
    "rate.too-high": lower_rate,
    "rate.too-low": raise_rate,
    "regularisation.decay": less_decay,
    "regularisation.dropout": less_dropout,
    "regularisation.penalty": less_penalty,
    "regularisation.smoothing": less_smoothing,
    "schedule.ends-early": correct_schedule,
    "schedule.grows": correct_schedule,
    "schedule.idle": correct_schedule,
    "schedule.never-moved": correct_schedule,
    "schedule.restarts": correct_schedule,
    "schedule.unfinished": correct_schedule,
    "schedule.zero": correct_schedule,
    "step.before-backward": order_of_update,
    "targets.scale": predict_in_units,
    "units.dead": revive,
    "units.saturated": open_saturated,
}
"""What edits a script for a finding."""

NOT_FOR_AN_EDIT: dict[str, str] = {
    "batch.carried": "where a state is to begin anew is for you to say",
    "data.leak": "which examples belong where is for you to say; the honest result is the worse one",
    "data.preparation": "how evaluation data are prepared is for you to say",
    "fit.restored": "which of the states is to be kept is for you to say",
    "labels.noise": "which labels are right cannot be read from the script",
    "labels.unrelated": "how labels and examples belong together cannot be read from the script",
    "loss.deviation": "whether a deviation or a variance is to be learnt is for you to say",
    "loss.flat-logits": "which temperature fits is for you to say; 0.1 is a good start",
    "loss.one-example": "which mean was meant is for you to say",
    "loss.no-exploration": "how actions are drawn while it trains is for you to say",
    "axis.images": "which of the two is to be turned is for you to say",
    "axis.classes": "whether predictions become flat or change axes is for you to say",
    "axis.channels": "which view is to become a permutation is for you to say",
    "loss.judged-otherwise": "which of the two losses is meant is for you to say",
    "loss.distance-of-classes": "which loss was meant is for you to say",
    "loss.backwards": "which line makes the targets is for you to say",
    "mask.class": "what tells padding from steps is for you to say",
    "mask.empty": "what the place is to see is for you to say",
    "mask.one-sided": "whether the mask belongs to the loss, or nowhere, is for you to say",
    "mask.padding": "which layer the mask of the padding belongs to is for you to say",
    "normalisation.stale-average": "whether statistics are copied or computed anew is for you to say",
    "normalisation.stale-statistics": "which momentum fits is for you to say; torch's own is 0.1",
    "output.constant": "it follows from another cause",
    "parameters.slow-average": "how the average is to forget is for you to say",
    "parameters.stale-average": "where the average is to be updated is for you to say",
    "parameters.unused": "whether the layers are to be called or removed is for you to say",
    "schedule.factor": "whether the function gives a factor or the optimizer begins at 1 is for you to say",
    "step.never": "where the updates belong is for you to say",
    "targets.constant": "which comparison was meant is for you to say",
}
"""Why there is none, for findings that no edit of a line repairs."""
