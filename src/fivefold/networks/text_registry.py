"""Text networks by name: a closed registry."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import torch

from fivefold.networks.arguments import check_arguments, device_of, making
from fivefold.networks.by_name import check_name, check_options
from fivefold.networks.recurrent_classifier import RecurrentClassifier
from fivefold.networks.text_cnn import TextCnn
from fivefold.networks.text_network import TextNetwork
from fivefold.networks.transformer_encoder import TransformerClassifier

TEXT_ENTRIES: MappingProxyType[str, tuple[Callable[..., TextNetwork], dict[str, Any]]] = MappingProxyType(
    {
        "bigru": (RecurrentClassifier, {"cell": "gru", "bidirectional": True}),
        "bilstm": (RecurrentClassifier, {"cell": "lstm", "bidirectional": True}),
        "gru": (RecurrentClassifier, {"cell": "gru"}),
        "lstm": (RecurrentClassifier, {"cell": "lstm"}),
        "rnn": (RecurrentClassifier, {"cell": "rnn"}),
        "text_cnn": (TextCnn, {}),
        "transformer": (TransformerClassifier, {}),
    }
)


def text_names() -> list[str]:
    """Return the names that :func:`create_text` knows, sorted.

    >>> "text_cnn" in text_names()
    True
    """
    return list(TEXT_ENTRIES)


def create_text(
    name: str,
    *,
    classes: int,
    vocabulary: int,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
    **options: Any,
) -> TextNetwork:
    """Make a text network by its name, with first weights from the generator.

    Args:
        name: One of :func:`text_names`.
        classes: Outputs, at least 1.
        vocabulary: Tokens 0 to V - 1.
        generator: Source of the first weights, on the CPU; torch's global one where ``None``.
        device: Where the network goes.
        options: The architecture's own, such as ``width`` of all, ``windows`` of ``text_cnn``, ``hidden`` and
            ``pooling`` of the recurrent ones, ``heads``, ``layers`` and ``positions`` of ``transformer``.

    Returns:
        A module in training mode that takes tokens [N, T] and lengths [N] and returns logits [N, classes].

    Raises:
        ArgumentError: An unknown name (the nearest is named), choice or option, a number of another kind or
            out of its range, no generator, or a device that is not there.

    >>> network = create_text("bilstm", classes=4, vocabulary=1000, width=16, hidden=8)
    >>> network(torch.tensor([[5, 7, 0]]), torch.tensor([2])).shape
    torch.Size([1, 4])
    """
    check_name(name, TEXT_ENTRIES, "fivefold.networks.text_names()")
    make, own = TEXT_ENTRIES[name]
    check_options(name, make, options, "generator", *own)
    sizes = {"classes": classes, "vocabulary": vocabulary}
    check_arguments(create_text, {**sizes, "generator": generator})
    place = device_of(device)
    with making(name, {**sizes, **options}):
        network = make(vocabulary, classes, **own, **options, generator=generator)
    return network.to(place)
