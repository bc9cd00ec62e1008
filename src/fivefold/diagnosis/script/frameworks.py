"""Libraries that hide the training loop: recognised, and how to watch inside each of them."""

import sys
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True, slots=True)
class Framework:
    """A library with a training loop of its own.

    Attributes:
        name: What people call it.
        modules: The first parts of its modules' names.
        loop: The modules in whose functions the loop runs.
        advice: How to watch from inside it.
    """

    name: str
    modules: tuple[str, ...]
    loop: tuple[str, ...]
    advice: str


FRAMEWORKS = (
    Framework(
        "Lightning",
        ("lightning", "pytorch_lightning"),
        ("lightning.pytorch.", "pytorch_lightning."),
        "call fivefold.watch(pl_module, trainer.optimizers) in a Callback's on_train_start, and findings() "
        "in its on_train_end",
    ),
    Framework(
        "Lightning Fabric",
        ("lightning_fabric", "lightning.fabric"),
        ("lightning.fabric.", "lightning_fabric."),
        "call fivefold.watch(model, optimizer) with what fabric.setup gave back",
    ),
    Framework(
        "the Trainer of Hugging Face's transformers",
        ("transformers",),
        ("transformers.trainer",),
        "call fivefold.watch(model, optimizer) in a TrainerCallback's on_train_begin(self, args, state, "
        "control, model=None, optimizer=None, **kwargs), and findings() in its on_train_end",
    ),
    Framework(
        "fastai",
        ("fastai",),
        ("fastai.",),
        "its optimizers are not torch's: make the Learner with opt_func=partial(OptimWrapper, "
        "opt=torch.optim.AdamW), "
        "and call fivefold.watch(self.learn.model, self.learn.opt.opt) in a Callback's before_fit",
    ),
    Framework(
        "ignite",
        ("ignite",),
        ("ignite.engine",),
        "call fivefold.watch(model, optimizer) before trainer.run()",
    ),
    Framework(
        "skorch",
        ("skorch",),
        ("skorch.",),
        "call fivefold.watch(net.module_, net.optimizer_) in a Callback's on_train_begin",
    ),
    Framework(
        "Keras",
        ("keras",),
        ("keras.",),
        "its optimizers are not torch's; write the loop with torch.optim to have updates watched",
    ),
)


def _begins(name: str, starts: tuple[str, ...]) -> bool:
    return any(name == start.rstrip(".") or name.startswith(start) for start in starts)


def of_stack(frame: FrameType | None) -> Framework | None:
    """Return the library in whose loop a frame runs, or ``None``.

    Args:
        frame: The innermost frame.

    >>> of_stack(sys._getframe()) is None
    True
    """
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        for framework in FRAMEWORKS:
            if _begins(name, framework.loop):
                return framework
        frame = frame.f_back
    return None


def loaded() -> list[Framework]:
    """Return the libraries that are in memory.

    >>> [each.name for each in loaded() if each.name == "fastai"]
    []
    """
    names = set(sys.modules)
    return [each for each in FRAMEWORKS if names & set(each.modules)]


def inside(framework: Framework) -> str:
    """Return the sentence for a loop that was watched inside a library.

    >>> inside(FRAMEWORKS[0])[:44]
    "the loop is Lightning's, and was watched fro"
    """
    name = framework.name
    whose = f"that of {name}" if name.startswith("the ") else f"{name}'s"
    return f"the loop is {whose}, and was watched from outside; to watch from inside it, {framework.advice}"


def unseen(framework: Framework) -> str:
    """Return the sentence for a library that is loaded while no update was seen.

    >>> unseen(FRAMEWORKS[3])[:60]
    'fastai is loaded, but no step of an optimizer of torch was s'
    """
    return f"{framework.name} is loaded, but no step of an optimizer of torch was seen: {framework.advice}"
