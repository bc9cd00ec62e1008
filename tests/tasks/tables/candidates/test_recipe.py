"""How networks are trained: the record of several fits, and the sentence made of it."""

import csv
from math import expm1, log
from pathlib import Path
from statistics import fmean

import pytest
import torch

from fivefold.optimize.training.optimizers import OPTIMIZERS
from fivefold.optimize.training.schedules import SCHEDULES
from fivefold.tasks.tables.candidates import recipe
from fivefold.tasks.tables.candidates.averaged_adamw import AveragedAdamW
from fivefold.tasks.tables.candidates.recipe import AVERAGED, OF_CLASSES, OF_NUMBERS, Recipe, summarised


def _fit(made=OF_NUMBERS, epochs=24, best=9):
    return {**made.to_record(), "epochs": epochs, "steps": 10 * epochs, "best_epoch": [best, best + 1]}


@pytest.mark.parametrize("made", [OF_NUMBERS, OF_CLASSES])
def test_the_recipes_of_fit_are_ones_that_train_has_and_say_why(made):
    assert made.optimizer in {AVERAGED, *OPTIMIZERS}
    assert made.schedule in SCHEDULES
    assert made.rate > 0
    assert "benchmarks/optimize_network_recipe.py" in made.why
    assert made.why.endswith(".")


def test_their_figures_are_those_that_the_benchmark_wrote():
    root = Path(__file__).resolve().parents[4]
    text = (root / "benchmarks/results/optimize_network_recipe.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    tried = "adamw, constant, 0.003, decay 1, weights averaged, kept by member"

    def logs(classes):
        return [
            log(float(row["ratio"]))
            for row in rows
            if row["recipe"] == tried
            and row["phase"] == "new tables"
            and (row["family"] in {"bernoulli", "categorical"}) == classes
        ]

    numbers, classes = logs(False), logs(True)
    lower = sum(x < 0 for x in numbers)
    chance = 2 * 0.5 ** len(numbers)  # all of them, or none, by chance
    assert lower == len(numbers)
    assert f"On {len(numbers)} such tables" in OF_NUMBERS.why
    assert f"on {lower} (sign test p = {chance:.1g})" in OF_NUMBERS.why
    assert f"by {-100 * expm1(fmean(numbers)):.1f}% in the mean" in OF_NUMBERS.why
    assert f"on {sum(x < 0 for x in classes)} of {len(classes)} tables" in OF_CLASSES.why
    assert f"by {100 * expm1(fmean(classes)):.1f}% in the mean" in OF_CLASSES.why
    recipes = {row["recipe"] for row in rows if row["phase"] == "choice"}
    assert f"of {len(recipes)} recipes" in OF_NUMBERS.why


def test_every_word_is_for_a_name_that_train_has():
    assert set(recipe._OPTIMIZERS) <= {AVERAGED, *OPTIMIZERS}
    assert set(recipe._SCHEDULES) <= set(SCHEDULES)


def test_nothing_trained_is_nothing_said():
    assert summarised([]) is None


def test_the_ends_are_those_of_all_fits():
    found = summarised([_fit(best=9), _fit(epochs=96, best=31), _fit(best=12)])
    assert found["fits"] == 3
    assert found["epochs"] == [24, 96]
    assert found["best_epoch"] == [9, 32]
    assert "24 to 96 epochs" in found["sentence"]
    assert "epoch 9 to 32" in found["sentence"]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            Recipe("adamw", "cosine", 3e-3, 0.0, "Because."),
            ("AdamW", "0.003", "cosine", "no weight decay"),
        ),
        (Recipe(AVERAGED, "constant", 2e-3, 0.5), ("averaged", "constant rate of 0.002", "weight decay 0.5")),
        (Recipe("soap", "one-cycle", 1e-2), ("SOAP", "0.01", "one cycle")),
        (Recipe("adagrad", "step", 0.5), ("adagrad", "'step'", "0.5")),
    ],
)
def test_the_sentence_says_what_the_record_holds(made, words):
    found = summarised([_fit(made)])
    assert all(word in found["sentence"] for word in words)
    assert "24 epochs; each network kept its weights of epoch 9 to 10, best" in found["sentence"]
    assert {name: found[name] for name in made.to_record()} == made.to_record()
    assert found["sentence"] == found["sentence"].strip()


def test_what_trains_is_what_the_recipe_names():
    w = torch.nn.Parameter(torch.ones(2))
    groups = [{"params": [w], "weight_decay": 0.25}]
    made = Recipe(AVERAGED, "constant", 2e-3, 0.25).maker()(groups)
    assert isinstance(made, AveragedAdamW)
    assert (made.param_groups[0]["lr"], made.param_groups[0]["weight_decay"]) == (2e-3, 0.25)
    assert Recipe("soap", "constant", 2e-3).maker() == "soap"
