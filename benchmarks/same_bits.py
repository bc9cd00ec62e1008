"""The same seed twice, and the plan replayed under load: the same bits.

Three fits of the house prices with the demo's budget: two with the same seed, one after the other, and a
replay of the first one's plan while as many busy processes run as there are cores. The artifacts'
`tensors.safetensors` (every number of the model) and the predictions of all rows are compared byte by byte.
"""

import argparse
import hashlib
import multiprocessing
import tempfile
import time
from pathlib import Path

from common import arguments, cores, write

TABLE = Path(__file__).resolve().parent.parent / "examples" / "house_prices.parquet"


def busy() -> None:
    """Keep one core busy."""
    while True:
        sum(range(10_000))


def main() -> None:
    """Fit three times, compare, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", default="60s", help="as for `fivefold fit`")
    options = arguments(__doc__, parser)
    from fivefold.cli.fit import rest_early

    rest_early()  # as the command does
    import torch

    from fivefold.tasks.tables.fit import fit

    torch.set_num_threads(options.threads)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "first"
        for name in ("first", "again", "replay under load"):
            replay = first if "replay" in name else None
            load = (
                [multiprocessing.Process(target=busy, daemon=True) for _ in range(cores())] if replay else []
            )
            for process in load:
                process.start()
            start = time.perf_counter()
            model = fit(TABLE, "price", budget=options.budget, replay=replay)
            seconds = time.perf_counter() - start
            for process in load:
                process.kill()
            out = first if name == "first" else Path(folder) / name
            model.save(out)
            numbers = hashlib.sha256((out / "tensors.safetensors").read_bytes()).hexdigest()
            predictions = hashlib.sha256(model.predict(TABLE).tobytes()).hexdigest()
            rows.append(
                {
                    "fit": name,
                    "seconds": round(seconds, 1),
                    "fits": len(model.plan["done"]),
                    "dropped_by_the_clock": sum(
                        "budget was spent" in v for v in model.plan["dropped"].values()
                    ),
                    "sha256_of_the_numbers": numbers[:16],
                    "sha256_of_the_predictions": predictions[:16],
                }
            )
            rows[-1]["same_as_the_first"] = all(
                rows[-1][key] == rows[0][key]
                for key in ("sha256_of_the_numbers", "sha256_of_the_predictions")
            )
            print(rows[-1], flush=True)
    write("same_bits", rows, threads=options.threads)


if __name__ == "__main__":
    main()
