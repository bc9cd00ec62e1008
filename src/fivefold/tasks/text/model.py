"""A fitted classifier of texts: words, a network, or both, calibrated; from an artifact."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fivefold.artifact import Bundle
from fivefold.artifact import save as save_bundle
from fivefold.core import ArtifactError, DataError, require
from fivefold.networks import create_text
from fivefold.tasks.class_model import ClassModel, ClassPrediction
from fivefold.tasks.class_record import softmax
from fivefold.tasks.prediction_sets import Sets
from fivefold.tasks.saved_parts import assembled, files_of
from fivefold.tasks.tables.state import flatten, unflatten
from fivefold.tasks.text.bag_of_words import BagOfWords
from fivefold.tasks.text.choose import MENU
from fivefold.tasks.text.memory import is_array
from fivefold.tasks.text.padded import Padded, scores_of
from fivefold.tasks.text.read import read_texts, texts_of
from fivefold.tasks.text.text_set import TextSet
from fivefold.tasks.text.tokens import Tokenizer

KIND = "fivefold.texts"
_CHUNK = 4_096
"""Texts whose tokens are in memory at once."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """A trained text network with its tokenizer.

    Attributes:
        name: In the menu.
        module: Takes padded tokens.
        tokenizer: Makes them.
        longest: Tokens of a text that are read at most.
        temperature: Divides its scores.
    """

    name: str
    module: Padded
    tokenizer: Tokenizer
    longest: int
    temperature: float

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return tempered scores ``[n, K]`` of texts, at least one."""
        found = []
        for begin in range(0, len(texts), _CHUNK):
            tokens, _ = self.tokenizer.encode(texts[begin : begin + _CHUNK], self.longest)
            found.append(scores_of(self.module, torch.from_numpy(tokens)).numpy())
        return np.asarray(np.concatenate(found) / self.temperature)


@dataclass(frozen=True, eq=False)
class TextModel(ClassModel):
    """What ``fit`` returns for texts, and an artifact holds.

    Scores are share * network + (1 - share) * words, each after its own temperature.

    Attributes:
        classes: Labels in the order of the probabilities.
        words: The bag of words.
        words_temperature: Divides its scores.
        network: The text network, or ``None`` where the words alone answer.
        share: Of the network, in 0..1.
        temperature: Divides the mixed scores.
        sets: Held-out scores behind the prediction sets.
        record: The record behind the report.
        plan: The plan.
    """

    classes: tuple[str, ...]
    words: BagOfWords
    words_temperature: float
    network: Network | None
    share: float
    temperature: float
    sets: Sets
    record: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def things(self) -> tuple[str, str]:
        """What is predicted."""
        return "text", "texts"

    def probabilities_of(self, texts: Sequence[str]) -> Floats:
        """Return calibrated probabilities ``[n, K]``."""
        scores = (1 - self.share) * self.words.scores(texts) / self.words_temperature
        if self.network is not None and self.share > 0:
            scores = scores + self.share * self.network.scores(texts)
        return softmax(scores / self.temperature)

    def answer(self, data: Any, level: float = 0.9) -> ClassPrediction:
        """Predict texts with sets.

        Args:
            data: A list, an array or a series of strings, which are texts; or a file, a folder, or a list of
                paths, as ``read_texts`` takes them. Of a table the column that the fit read is taken where it
                is there; a text file is cut into lines or paragraphs, or read whole, as those of the fit
                were. Empty texts are left out: ``names`` says which of them were predicted.
            level: Coverage of the sets, in (0, 1).

        Raises:
            ArgumentError: ``level`` outside (0, 1).
            DataError: No text.
        """
        require(0 < level < 1, "a level between 0 and 1", level, "for example 0.9")
        found = self._read(data)
        if not found.texts:
            raise DataError("at least one text to predict", "none")
        probabilities = self.probabilities_of(found.texts)
        members = self.sets.members(probabilities, level)
        return ClassPrediction(found.names, probabilities, members, found.rejected, found.notes)

    def _read(self, data: Any) -> TextSet:
        """The texts of a source, read as those of the fit were."""
        if isinstance(data, TextSet):
            return data
        listed = isinstance(data, list | tuple) and all(isinstance(text, str) for text in data)
        if listed or is_array(data):
            return texts_of(data)
        unit, column = (str(self.plan.get(name) or "") for name in ("unit", "column"))
        cut: Any = unit or "auto"
        return read_texts(data, unit=cut, labelled=False, fitted=column)

    def save(self, directory: str | Path, overwrite: bool = False) -> Path:
        """Write the artifact: a directory with weights, report, plan and hashes, all or nothing.

        Raises:
            ArtifactError: The directory exists and ``overwrite`` is false, or cannot be written.
        """
        network = None
        if self.network is not None:
            n = self.network
            network = {
                "name": n.name,
                "tokenizer": n.tokenizer.state(),
                "longest": n.longest,
                "temperature": n.temperature,
                "weights": {k.replace(".", "/"): v.numpy() for k, v in n.module.state_dict().items()},
            }
        state = {
            "classes": list(self.classes),
            "words": self.words.state(),
            "words_temperature": self.words_temperature,
            "network": network,
            "share": self.share,
            "temperature": self.temperature,
            "sets": self.sets.state(),
        }
        config, tensors = flatten(state)
        files = files_of(self.record, self.plan)
        return save_bundle(directory, Bundle(KIND, config, tensors, files), overwrite=overwrite)


def from_bundle(bundle: Bundle) -> TextModel:
    """Make the model of an artifact; the network is looked up in the closed registry of text networks.

    Raises:
        ArtifactError: Parts that do not fit each other.
    """

    def make(record: dict[str, Any], plan: dict[str, Any]) -> TextModel:
        model = _made(unflatten(bundle.config, bundle.tensors))
        tried = model.probabilities_of(["a text"])
        if not np.isfinite(tried).all() or tried.shape != (1, len(model.classes)):
            raise ArtifactError("finite predictions", "a model that gives none", "fit anew")
        return replace(model, record=record, plan=plan)

    return assembled(bundle, KIND, "a text model", make)


def _made(state: dict[str, Any]) -> TextModel:
    classes = tuple(str(c) for c in state["classes"])
    network = None
    if state["network"] is not None:
        network = _network(state["network"], len(classes))
    return TextModel(
        classes,
        BagOfWords.from_state(state["words"]),
        float(state["words_temperature"]),
        network,
        float(state["share"]),
        float(state["temperature"]),
        Sets.from_state(state["sets"]),
    )


def _network(state: dict[str, Any], classes: int) -> Network:
    tokenizer = Tokenizer.from_state(state["tokenizer"])
    name = str(state["name"])
    if name not in MENU:
        raise ArtifactError(f"a network among {', '.join(MENU)}", repr(name)[:80], "fit anew")
    weights = {
        k.replace("/", "."): torch.from_numpy(np.ascontiguousarray(v)) for k, v in state["weights"].items()
    }
    table = weights["network.embedding.weight"]
    if table.shape[0] != tokenizer.size:
        raise ArtifactError("as many vectors as tokens", f"{table.shape[0]} and {tokenizer.size}", "fit anew")
    # of its own, for the first weights, which are overwritten: the global one is the caller's
    generator = torch.Generator().manual_seed(0)
    module = Padded(
        create_text(name, classes=classes, vocabulary=tokenizer.size, generator=generator, **MENU[name])
    )
    module.load_state_dict(weights, strict=True)
    for weight in module.parameters():
        weight.requires_grad_(False)
    return Network(name, module.eval(), tokenizer, int(state["longest"]), float(state["temperature"]))
