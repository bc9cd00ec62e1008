"""Weights of what a search trained: in memory, or one safetensors file each."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from fivefold.core.whole_file import write_whole

_SUFFIX = ".safetensors"


class WeightStore:
    """States by the key of their genome.

    Files are written beside their place, flushed and renamed, so that each is whole or not there; one that
    is damaged is taken for one that is not there, and what would inherit from it begins with first weights.

    Args:
        folder: Where; made if missing. ``None`` keeps the states in memory.

    >>> store = WeightStore(None)
    >>> store.write("D:4:1", {"w": torch.ones(2)})
    >>> store.read("D:4:1")["w"].tolist(), store.read("D:4:2")
    ([1.0, 1.0], None)
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._held: dict[str, dict[str, Tensor]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for part in folder.glob("*.part"):  # what a killed search left
                part.unlink(missing_ok=True)

    def write(self, key: str, state: Mapping[str, Tensor]) -> None:
        """Keep a copy of a state."""
        plain = {name: value.detach().contiguous().clone() for name, value in state.items()}
        if self.folder is None:
            self._held[key] = plain
            return
        from safetensors.torch import save

        write_whole(_place(self.folder, key), save(plain, {"key": key}))

    def read(self, key: str) -> dict[str, Tensor] | None:
        """A state, or ``None`` where it is not kept or damaged."""
        if self.folder is None:
            return self._held.get(key)
        place = _place(self.folder, key)
        if not place.is_file():
            return None
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            state: dict[str, Tensor] = load(place.read_bytes())
        except (SafetensorError, ValueError, OSError):
            return None
        return state if all(bool(torch.isfinite(value).all()) for value in state.values()) else None

    def keep(self, keys: Collection[str]) -> None:
        """Forget every state but these."""
        if self.folder is None:
            self._held = {key: state for key, state in self._held.items() if key in keys}
            return
        kept = {_place(self.folder, key).name for key in keys}
        for file in self.folder.iterdir():
            if file.suffix == _SUFFIX and file.name not in kept:
                file.unlink(missing_ok=True)


def _place(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{_SUFFIX}"
