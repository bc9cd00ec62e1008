"""Weights from a file: safetensors, or what ``torch.save`` wrote of a state dictionary."""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fivefold.core import ArgumentError, ArtifactError, require
from fivefold.networks.image_network import ImageNetwork

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_SHOWN = 8
_ROOM = 256 << 20
_TIMES = 8  # a checkpoint of training holds moments and averages beside the weights
_OLD_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


@dataclass(frozen=True)
class LoadedWeights:
    """What came of loading.

    Attributes:
        taken: Names of the tensors taken from the file.
        left_out: Names of the network's tensors that kept their values.
        passed_over: Names in the file that were not taken.
    """

    taken: tuple[str, ...]
    left_out: tuple[str, ...]
    passed_over: tuple[str, ...]


def load_weights(
    network: nn.Module, path: str | PathLike[str], *, leave_out: str | Sequence[str] = ()
) -> LoadedWeights:
    """Copy a checkpoint's tensors into a network, all that belong there or none.

    Architectures that torchvision also has use its names, so that its files load; DenseNet's old ones are
    renamed. A beginning that all names of the file have and the network's do not (``module.`` of parallel
    training, ``_orig_mod.`` of a compiled one) is taken off. The auxiliary classifiers in GoogLeNet's, which
    serve its training alone, are passed over; its published weights expect pictures scaled to [-1, 1]
    (:attr:`ImageNetwork.published_moments <fivefold.networks.ImageNetwork.published_moments>`).

    Args:
        network: Any module whose weights have memory.
        path: A ``.safetensors`` file; or a ``.pt``, ``.pth``, ``.ckpt`` or ``.bin`` of ``torch.save``, read
            with ``weights_only``, so that it can hold tensors and no code: a state dictionary, or a
            dictionary in which one is. At most 256 MiB and eight times the
            network's bytes.
        leave_out: Beginnings of names that are not taken, such as ``"fc."`` for another number of classes.

    Raises:
        ArtifactError: Not such a file, or numbers that are not finite in the network's type.
        ArgumentError: Names, shapes or kinds of numbers differ; every difference is counted and the first
            ones are named.

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
    file, own = Path(path), network.state_dict()
    _require_memory(own)
    found = _renamed(_unwrapped(_read(file, sum(value.nbytes for value in own.values())), own), own)
    beginnings = (leave_out,) if isinstance(leave_out, str) else tuple(leave_out)
    for beginning in beginnings:
        known = beginning != "" and any(name.startswith(beginning) for name in (*own, *found))
        require(
            known, f"beginnings of names in leave_out, such as those of {_some(list(own))}", repr(beginning)
        )

    def left(name: str) -> bool:
        return any(name.startswith(beginning) for beginning in beginnings)

    taken = sorted(name for name in own if name in found and not left(name))
    complaints = _mismatches({n: v for n, v in own.items() if not left(n)}, found)
    auxiliary = network.auxiliary if isinstance(network, ImageNetwork) else ()
    surplus = [name for name in found if not (name in own or left(name) or name.startswith(auxiliary))]
    if surplus:
        complaints.append(f"{len(surplus)} unknown to the network: {_some(surplus)}")
    complaints += _disagreements(own, found, set(taken))
    if complaints:
        raise ArgumentError(
            f"the tensors of the network in {file.name}",
            "; ".join(complaints),
            "make the network that was saved, or name what to leave out with leave_out=",
        )
    ready = {name: found[name].to(own[name].dtype) for name in taken}
    for name, value in ready.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            expected = f"numbers in {name} of {file.name} that are finite as {value.dtype}"
            raise ArtifactError(expected, "NaN or infinity", "take another file")
    with torch.no_grad():
        for name, value in ready.items():
            own[name].copy_(value)
    return LoadedWeights(
        tuple(taken), tuple(sorted(set(own) - set(taken))), tuple(sorted(set(found) - set(taken)))
    )


def _require_memory(own: dict[str, Tensor]) -> None:
    for name, value in own.items():
        real = type(value) is not nn.UninitializedParameter and value.device.type != "meta"
        fix = "create it on a device, or run it once"
        require(real, "a network whose weights have memory", f"{name} without", fix)
        spread = any(s == 0 and n > 1 for s, n in zip(value.stride(), value.shape, strict=True))
        require(not spread, "weights that can be written", f"{name}, an expanded tensor", "clone it first")


def _mismatches(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    """Say what is missing, of another shape, or of another kind of numbers."""
    # counters of batches, which old files lack, weigh nothing at evaluation
    missing = [n for n in wanted if n not in found and not n.endswith("num_batches_tracked")]
    both = [(name, value, found[name]) for name, value in wanted.items() if name in found]
    reshaped = [f"{n} {list(t.shape)} instead of {list(v.shape)}" for n, v, t in both if t.shape != v.shape]
    kinds = [f"{n} {_kind(t)} instead of {_kind(v)}" for n, v, t in both if _kind(t) != _kind(v)]
    return [
        f"{len(names)} {what}: {_some(names)}"
        for names, what in (
            (missing, "missing in the file"),
            (reshaped, "of another shape"),
            (kinds, "of another kind"),
        )
        if names
    ]


def _kind(x: Tensor) -> str:
    """What a tensor's numbers are, and how they lie."""
    if x.is_quantized or x.layout != torch.strided or x.is_nested:
        return "quantized" if x.is_quantized else "sparse or nested"
    if x.is_complex():
        return "complex"
    if x.dtype == torch.bool or not x.is_floating_point():
        return "whole"
    return "real" if x.dtype.itemsize > 1 else "real of 8 bits"


