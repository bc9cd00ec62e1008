"""Numbers are read from what scripts print, in the forms in which scripts print them."""

import math

import pytest

from fivefold.diagnosis.trial.printed import Printed, printed_numbers

LINES = {
    "[12/25] loss=0.1234 valid_acc=0.9667 time=1.2s": {"loss": 0.1234, "valid acc": 0.9667},
    "epoch  3  train 0.25  val 0.31  val accuracy 0.912": {
        "epoch": 3, "train": 0.25, "val": 0.31, "val accuracy": 0.912,
    },
    "Epoch 3: validation loss 0.31 accuracy 91.5%": {"validation loss": 0.31, "validation accuracy": 0.915},
    "{'loss': 1e-3, 'eval_loss': 2.5}": {"loss": 1e-3, "eval loss": 2.5},
    "INFO:root:step 100 | lr 3.0E-04 | test rmse: -.5": {"step": 100, "lr": 3e-4, "test rmse": -0.5},
    "\x1b[1mtest f1: 0.5\x1b[0m": {"test f1": 0.5},
    "Test set: Average loss: 0.05, Accuracy: 95/100 (95%)": {"test average loss": 0.05},
    "no numbers here, x2 and 3d neither": {},
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_lines(line: str) -> None:
    found = {name: each.last for name, each in printed_numbers(line).items()}
    assert {k: found.get(k) for k in LINES[line]} == LINES[line]
    assert LINES[line] or not found


def test_progress_bars_and_repeats() -> None:
    found = printed_numbers("loss 3\rloss 2\rloss 1\nloss nan\n")
    assert found["loss"].values[:3] == (3.0, 2.0, 1.0)
    assert math.isnan(found["loss"].last)


def test_a_long_series_ends_in_the_median_of_its_last_three() -> None:
    text = "".join(f"val loss {v}\n" for v in (9, 8, 7, 6, 5, 1, 30, 2))
    assert printed_numbers(text)["val loss"].last == 2.0


def test_names_tell_direction_and_whose_examples() -> None:
    signs = {"Test Accuracy": 1, "test r2": 1, "val loss": -1, "bits for the next character": -1, "epoch": 0,
             "test negative bound": -1, "f1 loss": -1}  # fmt: skip
    for name, sign in signs.items():
        assert Printed(name.lower(), (0.0,), 0).sign == sign, name
    assert Printed("val loss", (0.0,), 0).held_out
    assert not Printed("value", (0.0,), 0).held_out
    assert Printed("train loss", (0.0,), 0).training
    assert not Printed("loss", (0.0,), 0).training


def test_a_flood_of_names_is_bounded() -> None:
    letters = "abcdefghij"
    names = [a + b + c for a in letters for b in letters for c in letters]
    assert len(printed_numbers("\n".join(f"{n} 1" for n in names))) == 400
