"""Correct digits on NIST's eleven certified linear regressions, beside NumPy, statsmodels and scikit-learn.

Fewest correct digits over the coefficients, against the solution of the normal equations in rational
arithmetic of the decimals in NIST's files (which agrees with the 15 certified digits), at most 16. Every
solver gets the same float64 matrix with the constant in it, scikit-learn the matrix without it and its
defaults, as users have it; fivefold's second column forms the powers itself. statsmodels takes part where
it is installed: pass its interpreter with ``--statsmodels /path/to/python``.

Run: ``python benchmarks/linalg_nist.py``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from common import arguments, write

TESTS = Path(__file__).resolve().parents[1] / "tests" / "linalg"

STATSMODELS = """
import json, sys
import numpy, statsmodels
from statsmodels.regression.linear_model import OLS
out = {"version": statsmodels.__version__}
for name, (X, y) in json.load(sys.stdin).items():
    out[name] = {m: OLS(numpy.array(y), numpy.array(X)).fit(method=m).params.tolist() for m in ("pinv", "qr")}
print(json.dumps(out))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--statsmodels", default=sys.executable, help="an interpreter that has statsmodels")
    options = arguments(__doc__, parser)
    import numpy as np
    from sklearn.linear_model import LinearRegression

    from fivefold.linalg import lstsq, polynomial_design

    sys.path.insert(0, str(TESTS))
    import nist_data

    cases = [nist_data.read(name) for name in nist_data.NAMES]
    given = {case.name: (case.rounded.tolist(), case.target.tolist()) for case in cases}
    command = [options.statsmodels, "-c", STATSMODELS]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    peer = json.loads(done.stdout) if done.returncode == 0 else None
    rows = []
    for case in cases:
        exact, X, y = case.exact(), case.rounded, case.target

        def digits(x: "object", exact: "object" = exact) -> float:
            pairs = zip(np.asarray(x).tolist(), exact, strict=True)  # type: ignore[call-overload]
            return round(max(0.0, min(nist_data.digits(value, truth) for value, truth in pairs)), 1)

        def promised(fit: "object") -> float:
            return round(float(np.minimum(16, -np.log10(fit.error_bound / np.abs(fit.x))).min()), 1)

        plain = lstsq(X, y)
        design = plain
        if case.degree is not None:
            design = lstsq(polynomial_design(case.variable, case.degree), y)
        without = case.name.startswith("NoInt")
        linear = LinearRegression(fit_intercept=not without).fit(X if without else X[:, 1:], y)
        coefficients = linear.coef_ if without else [linear.intercept_, *linear.coef_]
        rows.append(
            {
                "dataset": case.name,
                "log10 condition": round(float(np.log10(np.linalg.cond(X))), 1),
                "fivefold": digits(plain.x),
                "promised": promised(plain),
                "fivefold, its own powers": digits(design.x),
                "promised for them": promised(design),
                "numpy lstsq": digits(np.linalg.lstsq(X, y)[0]),
                "statsmodels pinv": digits(peer[case.name]["pinv"]) if peer else "",
                "statsmodels qr": digits(peer[case.name]["qr"]) if peer else "",
                "scikit-learn": digits(coefficients),
            }
        )
        print(rows[-1])
    version = peer["version"] if peer else "not installed"
    write(
        "linalg_nist", rows, threads=options.threads, notes={"statsmodels": version, "unit": "correct digits"}
    )


if __name__ == "__main__":
    main()
