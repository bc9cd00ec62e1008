"""A module under observation is copied, saved and traced as if nobody watched."""

import copy
import io
import pickle
import warnings
from collections import OrderedDict

import torch
from torch import nn

from fivefold.diagnosis.observation.veiled import Sheltered, Veiled, shelter, unshelter, veil
from fivefold.diagnosis.script.joining import JoiningWatcher


def watched() -> tuple[nn.Module, JoiningWatcher]:
    """A model between two updates, the second of which is watched in full."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = JoiningWatcher({"": model}, [optimizer])
    watcher.attach()
    model(torch.ones(2, 3)).mean().backward()
    optimizer.step()
    assert watcher._window is not None
    assert watcher._window.layers == []
    return model, watcher


def test_a_copy_is_not_watched() -> None:
    model, watcher = watched()
    copied = copy.deepcopy(model)
    given = copied(torch.ones(2, 3))
    assert watcher._window.layers == []
    assert torch.equal(model(torch.ones(2, 3)), given)
    assert watcher._window.layers != []
    watcher.detach()


def test_a_file_of_it_needs_nothing_of_ours() -> None:
    model, watcher = watched()
    file = io.BytesIO()
    torch.save(model, file)
    assert b"fivefold" not in file.getvalue()
    file.seek(0)
    given = torch.load(file, weights_only=False)(torch.ones(2, 3))
    assert watcher._window.layers == []
    assert torch.equal(model(torch.ones(2, 3)), given)
    assert pickle.loads(pickle.dumps(Veiled(print)))(1, 2, 3) is None
    watcher.detach()


def test_it_is_exported_without_us() -> None:
    model, watcher = watched()
    given = torch.ones(2, 3)
    exported = torch.export.export(model, (given,)).module()
    assert watcher._window.layers == []
    assert torch.equal(exported(given), model(given))
    watcher.detach()


def test_only_ours_are_veiled() -> None:
    model = nn.Linear(1, 1)
    theirs = model.register_forward_hook(lambda *given: None)
    ours = model.register_forward_hook(lambda *given: None)
    veil([model], [ours])
    veil([model], [ours])
    assert not isinstance(model._forward_hooks[theirs.id], Veiled)
    assert isinstance(model._forward_hooks[ours.id], Veiled)
    assert not isinstance(model._forward_hooks[ours.id]._call, Veiled)
    ours.remove()
    assert len(model._forward_hooks) == 1


def test_a_watched_module_is_scripted_as_if_nobody_watched() -> None:
    model, watcher = watched()
    given = torch.ones(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made = torch.jit.script(model)
    assert torch.equal(made(given), model(given))
    assert watcher._window.layers != []
    watcher.detach()
    assert all(type(m._forward_hooks) is OrderedDict for m in model.modules())


def test_hooks_that_are_there_already_stay_where_they_are() -> None:
    model = nn.Linear(1, 1)
    theirs = model.register_forward_hook(lambda *given: None)
    held = model._forward_hooks
    shelter(model)
    assert model._forward_hooks is held
    assert type(model._forward_pre_hooks) is Sheltered
    theirs.remove()
    unshelter(model)
    assert type(model._forward_pre_hooks) is OrderedDict


def test_the_scripts_own_hooks_are_seen_among_ours() -> None:
    model = nn.Linear(1, 1)
    shelter(model)
    ours = model.register_forward_hook(lambda *given: None)
    veil([model], [ours])
    kept = model.register_forward_hook(print)
    assert list(model._forward_hooks.values()) == [print]
    assert len(copy.deepcopy(model)._forward_hooks) == 2
    kept.remove()
    ours.remove()


def test_nothing_is_looked_at_inside_a_transform() -> None:
    seen: list[int] = []
    hook = Veiled(lambda *given: seen.append(1))
    torch.func.vmap(lambda x: (hook(), x)[1])(torch.ones(3))
    assert not seen
    hook()
    assert seen == [1]
