"""Repairs of settings that hold a network back: decay, dropout, penalties, clipping, batches."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, argument, called, keyword
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import first_argument, optimizer_calls, updates
from fivefold.diagnosis.trial.values import Value, shown, value_of

DROPOUTS = (
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
    "dropout",
)
DECOUPLED = {"Adam": "AdamW"}
"""Optimizers that decay weights by themselves, for those that put it into the gradient."""

PENALTIES = ("beta", "lambda", "lam", "penalty", "kl", "l1", "l2", "reg", "weight_decay", "alpha")


def less_decay(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the weight decay to usual ones, or take it out of the gradient that Adam scales.

    Args:
        code: The script.
        finding: A decay that outweighs the loss.
    """
    for call in optimizer_calls(code):
        given = argument(call, "weight_decay")
        if given is None:
            continue
        value = value_of(code, given)
        wanted = [w for w in (1e-2, 1e-4, 0.0) if value.now is None or w < 0.5 * value.now]
        out = _versions(code, value, wanted, "the weight decay")
        if called(call) in DECOUPLED and (value.now is None or value.now <= 0.1):
            # Adam divides this decay by the gradient's size: what is usual for AdamW is far too much for it.
            _start, end = code.span(call.func)
            other = DECOUPLED[called(call)]
            edit = Edit(end - len(called(call)), end, other)
            if isinstance(call.func, ast.Name):
                edit = code.replace(call.func, f"{code.name_of('torch')}.optim.{other}")
            out.insert(0, Repair(f"{other} replaces {called(call)}", (edit,)))
        return out
    raise Unsure("no weight decay is written where the optimizer is made")


