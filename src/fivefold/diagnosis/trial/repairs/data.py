"""Repairs of how examples are drawn and scaled."""

import ast
import re
from collections.abc import Sequence

from fivefold.diagnosis.finding import Finding
from fivefold.diagnosis.trial.code import Code, Edit, Unsure, argument, called, keyword
from fivefold.diagnosis.trial.repair import Repair
from fivefold.diagnosis.trial.repairs.training import backwards, models, without_gradients
from fivefold.diagnosis.trial.values import shown

SORTING = ("argsort", "arange", "sort", "range")
SEEDING = ("seed", "manual_seed", "seed_everything", "set_seed")


def shuffle(code: Code, finding: Finding) -> Sequence[Repair]:
    """Draw the examples in a new order each epoch.

    Args:
        code: The script.
        finding: Batches that are cut in order.
    """
    out: list[Repair] = []
    loaders = [
        c for c in code.calls("DataLoader") if not any(keyword(c, k) for k in ("sampler", "batch_sampler"))
    ]
    for call in sorted(loaders, key=lambda c: "train" not in code.source(c).lower())[:2]:
        held = keyword(call, "shuffle")
        if held is None or (isinstance(held.value, ast.Constant) and not held.value.value):
            name = code.source(call.args[0]) if call.args else "the examples"
            out.append(Repair(f"shuffle=True for {name}", (code.with_keyword(call, "shuffle", "True"),)))
    for call in code.calls("argsort", "arange"):
        loops = code.loops(call)
        if (
            loops
            and isinstance(code.parent(call), ast.Assign)
            and call.args
            and code.dotted(call.func).startswith("torch")
        ):
            size = code.source(call.args[0])
            size = size if called(call) == "arange" else f"len({size})"
            out.append(
                Repair("a new random order in each epoch", (code.replace(call, f"torch.randperm({size})"),))
            )
    out += _sliced(code)
    if not out:
        raise Unsure("no loader and no loop over slices was found to shuffle")
    return out


def _sliced(code: Code) -> list[Repair]:
    """``for i in range(0, n, b): x[i:i + b]``: the rows are put into a new order before the loop."""
    out = []
    for call in backwards(code):
        loop = code.loop(call)
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or code.loop(loop) is None:
            continue
        at = loop.target.id
        rows = {
            code.source(n.value)
            for n in ast.walk(loop)
            if isinstance(n, ast.Subscript)
            and isinstance(n.slice, ast.Slice)
            and n.slice.lower is not None
            and code.source(n.slice.lower) == at
            and isinstance(n.value, ast.Name)
        }
        # Rows that are chosen by an order already are no rows of data.
        chosen = {code.source(n.slice) for n in ast.walk(loop) if isinstance(n, ast.Subscript)}
        names = sorted(rows - chosen)
        if names and "order" not in names[0] and "perm" not in names[0]:
            lines = (f"shuffled = torch.randperm(len({names[0]}))",
                     f"{', '.join(names)} = {', '.join(f'{n}[shuffled]' for n in names)}")  # fmt: skip
            out.append(Repair("rows are put into a new order in each epoch", (code.before(loop, *lines),)))
    return out


def draw_anew(code: Code, finding: Finding) -> Sequence[Repair]:
    """Draw new examples for each batch: no seed in the loop, no generator made anew, all rows in reach.

    Args:
        code: The script.
        finding: Batches that repeat.
    """
    out: list[Repair] = []
    for node in code.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) in SEEDING:
            if _often(code, node):
                out.append(
                    Repair(f"{code.source(node)} is not called for each batch", tuple(code.remove(node)))
                )
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _seeds(code, node.value)
            and _often(code, node)
        ):
            name = code.source(node.targets[0])
            used = [
                k
                for c in code.calls()
                for k in c.keywords
                if code.source(k.value) == name and k.arg == "generator"
            ]
            if "." in name:
                out.append(Repair(f"{name} is not made anew for each batch", tuple(code.remove(node))))
            for given in used[:1]:
                call = code.parent(given)
                assert isinstance(call, ast.Call)
                edits = (*code.remove(node), code.without_keyword(call, "generator"))
                out.append(Repair(f"{called(call)} draws from torch's own generator", edits))
    for call in code.calls("randint"):
        repair = _from_all(code, call)
        if repair is not None:
            out.append(repair)
    if not out:
        raise Unsure("no seed in a loop and no range that is too small was found")
    return out


def _often(code: Code, node: ast.AST) -> bool:
    """Whether a line runs for each batch: in a loop, or in a function that one calls (or a data set's)."""
    if code.loop(node) is not None:
        return True
    function = code.function(node)
    if function is None:
        return False
    if function.name in {"__getitem__", "collate", "collate_fn"}:
        return True
    return any(code.loop(call) is not None for call in code.calls(function.name))


def _seeds(code: Code, call: ast.Call) -> bool:
    if called(call) in {"default_rng", "RandomState", "Random"}:
        return bool(call.args)
    return called(call) == "manual_seed" and "Generator" in code.source(call)


