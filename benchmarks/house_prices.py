"""House prices over repeated splits: fivefold beside boosted trees, ridge and a constant, in the same run.

Every seed is one `fivefold fit` of the demo's table: its own test split (a fifth of the rows) and its own zip
codes left out whole. The trees are scikit-learn's histogram gradient boosting on the logarithm of the price
(the scale that fivefold chose too), zip codes as native categories on unseen rows and left out on unseen zip
codes, where an unseen category would only mislead them. The CSV holds every split; the printed ratio is the
geometric mean over splits of fivefold's error over the trees'.
"""

import argparse
import math
import statistics
import time
from pathlib import Path

from common import arguments, write

TABLE = Path(__file__).resolve().parent.parent / "examples" / "house_prices.parquet"


def main() -> None:
    """Fit, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10, help="splits")
    options = arguments(__doc__, parser)
    import torch

    from fivefold.tasks.tables.fit import fit

    torch.set_num_threads(options.threads)
    rows: list[dict[str, object]] = []
    ratios: dict[tuple[str, str], list[float]] = {}
    for seed in range(options.seeds):
        start = time.perf_counter()
        record = fit(TABLE, "price", seed=seed).record
        seconds = time.perf_counter() - start
        for part in ("test", "groups"):
            by_role = {score["role"]: score["metrics"] for score in record[part]["scores"]}
            for metric in record[part]["metrics"]:
                own, trees = by_role["chosen"][metric]["value"], by_role["yardstick"][metric]["value"]
                ridge = by_role["ridge"][metric]["value"]
                rows.append(
                    {
                        "seed": seed,
                        "part": "unseen rows" if part == "test" else "unseen zip codes",
                        "metric": metric,
                        "fivefold": own,
                        "trees": trees,
                        "ridge": ridge,
                        "method": next(c["name"] for c in record["candidates"] if c["verdict"] == "chosen"),
                        "coverage": record["intervals"]["coverage"]["value"],
                        "lowest_fifth": min(f["coverage"] for f in record["intervals"]["by_fifth"]),
                        "highest_fifth": max(f["coverage"] for f in record["intervals"]["by_fifth"]),
                        "median_width": record["intervals"]["median_width"],
                        "seconds": round(seconds, 1),
                    }
                )
                if metric != "R2":
                    ratios.setdefault((part, metric), []).append(math.log(own / trees))
        print(
            f"seed {seed}: {seconds:.0f} s, coverage {record['intervals']['coverage']['value']:.3f}",
            flush=True,
        )
        # written after every split, so that what was measured is not lost
        write("house_prices", rows, threads=options.threads)
    for (part, metric), values in ratios.items():
        mean = statistics.fmean(values)
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else float("nan")
        ratio = f"{math.exp(mean):.3f} (standard error {error:.3f}, {len(values)} splits)"
        print(f"{part} {metric}: fivefold / trees {ratio}")


if __name__ == "__main__":
    main()
