"""Repairs of rates, momentum, schedules and how long a training runs."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, argument, called, keyword, number
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import (
    backwards,
    names_given,
    optimizer_calls,
    scheduler_calls,
    updates,
)
from fivefold.diagnosis.trial.values import Value, shown, value_of

USUAL = {
    "SGD": 0.05,
    "Adagrad": 1e-2,
    "RMSprop": 1e-3,
    "Adam": 1e-3,
    "AdamW": 1e-3,
    "NAdam": 1e-3,
    "RAdam": 1e-3,
    "Adamax": 2e-3,
    "Adadelta": 1.0,
    "Rprop": 1e-2,
}
"""Rates that often train, by optimizer."""

RATES = ("max_lr", "base_lr", "eta_max")
"""Arguments of schedules that are rates themselves."""


def lower_rate(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the rate where it is written: to the measured one, to the optimizer's usual one, and below.

    Args:
        code: The script.
        finding: A rate that is too high.
    """
    return _other_rate(code, finding, higher=False)


def raise_rate(code: Code, finding: Finding) -> Sequence[Repair]:
    """Raise the rate where it is written: to the optimizer's usual one, and by measured factors.

    Args:
        code: The script.
        finding: A rate that is too low.
    """
    return _other_rate(code, finding, higher=True)


def _figure(finding: Finding, name: str) -> float | None:
    held = finding.figures.get(name)
    return held if isinstance(held, float | int) else None


def _other_rate(code: Code, finding: Finding, *, higher: bool) -> list[Repair]:
    calls = optimizer_calls(code)
    if not calls:
        raise Unsure("no optimizer's construction was found")
    was = _figure(finding, "rate")
    # A call whose rate is the one that was seen; the only one otherwise.
    sites = [(call, _rate(code, call)) for call in calls]
    close = [(c, v) for c, v in sites if v and v.now and was and abs(v.now / was - 1) < 0.2]
    call, value = (close or sites)[0]
    now = value.now if value is not None and value.now else was
    if now is None:
        raise Unsure("the rate's number was not found")
    to = _figure(finding, "to")
    usual = USUAL.get(called(call), 1e-3)
    if higher:
        wanted = [to, usual, 10 * now, 100 * now, 1000 * now]
        kept = [w for w in wanted if w is not None and 1.5 * now < w <= 20 * usual]
    else:
        wanted = [to, usual, now / 10, now / 30, now / 100]
        kept = [w for w in wanted if w is not None and w < 0.7 * now]
    out: list[Repair] = []
    taken: list[float] = []
    for rate in kept:
        if all(max(rate / t, t / rate) > 1.9 for t in taken):
            taken.append(rate)
            edits = _rate_edits(code, call, value, now, rate)
            out.append(Repair(f"the rate becomes {shown(rate)} instead of {shown(now)}", tuple(edits)))
    if not out:
        raise Unsure("the rate is already the usual one")
    return out


def _rate(code: Code, call: ast.Call) -> Value | None:
    given = argument(call, "lr", 1)
    return None if given is None else value_of(code, given)


def _rate_edits(code: Code, call: ast.Call, value: Value | None, now: float, to: float) -> list[Edit]:
    edits = [code.with_keyword(call, "lr", shown(to)) if value is None else value.change(code, to)]
    seen = {id(value.node)} if value is not None else set()
    for schedule in scheduler_calls(code):
        places = {"OneCycleLR": 1, "CyclicLR": 2}
        for name in RATES:
            given = argument(schedule, name, places.get(called(schedule)) if name == "max_lr" else None)
            held = None if given is None else value_of(code, given)
            if held is None or held.now is None or id(held.node) in seen:
                continue
            seen.add(id(held.node))
            edits.append(held.change(code, held.now * to / now))
    return edits


