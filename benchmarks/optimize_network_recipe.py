"""Which optimizer trains the dense network that `fit` races, at the same number of epochs?

The network of `fit` (four members of two layers of 128 units, SiLU, a learned scale per input) on house
prices (log price), credit (two classes) and digits (ten), one-hot categories, standardised numbers: 60% of
the rows train, 15% choose the epoch, 25% judge the mean of the members. Every recipe gets the same epochs,
batches, splits and first weights; per table and split, the loss over that of AdamW with a cosine at 3e-3.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

from common import arguments, write

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RECIPES = (
    ("adamw", "cosine", 3e-3),
    ("adamw", "cosine", 1e-3),
    ("adamw", "cosine", 1e-2),
    ("adamw", "one-cycle", 1e-2),
    ("adamw", "constant", 1e-3),
    ("nadam", "cosine", 3e-3),
    ("schedule-free-adamw", "constant", 3e-3),
    ("schedule-free-adamw", "constant", 1e-2),
    ("sgd", "cosine", 3e-2),
    ("rmsprop", "cosine", 1e-3),
)


def tables() -> Any:
    """Name, inputs, targets and loss of each table."""
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_digits

    def scaled(frame: Any) -> Any:
        values = frame.to_numpy(float)
        return (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)

    price = pd.read_parquet(EXAMPLES / "house_prices.parquet")
    numbers = price.select_dtypes("number").drop(columns=["price", "zipcode"], errors="ignore")
    zips = pd.get_dummies(price["zipcode"].astype(str)).to_numpy(float)
    logs = np.log(price["price"].to_numpy(float))
    yield (
        "house prices",
        np.column_stack([scaled(numbers), zips]),
        (logs - logs.mean()) / logs.std(),
        "squared",
    )
    credit = pd.read_csv(EXAMPLES / "credit_data.csv")
    bad = (credit.pop("Status") == "bad").to_numpy(float)
    levels = pd.get_dummies(credit.select_dtypes(exclude="number").fillna("none")).to_numpy(float)
    gaps = credit.select_dtypes("number")
    yield "credit", np.column_stack([scaled(gaps.fillna(gaps.median())), levels]), bad, "logistic"
    X, y = load_digits(return_X_y=True)
    yield "digits", X / 8 - 1, y.astype(float), "cross-entropy"


def main() -> None:
    """Train, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--splits", type=int, default=3)
    options = arguments(__doc__, parser)
    import numpy as np
    import torch
    from torch.nn import functional

    from fivefold.networks import EnsembleDense
    from fivefold.optimize import train

    torch.set_num_threads(options.threads)
    rows: list[dict[str, object]] = []
    for name, X, y, kind in tables():
        outputs = int(y.max()) + 1 if kind == "cross-entropy" else 1
        inputs, targets = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)

        def per_member(out: Any, target: Any, kind: str = kind) -> Any:
            if kind == "cross-entropy":
                labels = target.long().repeat(out.shape[0])
                each = functional.cross_entropy(out.flatten(0, 1), labels, reduction="none")
                return each.reshape(out.shape[:-1]).mean(-1)
            value = out[..., 0]
            if kind == "logistic":
                wide = target.expand(value.shape)
                return functional.binary_cross_entropy_with_logits(value, wide, reduction="none").mean(-1)
            return 0.5 * (value - target).square().mean(-1)

        def judged(out: Any, target: Any, kind: str = kind) -> float:
            """Loss of the members' mean prediction."""
            if kind == "cross-entropy":
                return float(functional.nll_loss(out.softmax(-1).mean(0).log(), target.long()))
            if kind == "logistic":
                return float(functional.binary_cross_entropy(out[..., 0].sigmoid().mean(0), target))
            return float((out[..., 0].mean(0) - target).square().mean())

        for split in range(options.splits):
            order = torch.from_numpy(np.random.default_rng(split).permutation(len(y)))
            a, b = int(0.6 * len(y)), int(0.75 * len(y))
            fit, held, test = order[:a], order[a:b], order[b:]
            epochs = 24 if a > 3000 else 96
            for optimizer, schedule, rate in RECIPES:
                module = EnsembleDense(
                    4, X.shape[1], outputs, (128, 128), "silu", scaling=True,
                    generator=torch.Generator().manual_seed(split),
                )  # fmt: skip
                begun = time.perf_counter()
                train(
                    module,
                    (inputs[fit], targets[fit]),
                    loss=per_member,
                    optimizer=optimizer,
                    schedule=schedule,
                    learning_rate=rate,
                    epochs=epochs,
                    batch_size=min(256, max(16, a // 20)),
                    seed=split,
                    validation=(inputs[held], targets[held]),
                )
                seconds = time.perf_counter() - begun
                with torch.no_grad():
                    loss = judged(module(inputs[test]), targets[test])
                rows.append(
                    {
                        "table": name,
                        "split": split,
                        "optimizer": optimizer,
                        "schedule": schedule,
                        "rate": rate,
                        "loss": loss,
                        "seconds": seconds,
                    }
                )
                print(*(f"{v:.4g}" if isinstance(v, float) else v for v in rows[-1].values()), flush=True)
    first = RECIPES[0]
    base = {
        (r["table"], r["split"]): r["loss"]
        for r in rows
        if (r["optimizer"], r["schedule"], r["rate"]) == first
    }
    for recipe in RECIPES:
        logs = [
            math.log(float(r["loss"]) / float(base[r["table"], r["split"]]))
            for r in rows
            if (r["optimizer"], r["schedule"], r["rate"]) == recipe
        ]
        print(recipe, f"loss over the first recipe's: {math.exp(sum(logs) / len(logs)):.4f}")
    write("optimize_network_recipe", rows, threads=options.threads, notes={"splits": str(options.splits)})


if __name__ == "__main__":
    main()
