"""NIST's nonlinear regressions: the models agree with what is certified, and the default method with both."""

from importlib.resources import files

import pytest
import torch

from fivefold.core import ArgumentError, DataError
from fivefold.objective import ResidualObjective
from fivefold.optimize import minimize
from fivefold.optimize.comparison.problems import Problem, nist_nonlinear
from fivefold.optimize.comparison.problems.nist_nonlinear import MODELS, parse_dataset, read_dataset

PROBLEMS = {problem.name: problem for problem in nist_nonlinear()}


def digits(w: torch.Tensor, certified: torch.Tensor) -> float:
    """Correct digits of the worst parameter, of the 11 that are certified."""
    error = ((w - certified) / certified).abs().clamp_min(1e-11)
    return float(-error.log10().max())


def test_there_are_27_with_two_starts_each() -> None:
    assert len(PROBLEMS) == 27
    assert all(problem.starts.shape == (2, problem.size) for problem in PROBLEMS.values())
    assert [level for level, _ in MODELS.values()].count("lower") == 8
    assert [level for level, _ in MODELS.values()].count("higher") == 8


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_model_has_the_certified_sum_and_standard_deviations(name: str) -> None:
    problem, data = PROBLEMS[name], read_dataset(name)
    F = problem.make()
    assert isinstance(F, ResidualObjective)
    assert problem.solution is not None
    assert problem.minimum is not None
    value = float(F.value(problem.solution))
    if name == "Lanczos1":
        # the certified sum of 1.4e-25 is below what parameters of 11 digits can reach
        assert value < 1e-18
        return
    # 11 digits are certified; their rounding enters the sum by its second order alone
    assert value == pytest.approx(problem.minimum, rel=1e-9)
    J = F.jacobian(problem.solution).to_dense()
    freedom = data.y.shape[0] - problem.size
    # by QR: J^T J of Bennett5 has a condition of 1e9 in units of one column length
    R = torch.linalg.qr(J)[1]
    inverse = torch.linalg.solve_triangular(R, torch.eye(problem.size, dtype=R.dtype), upper=True)
    deviations = inverse.norm(dim=1) * (2 * value / freedom) ** 0.5
    torch.testing.assert_close(deviations, data.deviations, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_minimize_reaches_six_digits_from_both_starts(name: str) -> None:
    problem = PROBLEMS[name]
    assert problem.solution is not None
    assert problem.minimum is not None
    end = minimize(problem.make(), w0=problem.starts)
    assert end.method == "levenberg-marquardt"
    for row in (0, 1):
        assert end.statuses[row].succeeded
        # the worst of the 54 has 6.9: Lanczos and ENSO are where rounding, or slow convergence, leaves least
        assert digits(end.w[row], problem.solution) >= 6
        assert end.certificates_each[row][0].holds
        if name == "Lanczos1":
            assert float(end.value[row]) < 2e-25
        else:
            assert float(end.value[row]) == pytest.approx(problem.minimum, rel=1e-9)


def test_a_wrong_model_is_seen() -> None:
    """The comparison with the certified sum can fail: another power in Misra1b."""
    problem, data = PROBLEMS["Misra1b"], read_dataset("Misra1b")
    _, model = MODELS["Misra1c"]
    assert problem.solution is not None
    wrong = 0.5 * float((model(problem.solution, data.x) - data.y).square().sum())
    assert wrong != pytest.approx(problem.minimum, rel=1e-3)


def test_the_files_come_with_the_package() -> None:
    folder = files("fivefold.optimize.comparison.problems").joinpath("nist")
    assert {f"{name}.dat" for name in MODELS} <= {each.name for each in folder.iterdir()}


def test_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Misra1a"):
        read_dataset("Misra2")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Starting Values   (lines", "Starting Values   (line", "head that gives the lines"),
        ("(lines 61 to 74)", "(lines 60 to 74)", "lines of the part 'Data'"),
        ("(lines 61 to 74)", "(lines 61 to 73)", "as many rows as the file says"),
        ("(lines 61 to 74)", "(lines 99 to 99)", "lines of the part 'Data'"),
        ("Residual Sum of Squares:", "Sum:", "a certified sum"),
        ("  b1 =   500         250 ", "  b1 =   500         25x ", "lines of the part 'Starting Values'"),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, message: str) -> None:
    text = files("fivefold.optimize.comparison.problems").joinpath("nist", "Misra1a.dat").read_text("ascii")
    assert old in text
    with pytest.raises(DataError, match=message):
        parse_dataset(text.replace(old, new))


def test_problems_are_made_anew() -> None:
    first, second = nist_nonlinear()[0], nist_nonlinear()[0]
    assert isinstance(first, Problem)
    assert first.starts is not second.starts
