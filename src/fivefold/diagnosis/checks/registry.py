"""The closed list of checks, and how they are run."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from fivefold.diagnosis.checks.accumulation import check_accumulation
from fivefold.diagnosis.checks.adversaries import check_adversaries
from fivefold.diagnosis.checks.augmentation import check_augmentation
from fivefold.diagnosis.checks.averages import check_averages
from fivefold.diagnosis.checks.axes import check_axes, check_views
from fivefold.diagnosis.checks.backwards import check_backwards
from fivefold.diagnosis.checks.batches import (
    check_batch_norm,
    check_order,
    check_repeats,
)
from fivefold.diagnosis.checks.bounded_output import check_bounded_output
from fivefold.diagnosis.checks.capacity import (
    check_constant_output,
    check_ignored_inputs,
    check_output,
)
from fivefold.diagnosis.checks.channels import check_channels
from fivefold.diagnosis.checks.class_axis import check_class_axis
from fivefold.diagnosis.checks.class_masks import check_class_masks
from fivefold.diagnosis.checks.class_weights import check_beyond_balance
from fivefold.diagnosis.checks.conditions import check_conditions, check_sizes
from fivefold.diagnosis.checks.constant_targets import check_constant_targets
from fivefold.diagnosis.checks.cut_paths import check_cut_paths
from fivefold.diagnosis.checks.drowned import check_drowned
from fivefold.diagnosis.checks.empty_masks import check_empty_masks
from fivefold.diagnosis.checks.equal_views import check_equal_views
from fivefold.diagnosis.checks.exhausted import check_exhausted
from fivefold.diagnosis.checks.few_labels import check_few_labels
from fivefold.diagnosis.checks.first_values import check_first_values
from fivefold.diagnosis.checks.fit_quality import check_overfitting, check_unfinished
from fivefold.diagnosis.checks.flat_logits import check_flat_logits
from fivefold.diagnosis.checks.flows import check_flows
from fivefold.diagnosis.checks.frozen import check_frozen, check_still_groups
from fivefold.diagnosis.checks.future import check_future
from fivefold.diagnosis.checks.gradient_flow import check_gradient_flow
from fivefold.diagnosis.checks.grown_weights import check_grown_weights
from fivefold.diagnosis.checks.held_out import check_leak, check_telling_column
from fivefold.diagnosis.checks.image_targets import check_image_targets
from fivefold.diagnosis.checks.imbalance import check_imbalance_of_classes
from fivefold.diagnosis.checks.labels import check_labels
from fivefold.diagnosis.checks.last_stage import check_last_stage
from fivefold.diagnosis.checks.lengths import check_lengths
from fivefold.diagnosis.checks.linearity import check_linear, check_linear_pairs
from fivefold.diagnosis.checks.loss_inputs import check_loss_inputs
from fivefold.diagnosis.checks.loss_masks import check_loss_masks
from fivefold.diagnosis.checks.loss_terms import check_terms
from fivefold.diagnosis.checks.made_anew import check_made_anew
from fivefold.diagnosis.checks.masks import check_masks
from fivefold.diagnosis.checks.mixing import check_mixing
from fivefold.diagnosis.checks.modes import check_modes
from fivefold.diagnosis.checks.next_steps import check_next_steps
from fivefold.diagnosis.checks.no_gradient import check_no_gradient
from fivefold.diagnosis.checks.nonfinite import check_nonfinite
from fivefold.diagnosis.checks.one_example import check_one_example
from fivefold.diagnosis.checks.output_rank import check_output_rank
from fivefold.diagnosis.checks.own_target import check_own_target
from fivefold.diagnosis.checks.padded_ends import check_padded_ends
from fivefold.diagnosis.checks.pairs import check_pairs
from fivefold.diagnosis.checks.penalties import check_penalties
from fivefold.diagnosis.checks.policies import check_choices, check_policy_sign
from fivefold.diagnosis.checks.preparation import check_preparation
from fivefold.diagnosis.checks.rates import (
    check_momentum,
    check_rate_too_high,
    check_rate_too_low,
    check_sum,
)
from fivefold.diagnosis.checks.regularisation import check_clipping, check_precision, check_regularisation
from fivefold.diagnosis.checks.repeated_noise import check_repeated_noise
from fivefold.diagnosis.checks.restored import check_restored
from fivefold.diagnosis.checks.roughness import check_roughness
from fivefold.diagnosis.checks.running_statistics import check_running_statistics
from fivefold.diagnosis.checks.same_examples import check_same_examples
from fivefold.diagnosis.checks.scaled_together import check_scaled_together
from fivefold.diagnosis.checks.scales import check_inputs, check_targets
from fivefold.diagnosis.checks.schedule import check_schedule
from fivefold.diagnosis.checks.shapes import check_shapes
from fivefold.diagnosis.checks.signals import check_signals
from fivefold.diagnosis.checks.slow_groups import check_slow_groups
from fivefold.diagnosis.checks.states import check_carried, check_same_input, check_states
from fivefold.diagnosis.checks.stopped_gradients import check_stopped_gradients
from fivefold.diagnosis.checks.tags import check_tags
from fivefold.diagnosis.checks.time_axis import check_time_axis
from fivefold.diagnosis.checks.token_of_padding import check_token_of_padding
from fivefold.diagnosis.checks.units import check_units
from fivefold.diagnosis.checks.unread_columns import check_unread_columns
from fivefold.diagnosis.checks.unregistered import check_unregistered
from fivefold.diagnosis.checks.update_order import check_update_order
from fivefold.diagnosis.checks.variances import check_variances
from fivefold.diagnosis.checks.width import check_width
from fivefold.diagnosis.checks.worst_state import check_worst_state
from fivefold.diagnosis.checks.wrapped import check_wrapped
from fivefold.diagnosis.checks.written_out import check_written_out
from fivefold.diagnosis.checks.wrong_loss import (
    check_distance_of_classes,
    check_forms,
    check_judged_otherwise,
    check_sign,
    check_targets_of_loss,
    check_trivial,
)
from fivefold.diagnosis.checks.zero_weights import check_zero_weights
from fivefold.diagnosis.checks.zeroed_targets import check_zeroed_targets
from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.findings import Findings
from fivefold.diagnosis.observation.record import Record

Check = Callable[[Record], list[Finding]]

CHECKS: tuple[Check, ...] = (
    check_nonfinite,
    check_update_order,
    check_accumulation,
    check_unregistered,
    check_made_anew,
    check_frozen,
    check_still_groups,
    check_no_gradient,
    check_cut_paths,
    check_stopped_gradients,
    check_loss_inputs,
    check_targets_of_loss,
    check_forms,
    check_variances,
    check_one_example,
    check_flat_logits,
    check_judged_otherwise,
    check_distance_of_classes,
    check_sign,
    check_trivial,
    check_adversaries,
    check_policy_sign,
    check_choices,
    check_backwards,
    check_shapes,
    check_axes,
    check_views,
    check_scaled_together,
    check_class_axis,
    check_channels,
    check_signals,
    check_image_targets,
    check_mixing,
    check_pairs,
    check_tags,
    check_lengths,
    check_time_axis,
    check_future,
    check_next_steps,
    check_masks,
    check_empty_masks,
    check_padded_ends,
    check_token_of_padding,
    check_loss_masks,
    check_zeroed_targets,
    check_class_masks,
    check_flows,
    check_modes,
    check_states,
    check_carried,
    check_same_input,
    check_leak,
    check_telling_column,
    check_own_target,
    check_drowned,
    check_preparation,
    check_same_examples,
    check_conditions,
    check_augmentation,
    check_roughness,
    check_order,
    check_repeats,
    check_equal_views,
    check_repeated_noise,
    check_exhausted,
    check_labels,
    check_few_labels,
    check_rate_too_high,
    check_grown_weights,
    check_rate_too_low,
    check_slow_groups,
    check_momentum,
    check_sum,
    check_terms,
    check_schedule,
    check_first_values,
    check_zero_weights,
    check_written_out,
    check_inputs,
    check_sizes,
    check_targets,
    check_constant_targets,
    check_output,
    check_bounded_output,
    check_linear,
    check_linear_pairs,
    check_ignored_inputs,
    check_unread_columns,
    check_width,
    check_output_rank,
    check_constant_output,
    check_gradient_flow,
    check_units,
    check_clipping,
    check_regularisation,
    check_penalties,
    check_precision,
    check_wrapped,
    check_batch_norm,
    check_running_statistics,
    check_averages,
    check_imbalance_of_classes,
    check_beyond_balance,
    check_restored,
    check_worst_state,
    check_overfitting,
    check_unfinished,
    check_last_stage,
)
"""Every check of a training. Each reads the record, or plays its tapes again, and leaves both as they were.
"""


def run_checks(record: Record) -> Findings:
    """Run every check.

    A check that fails on a model that its author did not foresee must not hide what the others find: its
    failure becomes a note.

    Args:
        record: What was seen.
    """
    found: list[Finding] = []
    notes = list(record.notes)
    for check in CHECKS:
        try:
            found.extend(check(record))
        except Exception as error:
            notes.append(f"{check.__name__} could not look at this training: {type(error).__name__}: {error}")
    return Findings(causes_first(found), notes)


EXPLAINED: dict[str, str] = {
    "data.leak": "data.ordered",
    "data.ordered": "labels.unrelated",
    "data.preparation": "data.ordered",
    "labels.noise": "data.ordered",
    "regularisation.decay": "initialisation.too-large",
}
"""What follows from another finding: labels that are read in their stored order while examples are shuffled;
decay that pulls hard at weights that began too large. Where batches come in order, the
examples that were kept are no sample of training, and what compares them with evaluations is unsure."""


def causes_first(found: Sequence[Finding]) -> list[Finding]:
    """Return findings, with medium confidence those of high confidence that another one explains.

    Args:
        found: In any order.
    """
    sure = {f.code for f in found if f.confidence == "high"}
    return [
        replace(f, confidence="medium") if f.code in sure and EXPLAINED.get(f.code) in sure else f
        for f in found
    ]