def less_dropout(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the probabilities of dropout above a half to usual ones.

    Args:
        code: The script.
        finding: Dropout that leaves too little.
    """
    sites: dict[int, Value] = {}
    for call in code.calls():
        given = _probability(call)
        if given is not None:
            value = value_of(code, given)
            if value.now is not None and 0.5 < value.now < 1:
                sites[id(value.node)] = value
    if not sites:
        raise Unsure("no probability of dropout above a half is written in the script")
    out = []
    for to in (0.3, 0.1, 0.5):
        edits = tuple(value.change(code, to) for value in sites.values())
        out.append(Repair(f"the probability of dropout becomes {to:g}", edits))
    return out


def _probability(call: ast.Call) -> ast.expr | None:
    if called(call) == "dropout":
        return argument(call, "p", 1)
    if called(call) in DROPOUTS:
        return argument(call, "p", 0)
    return argument(call, "dropout")


def less_penalty(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the factor of a penalty, known by its name.

    Args:
        code: The script.
        finding: A penalty that outweighs the loss, or a latent that carries nothing.
    """
    sites: dict[int, tuple[str, Value]] = {}
    for node in code.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                name = code.source(side).rpartition(".")[2].lower()
                parts = set(name.split("_"))
                if isinstance(side, ast.Name | ast.Attribute) and (
                    parts & set(PENALTIES) or name in PENALTIES
                ):
                    value = value_of(code, side)
                    if value.now:
                        sites[id(value.node)] = (code.source(side), value)
    if len(sites) != 1:
        raise Unsure(
            "the factor of the penalty is not known by its name"
            if not sites
            else "several factors may be meant"
        )
    name, value = next(iter(sites.values()))
    assert value.now is not None
    wanted = [w for w in (1.0, value.now / 10, value.now / 100) if w < 0.9 * value.now]
    return _versions(code, value, wanted, name)


def wider_clipping(code: Code, finding: Finding) -> Sequence[Repair]:
    """Raise the threshold at which gradients are clipped.

    Args:
        code: The script.
        finding: Gradients that are clipped at every update.
    """
    for call in code.calls("clip_grad_norm_", "clip_grad_value_"):
        given = argument(call, "max_norm" if called(call) == "clip_grad_norm_" else "clip_value", 1)
        if given is None:
            continue
        value = value_of(code, given)
        now = value.now or 0.0
        wanted = [w for w in (1.0, 5.0, 100 * now) if w > 2 * now]
        found = _versions(code, value, wanted, "the threshold of clipping")
        statement = code.statement(call)
        if isinstance(statement, ast.Expr):
            found.append(Repair("clipping is left out", tuple(code.remove(statement))))
        return found
    raise Unsure("no call that clips gradients was found")


def clip(code: Code, finding: Finding) -> Sequence[Repair]:
    """Clip the gradient's norm at 1 before each update.

    Args:
        code: The script.
        finding: A gradient that explodes.
    """
    made = updates(code)
    if code.calls("clip_grad_norm_") or not made:
        raise Unsure(
            "gradients are clipped already" if made else "no call of an optimizer's step() was found"
        )
    edits: list[Edit] = []
    for call, name in made:
        held = [
            first_argument(c, "params")
            for c in optimizer_calls(code)
            if isinstance(s := code.statement(c), ast.Assign) and name in [code.source(t) for t in s.targets]
        ]
        same = [h for h in held if h is not None and code.function(h) is code.function(call)]
        given = (
            code.source(same[0]) if same else f'[p for group in {name}.param_groups for p in group["params"]]'
        )
        text = f"{code.name_of('torch.nn')}.utils.clip_grad_norm_({given}, 1.0)"
        edits.append(code.before(code.statement(call), text))
    return [Repair("the gradient's norm is clipped at 1", tuple(edits))]


def more_decay(code: Code, finding: Finding) -> Sequence[Repair]:
    """Add weight decay, and dropout where there is a probability of none.

    Args:
        code: The script.
        finding: A network that overfits.
    """
    out: list[Repair] = []
    sites: dict[int, Value] = {}
    for call in code.calls():
        given = _probability(call)
        value = None if given is None else value_of(code, given)
        if value is not None and value.now is not None and value.now < 0.25:
            sites[id(value.node)] = value
    if sites:
        out.append(
            Repair(
                "the probability of dropout becomes 0.4", tuple(v.change(code, 0.4) for v in sites.values())
            )
        )
    for call in optimizer_calls(code)[:1]:
        decoupled = called(call) in {"AdamW", "NAdamW"}
        for to in (1.0, 0.1) if decoupled else (1e-2, 1e-3):
            held = keyword(call, "weight_decay")
            now = 0.0 if held is None else (value_of(code, held.value).now or 0.0)
            if to > 2 * now:
                out.append(
                    Repair(
                        f"the weight decay becomes {to:g}",
                        (code.with_keyword(call, "weight_decay", shown(to)),),
                    )
                )
    return out


def larger_batches(code: Code, finding: Finding) -> Sequence[Repair]:
    """Make batches of 32 and 64 examples.

    Args:
        code: The script.
        finding: Batches too small for batch norm.
    """
    for call in code.calls("DataLoader"):
        given = argument(call, "batch_size", 1)
        value = None if given is None else value_of(code, given)
        if value is not None and value.now is not None and value.now < 16:
            return _versions(code, value, [32.0, 64.0], "the batch size")
    for node in code.nodes:
        # BATCH = 2, batch_size = 2, --batch-size 2
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = code.source(node).rpartition(".")[2].lower()
            if name in {"batch", "batch_size", "bs", "batchsize", "train_batch_size", "n_batch"}:
                value = value_of(code, node)
                if value.now is not None and value.now < 16:
                    return _versions(code, value, [32.0, 64.0], "the batch size")
    raise Unsure("the size of the batches is not written in the script")


def _versions(code: Code, value: Value, wanted: Sequence[float], what: str) -> list[Repair]:
    was = "" if value.now is None else f" instead of {value.now:g}"
    return [Repair(f"{what} becomes {to:g}{was}", (value.change(code, to),)) for to in wanted]


def less_smoothing(code: Code, finding: Finding) -> Sequence[Repair]:
    """Lower the smoothing of labels.

    Args:
        code: The script.
        finding: Smoothing that leaves too little of the labels.
    """
    for call in code.calls():
        held = keyword(call, "label_smoothing")
        if held is not None:
            return _versions(code, value_of(code, held.value), [0.1, 0.0], "label smoothing")
    raise Unsure("no label_smoothing is written in the script")