def _from_all(code: Code, call: ast.Call) -> Repair | None:
    """``randint(0, size, (size,))`` that chooses rows: from as many as there are."""
    plain = [a for a in call.args if not isinstance(a, ast.Tuple)]
    sizes = [e for a in call.args if isinstance(a, ast.Tuple) for e in a.elts]
    if not plain or not sizes or code.source(plain[-1]) != code.source(sizes[0]):
        return None
    statement = code.statement(call)
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return None
    name = statement.targets[0].id
    rows = [
        code.source(n.value)
        for n in code.nodes
        if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Name) and n.slice.id == name
        and code.function(n) is code.function(call)
    ]  # fmt: skip
    if not rows:
        return None
    return Repair(f"rows are drawn from all of {rows[0]}", (code.replace(plain[-1], f"len({rows[0]})"),))


def standardise_inputs(code: Code, finding: Finding) -> Sequence[Repair]:
    """Standardise the columns of the inputs inside the model, by running means and variances of training.

    A layer ``LazyBatchNorm1d(affine=False)`` before the model does it alike in training and evaluation, and
    learns nothing; for images it is ``LazyBatchNorm2d``. Of the two, the one that does not take the inputs'
    shape fails, and is no candidate. A model that is given several inputs gets a hook that does the same to
    the first of them that holds floating numbers.

    Args:
        code: The script.
        finding: Inputs that are not scaled.
    """
    known = models(code)
    for statement in code.nodes:
        if (
            not isinstance(statement, ast.Assign)
            or not isinstance(statement.value, ast.Call)
            or code.owner(statement) is not None
        ):
            continue
        name = code.source(statement.targets[0])
        if name in known and not without_gradients(code, statement) and re.fullmatch(r"\w+", name):
            nn = code.name_of("torch.nn")
            if any(len(call.args) > 1 for call in code.calls(name)):
                return [
                    Repair("a hook standardises the numbers among the inputs", (_by_hook(code, statement),))
                ]
            return [
                Repair(
                    f"a first layer standardises the {what}",
                    (
                        code.after(
                            statement,
                            f"{name} = {nn}.Sequential({nn}.{layer}(affine=False, momentum=None), {name})",
                        ),
                    ),
                )
                for layer, what in (("LazyBatchNorm1d", "columns"), ("LazyBatchNorm2d", "images"))
            ]
    raise Unsure("no line was found that makes the model")


def _by_hook(code: Code, statement: ast.Assign) -> Edit:
    """Lines after the model is made: a layer that scales, and what gives it the first floating input."""
    name = code.source(statement.targets[0])
    return code.after(
        statement,
        f"{name}.scaling = {code.name_of('torch.nn')}.LazyBatchNorm1d(affine=False, momentum=None)",
        "",
        "def with_scaling(module, given):",
        "    place = next(i for i, x in enumerate(given) if x.is_floating_point())",
        "    return (*given[:place], module.scaling(given[place]), *given[place + 1:])",
        "",
        f"{name}.register_forward_pre_hook(with_scaling)",
    )


def draw_evenly(code: Code, finding: Finding) -> Sequence[Repair]:
    """Draw rare classes more often, by the inverse of their number or its root, or weigh them in the loss.

    What is drawn otherwise leaves the loss what it was, so that losses on held-out examples still compare.

    Args:
        code: The script.
        finding: Classes that are rare in training.
    """
    shares = [share for _, share in finding.picture.curves.get("share", ())] if finding.picture else []
    if len(shares) < 2 or min(shares) <= 0:
        raise Unsure("the numbers of the classes are not known, or a class is not there at all")
    out = _sampled(code)
    # The root of the inverse: whole inverses make the rarest examples as loud as a class.
    weights = [(max(shares) / share) ** 0.5 for share in shares]
    for call in code.calls("CrossEntropyLoss", "cross_entropy"):
        if (
            keyword(call, "weight") is None
            and not without_gradients(code, call)
            and argument(call, "weight", 2) is None
        ):
            text = f"{code.name_of('torch')}.tensor([{', '.join(shown(w) for w in weights)}])"
            out.append(
                Repair("rare classes weigh more in the loss", (code.with_keyword(call, "weight", text),))
            )
            break
    if not out:
        raise Unsure("no loader that shuffles and no cross-entropy without weights was found")
    return out


def _sampled(code: Code) -> list[Repair]:
    """``WeightedRandomSampler`` for the one loader that shuffles pairs of an example and its class."""
    loaders = []
    for call in code.calls("DataLoader"):
        held = keyword(call, "shuffle")
        if (
            held is not None
            and isinstance(held.value, ast.Constant)
            and held.value.value is True
            and call.args
        ):
            loaders.append((call, held))
    if len(loaders) != 1:
        return []
    call, held = loaders[0]
    torch, rows = code.name_of("torch"), code.source(call.args[0])
    names = {n.id for n in code.nodes if isinstance(n, ast.Name)}
    classes, drawn = (name if name not in names else f"{name}_of_rows" for name in ("classes", "sampler"))
    taken = f"{classes} = {torch}.tensor([int(pair[1]) for pair in {rows}])"
    out = []
    for power, what in ((0.5, "by the root of their inverse share"), (1.0, "as often as the others")):
        weights = f"({torch}.bincount({classes}).float() ** -{power})[{classes}]"
        made = f"{drawn} = {torch}.utils.data.WeightedRandomSampler({weights}, len({classes}))"
        edits = (
            code.before(code.statement(call), taken, made),
            Edit(*code.span(held), f"sampler={drawn}"),
        )
        out.append(Repair(f"rare classes are drawn {what}", edits))
    return out
