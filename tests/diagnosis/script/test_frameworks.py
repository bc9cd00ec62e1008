"""Libraries that hide the loop."""

import sys
from types import ModuleType

import pytest

from fivefold.diagnosis.script.frameworks import FRAMEWORKS, inside, loaded, of_stack, unseen


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("lightning.pytorch.loops.fit_loop", "Lightning"),
        ("pytorch_lightning.trainer.trainer", "Lightning"),
        ("lightning.fabric.fabric", "Lightning Fabric"),
        ("transformers.trainer", "the Trainer of Hugging Face's transformers"),
        ("transformers.models.bert.modeling_bert", None),
        ("fastai.learner", "fastai"),
        ("fastaiutils.learner", None),
        ("skorch.net", "skorch"),
        ("__main__", None),
    ],
)
def test_the_stack_tells_whose_loop_it_is(module: str, name: str | None) -> None:
    frame = type("Frame", (), {"f_globals": {"__name__": module}, "f_back": None})()
    found = of_stack(frame)
    assert (found and found.name) == name


def test_what_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastai", ModuleType("fastai"))
    assert "fastai" in [each.name for each in loaded()]


def test_each_sentence_tells_what_to_do() -> None:
    for framework in FRAMEWORKS:
        assert framework.advice in inside(framework)
        assert framework.advice in unseen(framework)
        assert framework.name in inside(framework)