def lower_momentum(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the momentum to 0.9 or 0.5 and take it out of schedules that set it; put Adam's two in order.

    Args:
        code: The script.
        finding: A momentum that multiplies steps too often.
    """
    out = []
    swapped: list[Edit] = []
    for call in optimizer_calls(code):
        betas = argument(call, "betas")
        if isinstance(betas, ast.Tuple) and len(betas.elts) == 2:
            first, second = (number(b) for b in betas.elts)
            if first is not None and second is not None and second < first and first >= 0.95:
                text = ", ".join(code.source(b) for b in reversed(betas.elts))
                swapped.append(code.replace(betas, f"({text})"))
    if swapped:
        out.append(Repair("the two betas change places", tuple(swapped)))
    for to in (0.9, 0.5):
        edits = _momenta(code, to)
        if edits:
            out.append(Repair(f"the momentum becomes {to}", tuple(edits)))
    if not out:
        raise Unsure("no momentum of 0.95 or more is written in the script")
    return out


def _momenta(code: Code, to: float) -> list[Edit]:
    """Write another momentum wherever one of 0.95 or more is written."""
    edits: list[Edit] = []
    for call in optimizer_calls(code):
        given = argument(call, "momentum")
        value = None if given is None else value_of(code, given)
        if value is not None and (value.now or 0) >= 0.95:
            edits.append(value.change(code, to))
        betas = argument(call, "betas")
        if isinstance(betas, ast.Tuple) and betas.elts and (number(betas.elts[0]) or 0) >= 0.95:
            edits.append(code.replace(betas.elts[0], str(to)))
    bounds = {"base_momentum": to - 0.05, "max_momentum": to + 0.05}
    for call in scheduler_calls(code):
        for name, bound in bounds.items():
            held = keyword(call, name)
            if held is not None and (value_of(code, held.value).now or 1.0) > 0.95:
                edits.append(code.replace(held.value, shown(bound)))
    return edits


def correct_schedule(code: Code, finding: Finding) -> Sequence[Repair]:
    """Count the schedule as it was planned: step it after the inner loop, or give it the number of updates;
    else leave it out.

    Args:
        code: The script.
        finding: A rate that is gone too early, or that grows to the end.
    """
    calls = scheduler_calls(code)
    names = set(names_given(code, calls))
    steps = [
        code.statement(c)
        for c in code.calls("step")
        if isinstance(c.func, ast.Attribute)
        and (code.source(c.func.value) in names or "sched" in code.source(c.func.value).lower())
    ]
    if not steps:
        return _stepped(code, calls)
    out: list[Repair] = []
    inner = [s for s in steps if (loop := code.loop(s)) is not None and _trains(code, loop)]
    if inner:
        loop = code.loop(inner[0])
        assert loop is not None
        moved = (*code.remove(inner[0]), code.after(loop, *code.lines_of(inner[0])))
        out.append(Repair("the schedule steps once after the inner loop, not at every batch", moved))
    out += _counted(code, calls, finding)
    outer = [s for s in steps if s not in inner]
    for statement in outer[:1]:
        passes = [code.statement(b) for b in backwards(code)]
        if (
            len(passes) == 1
            and passes[0] is not statement
            and code.function(passes[0]) is code.function(statement)
        ):
            last = code.block(passes[0])[-1]
            text = code.lines_of(statement)
            edits = (*code.remove(statement), code.after(last, *text))
            out.append(Repair("the schedule steps at every batch", edits))
    out.append(Repair("the schedule is left out", tuple(code.remove(*steps))))
    return out


def _stepped(code: Code, calls: Sequence[ast.Call]) -> list[Repair]:
    """Step a schedule that is never stepped: after each update, or after the inner loop."""
    names = names_given(code, calls)
    made = updates(code)
    if not names or len(made) != 1:
        raise Unsure("no schedule, or not the one update that it belongs to, was found")
    statement = code.statement(made[0][0])
    each = Repair("the schedule steps at every batch", (code.after(statement, f"{names[0]}.step()"),))
    loop = code.loop(statement)
    if loop is None:
        return [each]
    after = Repair("the schedule steps after the inner loop", (code.after(loop, f"{names[0]}.step()"),))
    return [after, each] if called(calls[0]) != "OneCycleLR" else [each, after]


def _trains(code: Code, loop: ast.stmt) -> bool:
    """Whether a loop is the innermost one around the backward pass, in an outer one or in a function."""
    innermost = [code.loop(b) for b in backwards(code)]
    return loop in innermost and (code.loop(loop) is not None or code.function(loop) is not None)


def _counted(code: Code, calls: Sequence[ast.Call], finding: Finding) -> list[Repair]:
    """Totals of a schedule that count examples where batches are meant, or another number of updates."""
    out = []
    loaders = names_given(code, code.calls("DataLoader"))
    taken = _figure(finding, "taken")
    for call in calls:
        for name, place in (("total_steps", 2), ("T_max", 1), ("total_iters", 3), ("steps_per_epoch", None)):
            given = argument(call, name, place)
            if given is None:
                continue
            lengths = [c for c in code.calls("len", within=given) if code.source(c.args[0]) not in loaders]
            if lengths and len(loaders) == 1:
                edit = code.replace(lengths[0].args[0], loaders[0])
                out.append(Repair(f"the schedule counts batches, len({loaders[0]})", (edit,)))
            elif taken is not None and taken > 0 and name in {"total_steps", "T_max"}:
                edit = code.replace(given, str(int(taken)))
                out.append(Repair(f"the schedule is as long as the training, {int(taken)} steps", (edit,)))
    return out


def train_longer(code: Code, finding: Finding) -> Sequence[Repair]:
    """Multiply the epochs (or steps) by 3 and by 10.

    Args:
        code: The script.
        finding: A training that ends while the loss still falls.
    """
    return _other_length(code, (3.0, 10.0))


def train_shorter(code: Code, finding: Finding) -> Sequence[Repair]:
    """End the training where the held-out loss was least.

    Args:
        code: The script.
        finding: A network that overfits.
    """
    curve = finding.picture.curves.get("held out", ()) if finding.picture else ()
    least = min(curve, key=lambda point: point[1])[0] if curve else 0.0
    share = least / curve[-1][0] if curve and curve[-1][0] else None
    return _other_length(code, (share,) if share is not None and 0.02 < share < 0.9 else (0.3, 0.1))


def _other_length(code: Code, factors: Sequence[float]) -> list[Repair]:
    for call in backwards(code):
        for bound in _bounds(code, call):
            value = value_of(code, bound)
            if value.now is None or value.now < 1:
                continue
            out = []
            for factor in factors:
                to = float(max(1, round(value.now * factor)))
                if to != value.now:
                    what = f"{code.source(bound)} becomes {shown(to, whole=True)} instead of {value.now:g}"
                    out.append(Repair(what, (value.change(code, to),)))
            return out
    raise Unsure("the number of epochs was not found")


def _bounds(code: Code, call: ast.Call) -> list[ast.expr]:
    """What ends the outer loops around a backward pass, also around the calls of its function."""
    places: list[ast.AST] = [call]
    function = code.function(call)
    if function is not None:
        places += code.calls(function.name)
    found = []
    for place in places:
        for loop in reversed(code.loops(place)):
            if (
                isinstance(loop, ast.For)
                and isinstance(loop.iter, ast.Call)
                and called(loop.iter) in {"range", "trange"}
            ):
                args = loop.iter.args
                if len(args) < 3 and args:
                    end = args[-1]
                    # range(1, epochs + 1)
                    if isinstance(end, ast.BinOp) and isinstance(end.op, ast.Add) and number(end.right) == 1:
                        end = end.left
                    found.append(end)
    return found
