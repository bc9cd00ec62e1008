"""Weights from a file: safetensors, or what ``torch.save`` wrote of a state dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.core import ArgumentError, ArtifactError, require

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 8


@dataclass(frozen=True)
class LoadedWeights:
    """What came of loading: names of the tensors taken from the file, left out, and passed over in it."""

    taken: tuple[str, ...]
    left_out: tuple[str, ...]
    passed_over: tuple[str, ...]


def load_weights(
    network: nn.Module, path: str | PathLike[str], *, leave_out: Sequence[str] = ()
) -> LoadedWeights:
    """Copy a checkpoint's tensors into a network, all that belong there or none.

    Architectures that torchvision also has use its names, so that its files load.

    Args:
        network: Any module.
        path: A ``.safetensors`` file; or a ``.pt``, ``.pth`` or ``.bin`` of ``torch.save``, read with
            ``weights_only``, so that it can hold tensors and no code.
        leave_out: Beginnings of names that keep the network's own values, such as ``("fc.",)`` for other
            classes.

    Raises:
        ArtifactError: Not such a file, or numbers that are not finite.
        ArgumentError: Names or shapes differ; every difference is counted and the first ones are named.

    >>> import tempfile
    >>> from safetensors.torch import save_file
    >>> ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file(theirs.state_dict(), f"{folder}/a.safetensors")
    ...     load_weights(ours, f"{folder}/a.safetensors").taken
    ('bias', 'weight')
    >>> torch.equal(ours.weight, theirs.weight)
    True
    """
    file = Path(path)
    found = _read(file)
    own = network.state_dict()
    beginnings = tuple(leave_out)
    for beginning in beginnings:
        known = any(name.startswith(beginning) for name in own)
        require(known, f"beginnings of the network's names in leave_out: {_some(list(own))}", repr(beginning))
    wanted = {name: value for name, value in own.items() if not name.startswith(beginnings or ("\0",))}
    # counters of batches, which old files lack, weigh nothing at evaluation
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    complaints = []
    missing = [name for name in wanted if name not in found and name not in optional]
    if missing:
        complaints.append(f"{len(missing)} missing in the file: {_some(missing)}")
    surplus = [name for name in found if name not in own]
    if surplus:
        complaints.append(f"{len(surplus)} unknown to the network: {_some(surplus)}")
    reshaped = [
        f"{name} {list(found[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in found and found[name].shape != value.shape
    ]
    if reshaped:
        complaints.append(f"{len(reshaped)} of another shape: {_some(reshaped)}")
    if complaints:
        raise ArgumentError(
            f"the {len(wanted)} tensors of the network in {file.name}",
            "; ".join(complaints),
            "make the network that was saved, or name what to leave out with leave_out=",
        )
    taken = sorted(name for name in wanted if name in found)
    for name in taken:
        if found[name].is_floating_point() and not bool(torch.isfinite(found[name]).all()):
            raise ArtifactError(
                f"finite numbers in {name} of {file.name}", "NaN or infinity", "take another file"
            )
    with torch.no_grad():
        for name in taken:
            own[name].copy_(found[name])
    return LoadedWeights(
        tuple(taken), tuple(sorted(set(own) - set(wanted))), tuple(sorted(set(found) - set(taken)))
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ... ({len(names) - _SHOWN} more)"


def _read(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise ArtifactError(
            "a file of weights", f"no file {file.name!r}", "give the path of a .safetensors or .pth"
        )
    if file.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            tensors: dict[str, Tensor] = load_file(file)
            return tensors
        except (SafetensorError, OSError, ValueError) as error:
            raise ArtifactError(
                f"valid safetensors in {file.name}", str(error)[:200], "take it anew"
            ) from error
    if file.suffix not in (".pt", ".pth", ".bin"):
        raise ArtifactError("a .safetensors, .pt, .pth or .bin file", repr(file.name))
    try:
        loaded: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever a damaged or hostile file leads it to
        fix = "take it from its source, or save its state dictionary as safetensors where you trust it"
        raise ArtifactError(f"a file of tensors alone in {file.name}", str(error)[:200], fix) from error
    if isinstance(loaded, dict):
        for wrapper in _WRAPPERS:
            if isinstance(loaded.get(wrapper), dict):
                loaded = loaded[wrapper]
                break
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise ArtifactError(
            f"tensors by name in {file.name}", type(loaded).__name__, "save a state dictionary"
        )
    return dict(loaded)