def _disagreements(own: dict[str, Tensor], found: dict[str, Tensor], taken: set[str]) -> list[str]:
    """Say which names of one shared tensor would be given different numbers."""
    sharing: dict[tuple[int, torch.Size], list[str]] = {}
    for name, value in own.items():
        if value.numel():
            sharing.setdefault((value.data_ptr(), value.shape), []).append(name)
    said = []
    for names in sharing.values():
        given = [name for name in names if name in taken]
        differ = any(
            found[a].shape == found[b].shape and not torch.equal(found[a], found[b])
            for a, b in pairwise(given)
        )
        if given and (differ or len(given) < len([n for n in names if n in found])):
            said.append(f"unequal for one shared tensor: {_some(names)}")
    return said


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(ascii(name)[1:-1][:80] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown}, ... ({len(names) - _SHOWN} more)"


def _unwrapped(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take beginnings off that all names have, as far as most of them are then names of the network."""
    best, bare = found, found
    while bare:
        first = next(iter(bare)).partition(".")[0] + "."
        if not all(name.startswith(first) for name in bare):
            break
        bare = {name.removeprefix(first): value for name, value in bare.items()}
        if sum(name in own for name in bare) > sum(name in own for name in best):
            best = bare
    return best


def _renamed(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give old names of DenseNet's layers, ``norm.1``, their new ones, where the network has these."""
    new = {name: _OLD_DENSE_LAYER.sub(r"\1\2.", name) for name in found}
    return {new[name] if new[name] in own else name: value for name, value in found.items()}


def _size_of(file: Path) -> int:
    """The bytes of a file, unpacked where it is an archive."""
    try:
        bytes_ = file.stat().st_size
        if file.suffix != ".safetensors" and zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                bytes_ = max(bytes_, sum(entry.file_size for entry in archive.infolist()))
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        said = ascii(str(error))[1:-1][:200]
        raise ArtifactError(f"a whole file of weights in {file.name}", said, "take it anew") from error
    return bytes_


def _read(file: Path, size: int) -> dict[str, Tensor]:
    if not file.is_file():
        given = f"no file {file.name!a}"
        raise ArtifactError("a file of weights", given, "give the path of a .safetensors or .pth")
    if file.suffix not in (".safetensors", ".pt", ".pth", ".ckpt", ".bin"):
        raise ArtifactError("a .safetensors, .pt, .pth, .ckpt or .bin file", ascii(file.name))
    bytes_ = _size_of(file)
    limit = _ROOM + _TIMES * size
    if bytes_ > limit:
        expected = f"at most {limit} bytes of weights for a network of {size} in {file.name}"
        raise ArtifactError(expected, str(bytes_), "save the state dictionary alone")
    if file.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            tensors: dict[str, Tensor] = load_file(file)
        except (SafetensorError, OSError, ValueError) as error:
            said = ascii(str(error))[1:-1][:200]
            raise ArtifactError(f"valid safetensors in {file.name}", said, "take it anew") from error
        return tensors
    try:
        loaded: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever a damaged or hostile file leads it to
        fix = "take it from its source, or save its state dictionary as safetensors where you trust it"
        said = ascii(str(error))[1:-1][:200]
        raise ArtifactError(f"a file of tensors alone in {file.name}", said, fix) from error
    if isinstance(loaded, dict) and not _is_state(loaded):
        states = [name for name in _WRAPPERS if isinstance(loaded.get(name), dict)]
        states = states[:1] or [name for name, value in loaded.items() if _is_state(value) and value]
        if len(states) == 1:
            loaded = loaded[states[0]]
        elif states:
            several = f"several: {_some([str(name) for name in states])}"
            raise ArtifactError(f"one state dictionary in {file.name}", several, "save it alone")
    if not _is_state(loaded):
        kind = type(loaded).__name__
        raise ArtifactError(f"tensors by name in {file.name}", kind, "save a state dictionary")
    return dict(loaded)


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(each, Tensor) for name, each in value.items()
    )
