"""What is found in a training loop."""

from fivefold.diagnosis.trial.code import Code
from fivefold.diagnosis.trial.repairs import training

TEXT = """
import torch
opt = torch.optim.SGD(net.parameters(), lr=0.1)
other = Ranger(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 3)
def score(model):
    with torch.inference_mode():
        model(1)
    model(2)
for x in data:
    net(x).backward()
    opt.step()
    other.step()
    scaler.step(opt)
    sched.step()
    walker.step()
"""


def test_optimizers_schedules_and_updates() -> None:
    code = Code(TEXT)
    assert training.names_given(code, training.optimizer_calls(code)) == ["opt", "other"]
    assert training.names_given(code, training.scheduler_calls(code)) == ["sched"]
    assert [name for _, name in training.updates(code)] == ["opt", "other", "opt"]
    assert training.models(code) == ["net"]


def test_where_gradients_are_off() -> None:
    code = Code(TEXT)
    first, *_ = code.calls("model")
    assert training.without_gradients(code, first)
    assert not training.without_gradients(code, code.calls("backward")[0])


def test_a_function_begins_after_its_documentation() -> None:
    functions = Code("def f():\n    'text'\n    x = 1\ndef g():\n    'text'\n").tree.body
    assert training.body_start(functions[0]).lineno == 3
    assert training.body_start(functions[1]).lineno == 5
