"""A loop that never updates anything."""

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.script.discovery import Discovery


def check_updates(discovery: Discovery) -> list[Finding]:
    """Find models that got gradients while no optimizer ever made a step and no weight ever changed.

    Statistic: the number of steps of all optimizers in the script. Null: at least 1 wherever gradients are
        computed. False alarms: scripts that compute gradients for something else than training (saliency
        maps, gradient checks).

    Args:
        discovery: What was found in the script.
    """
    if discovery.updates:
        return []
    found = []
    for training in discovery.trainings:
        model = list(training.record.parameters())
        got = [name for name, p in model if p.grad is not None]
        if training.changed():
            discovery.notes.append(
                f"the weights of {training.title} are changed by hand, by no optimizer of torch: not watched"
            )
        elif got:
            held = ", ".join(training.record.optimizers)
            found.append(
                Finding(
                    "step.never",
                    "no optimizer ever makes a step",
                    f"{len(got)} of {len(model)} parameters of {training.title} have a gradient, none was "
                    f"ever changed, "
                    f"and {f'{held} made 0 steps' if held else 'no optimizer of torch holds them'}",
                    "high" if held else "medium",
                    "optimizer.step() is never called, or it is the step of another object",
                    "call optimizer.step() after loss.backward(), once per batch",
                )
            )
    return found
