"""The numbers that a script prints, by the words before them, and which way each is better."""

import math
import re
from dataclasses import dataclass

LONGEST_NAME = 48
MOST_NAMES = 400
NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:nan|inf(?:inity)?|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?P<share>\s?%)?(?![\w])", re.I
)
HIGHER = {
    "accuracy", "acc", "auc", "auroc", "roc", "f1", "r2", "recall", "precision", "dice", "iou", "miou", "map",
    "bleu", "rouge", "psnr", "ssim", "correct", "mcc", "kappa", "ndcg", "mrr", "reward", "return", "hits",
}  # fmt: skip
LOWER = {
    "loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "perplexity", "ppl", "bits", "bpc", "bpd",
    "wer", "cer", "brier", "deviance", "crossentropy", "bce", "ce", "fid", "msle", "rmsle", "regret", "nelbo",
}  # fmt: skip
HELD_OUT = {"val", "valid", "validation", "test", "dev", "eval", "evaluation", "heldout", "holdout", "held"}
TRAINING = {"train", "training", "trn", "running", "batch"}


@dataclass(frozen=True, slots=True)
class Printed:
    """One kind of number that was printed, in the order of the lines.

    Attributes:
        name: The words before it on its line.
        values: What was printed.
        line: The line that it was last printed on.
    """

    name: str
    values: tuple[float, ...]
    line: int

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is, 0 where the name does not tell.

        >>> [Printed(n, (), 0).sign for n in ("test accuracy", "valid_loss", "log loss", "epoch", "val")]
        [1, -1, -1, 0, 0]
        """
        words = _words(self.name)
        found = [1 if w in HIGHER else -1 for w in words if w in HIGHER or w in LOWER]
        if "negative" in words and not found:
            return -1
        return found[-1] if found else 0

    @property
    def held_out(self) -> bool:
        """Whether the name says that it is of examples that were not trained on."""
        return bool(HELD_OUT & set(_words(self.name)))

    @property
    def training(self) -> bool:
        """Whether the name says that it is of the training examples."""
        return bool(TRAINING & set(_words(self.name))) and not self.held_out

    @property
    def last(self) -> float:
        """The last value; of a long series the median of the last three."""
        if len(self.values) < 8:
            return self.values[-1]
        return sorted(self.values[-3:], key=lambda v: math.inf if math.isnan(v) else v)[1]


def printed_numbers(text: str) -> dict[str, Printed]:
    r"""Return the numbers in a script's output, by the words before them on their line.

    A line ``epoch 3 | val loss 0.31, accuracy 0.9`` gives ``epoch``, ``val loss`` and ``val accuracy``: a
    word that says whose examples a number is of holds to the end of the line.

    Args:
        text: What was printed, carriage returns and colours included.

    >>> found = printed_numbers("epoch 1: val loss 0.5 accuracy 0.8\nepoch 2: val loss 0.4 accuracy 91%\n")
    >>> {name: each.values for name, each in found.items()}
    {'epoch': (1.0, 2.0), 'val loss': (0.5, 0.4), 'val accuracy': (0.8, 0.91)}
    """
    seen: dict[str, tuple[list[float], int]] = {}
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    for number, line in enumerate(re.split(r"[\r\n]+", plain)):
        at, whose = 0, ""
        taken: set[str] = set()
        for found in NUMBER.finditer(line[:2000]):
            before = line[at : found.start()]
            at = found.end()
            name = _name(before)
            whose = next((w for w in reversed(_words(before)) if w in HELD_OUT | TRAINING), whose)
            if whose and name and whose not in _words(name):
                name = f"{whose} {name}"
            if not name or name in taken or (name not in seen and len(seen) >= MOST_NAMES):
                continue
            taken.add(name)
            value = float(found.group().rstrip("% \t"))
            values, _ = seen.setdefault(name, ([], number))
            values.append(value / 100 if found.group("share") else value)
            seen[name] = values, number
    return {name: Printed(name, tuple(values), line) for name, (values, line) in seen.items()}


def _name(text: str) -> str:
    """The words right before a number, after the last punctuation."""
    last = re.split(r"[:|,;{}()\[\]]+", text.rstrip(" \t:=|'\"({["))[-1]
    words = re.findall(r"[A-Za-z][A-Za-z0-9]*", last.replace("_", " ").replace("-", " "))
    return " ".join(words)[-LONGEST_NAME:].lower().strip()


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z][a-z0-9]*", name.lower().replace("_", " "))
