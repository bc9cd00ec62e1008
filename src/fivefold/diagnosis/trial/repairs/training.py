"""What repairs ask of a training loop: its backward pass, its optimizer, its model."""

import ast
from collections.abc import Sequence

from fivefold.diagnosis.trial.code import Code, Function, Unsure, argument, called, keyword

CLIPPING = ("clip_grad_norm_", "clip_grad_value_", "unscale_")


def optimizer_calls(code: Code) -> list[ast.Call]:
    """Constructions of torch's optimizers: ``torch.optim.X(...)``, or what is given parameters and a rate."""
    found = []
    for call in code.calls():
        full = code.dotted(call.func)
        plain = full.startswith("torch.optim.") and ".lr_scheduler" not in full
        other = (
            keyword(call, "lr") is not None and bool(call.args) and "parameters" in code.source(call.args[0])
        )
        if plain or other:
            found.append(call)
    return found


def scheduler_calls(code: Code) -> list[ast.Call]:
    """Constructions of torch's schedulers of the rate."""
    return [call for call in code.calls() if ".lr_scheduler." in f"{code.dotted(call.func)}."]


def names_given(code: Code, calls: Sequence[ast.Call]) -> list[str]:
    """The variables (``a`` or ``self.a``) that calls are assigned to."""
    names = []
    for call in calls:
        statement = code.statement(call)
        if isinstance(statement, ast.Assign) and statement.value is call:
            names += [code.source(target) for target in statement.targets]
    return names


def updates(code: Code) -> list[tuple[ast.Call, str]]:
    """Calls that make an update, ``optimizer.step()`` or ``scaler.step(optimizer)``, with the optimizer's
    name.
    """
    schedulers = set(names_given(code, scheduler_calls(code)))
    made = set(names_given(code, optimizer_calls(code)))
    found = []
    for call in code.calls("step"):
        if not isinstance(call.func, ast.Attribute):
            continue
        on = code.source(call.func.value)
        if call.args and isinstance(call.args[0], ast.Name | ast.Attribute) and on not in schedulers:
            given = code.source(call.args[0])
            if given in made or "opt" in given.lower():
                found.append((call, given))
        elif on in made or (on not in schedulers and "sched" not in on and "opt" in on.lower()):
            found.append((call, on))
    return found


def backwards(code: Code) -> list[ast.Call]:
    """Calls of ``backward``."""
    return [call for call in code.calls("backward") if isinstance(call.func, ast.Attribute)]


def models(code: Code) -> list[str]:
    """Names of variables that hold models: those asked for parameters, or set to a mode, or given away."""
    asked = ("parameters", "train", "eval", "state_dict", "named_parameters")
    found: dict[str, int] = {}
    for call in code.calls(*asked):
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name | ast.Attribute):
            name = code.source(call.func.value)
            if name != "self":
                found[name] = found.get(name, 0) + 1
    return sorted(found, key=lambda n: -found[n])


def model_in(code: Code, place: ast.AST) -> str:
    """The model that is called in a piece of the text, by the name that it has there.

    Raises:
        Unsure: None, or it is not clear which.
    """
    known = models(code)
    called_there = [code.source(c.func) for c in ast.walk(place) if isinstance(c, ast.Call)]
    given = [code.source(a) for c in ast.walk(place) if isinstance(c, ast.Call) for a in c.args]
    for names in (called_there, given):
        found = [name for name in known if name in names]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise Unsure(f"several models are called there: {', '.join(found)}")
    raise Unsure("the model's name in this place is not clear")


def body_start(function: Function) -> ast.stmt:
    """The first statement of a function after its documentation."""
    first = function.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1] if text and len(function.body) > 1 else first


def without_gradients(code: Code, node: ast.AST) -> bool:
    """Whether a node lies where gradients are off, or in a function that evaluates by its name."""
    for each in code.above(node):
        if isinstance(each, ast.With) and any(_off(code, item.context_expr) for item in each.items):
            return True
        if isinstance(each, Function):
            if any(_off(code, d) for d in each.decorator_list):
                return True
            return any(
                _off(code, item.context_expr)
                for w in ast.walk(each)
                if isinstance(w, ast.With)
                for item in w.items
            )
    return False


def _off(code: Code, node: ast.expr) -> bool:
    name = called(node) if isinstance(node, ast.Call) else code.dotted(node).rpartition(".")[2]
    return name in {"no_grad", "inference_mode"}


def first_argument(call: ast.Call, *names: str) -> ast.expr | None:
    """The first argument of a call, also where it is given by one of these names."""
    for name in names:
        if (found := argument(call, name)) is not None:
            return found
    return argument(call, "", 0)
