"""`fivefold predict` of many rows from a saved model: seconds, memory, and the time to the first line.

The house prices (`examples/house_prices.parquet`) are fitted once and saved. Then rows of the table,
resampled with a seed, are predicted from CSV and from Parquet by a child process that writes CSV to a pipe,
as `fivefold predict DIR rows.csv > out.csv` does. Measured are the child's wall-clock seconds from start to
end (the interpreter's start and every import included), the seconds until the first predicted row can be
read, and its peak resident memory (`ru_maxrss` of `os.wait4`).

The peer, in the same run: scikit-learn's histogram gradient boosting of the logarithm of the price, saved
with joblib, in a process that reads with pandas (Parquet through DuckDB), predicts and writes with `to_csv`.
It gives one number a row, fivefold three: the prediction and the bounds of its 90% interval. Neither of them
fits anything here; the first call of each warms the page cache and is not counted.

What would make this unfair: a file on a slow disk, which both read, and another job beside it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import THREAD_VARIABLES, arguments, ratio, write

TABLE = Path(__file__).resolve().parent.parent / "examples" / "house_prices.parquet"
_PEER = """
import sys
import joblib
import numpy as np
import pandas as pd
model, path = joblib.load(sys.argv[1]), sys.argv[2]
if path.endswith(".csv"):
    frame = pd.read_csv(path)
else:
    import duckdb
    frame = duckdb.read_parquet(path).df()
frame["date"] = pd.to_datetime(frame["date"]).astype("int64")
prediction = np.exp(model.predict(frame))
pd.DataFrame({"prediction": prediction}).to_csv(sys.stdout, index=False)
"""

# A process starts with the peak of the one that started it: this one is small, unlike the benchmark's own.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
child.stdout.readline()
lines = 1 if child.stdout.readline() else 0
first = time.perf_counter() - start
while part := child.stdout.read(1 << 20):
    lines += part.count(b"\\n")
_, status, usage = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
found = {"seconds": time.perf_counter() - start, "first": first, "maxrss": usage.ru_maxrss}
print(json.dumps({**found, "lines": lines, "code": child.returncode}))
"""


def save_models(folder: Path, seed: int) -> None:
    """Fit and save fivefold's model and the peer's."""
    import duckdb
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from fivefold.tasks.tables.fit import fit

    fit(TABLE, "price", seed=seed).save(folder / "model", overwrite=True)
    frame = duckdb.read_parquet(str(TABLE)).df()
    frame["date"] = pd.to_datetime(frame["date"]).astype("int64")
    price = frame.pop("price")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = make_column_transformer((codes, ["zipcode"]), remainder="passthrough")
    trees = HistGradientBoostingRegressor(categorical_features=[0], random_state=seed)
    joblib.dump(make_pipeline(prepare, trees).fit(frame, np.log(price)), folder / "peer.joblib")


def save_rows(folder: Path, rows: int, seed: int) -> None:
    """Write so many rows of the table without the price, drawn with replacement, as CSV and as Parquet."""
    import duckdb
    import numpy as np
    import pandas as pd

    with duckdb.connect() as con:
        con.execute("create table houses as from read_parquet(?)", [str(TABLE)])
        count = con.execute("select count(*) from houses").fetchall()[0][0]
        drawn = np.random.default_rng(seed).integers(0, count, rows)
        con.register("drawn_rows", pd.DataFrame({"place": np.arange(rows), "row": drawn}))
        con.execute(
            "create table wanted as select houses.* exclude (price) from drawn_rows join houses "
            "on houses.rowid = drawn_rows.row order by place"
        )
        for form in ("csv", "parquet"):
            con.execute(f"copy wanted to '{folder / f'{rows}.{form}'}' (format {form})")


def measured(command: list[str], launcher: Path, threads: int) -> tuple[float, float, float, int]:
    """Seconds of a process, seconds to its first row, MiB at its peak, and rows written."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    ask = [sys.executable, "-S", str(launcher), *command]
    found = json.loads(subprocess.run(ask, env=environment, check=True, stdout=subprocess.PIPE).stdout)
    if found["code"]:
        raise SystemExit(f"exit code {found['code']}: {' '.join(command)}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return found["seconds"], found["first"], found["maxrss"] / unit, found["lines"]


def main() -> None:
    """Fit, save, predict, print the ratios, write the CSV."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="1000,100000,1000000", help="numbers of rows, separated by commas")
    parser.add_argument("--seeds", type=int, default=1, help="repetitions, each of other rows (default: 1)")
    parser.add_argument("--model", type=Path, help="folder to keep the models in, or that holds them")
    options = arguments(__doc__, parser)
    import torch

    torch.set_num_threads(options.threads)
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, kept = Path(scratch), options.model or Path(scratch)
        if not (kept / "peer.joblib").exists():
            kept.mkdir(parents=True, exist_ok=True)
            save_models(kept, 0)
        (folder / "peer.py").write_text(_PEER, encoding="utf-8")
        launcher = folder / "launcher.py"
        launcher.write_text(_LAUNCHER, encoding="utf-8")
        commands = {
            "fivefold": [sys.executable, "-m", "fivefold", "predict", str(kept / "model")],
            "scikit-learn": [sys.executable, str(folder / "peer.py"), str(kept / "peer.joblib")],
        }
        for rows in (int(part) for part in options.rows.split(",")):
            for seed in range(options.seeds):
                save_rows(folder, rows, seed)
                for form in ("csv", "parquet"):
                    taken = {}
                    for name, command in commands.items():
                        ask = [*command, str(folder / f"{rows}.{form}")]
                        if not results or rows <= 1000:
                            measured(ask, launcher, options.threads)
                        seconds, first, peak, lines = measured(ask, launcher, options.threads)
                        if lines != rows:
                            raise SystemExit(f"expected {rows:,} rows of {name}; got {lines:,}")
                        taken[name] = seconds, peak
                        results.append(
                            {
                                "rows": rows,
                                "format": form,
                                "seed": seed,
                                "method": name,
                                "seconds": seconds,
                                "seconds_to_first_row": first,
                                "rows_per_second": rows / seconds,
                                "peak_mib": peak,
                            }
                        )
                        print(
                            f"{rows:,} rows of {form}, {name}: {seconds:.2f} s, first after {first:.2f} s, "
                            f"{rows / seconds:,.0f} rows/s, peak {peak:.0f} MiB",
                            flush=True,
                        )
                    own, peer = taken["fivefold"], taken["scikit-learn"]
                    print(ratio(own[0], peer[0], f"{rows:,} rows of {form}, seconds", "scikit-learn"))
                    print(ratio(own[1], peer[1], f"{rows:,} rows of {form}, peak MiB", "scikit-learn"))
                for path in folder.glob(f"{rows}.*"):
                    path.unlink()
        notes = {
            "data": "rows of examples/house_prices.parquet drawn with replacement, without the price",
            "columns written": "fivefold: prediction, lower, upper; scikit-learn: prediction",
            "fivefold model": _model_of(kept / "model"),
        }
        write("predict_rows", results, threads=options.threads, notes=notes)
        if not options.model:
            shutil.rmtree(kept / "model")


def _model_of(directory: Path) -> str:
    """What the saved model is."""
    from fivefold.tasks.tables.model import load

    chosen = [c["name"] for c in load(directory).record["candidates"] if c["verdict"] == "chosen"]
    return ", ".join(chosen)


if __name__ == "__main__":
    main()
