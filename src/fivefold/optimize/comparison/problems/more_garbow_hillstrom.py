"""The 35 test functions of Moré, Garbow and Hillstrom, with their published starts and minima."""

from fivefold.optimize.comparison.problems.more_garbow_hillstrom_fits import fit_problems
from fivefold.optimize.comparison.problems.more_garbow_hillstrom_sized import sized_problems
from fivefold.optimize.comparison.problems.more_garbow_hillstrom_small import small_problems
from fivefold.optimize.comparison.problems.problem import Problem


def more_garbow_hillstrom() -> tuple[Problem, ...]:
    r"""Return the 35 functions, those of settable size at the sizes with published minima: 42 problems.

    .. math:: F(w) = \tfrac12 \sum_{i=1}^m f_i(w)^2

    half of what the article calls f. Source: Moré, Garbow and Hillstrom, "Testing unconstrained optimization
    software", ACM Transactions on Mathematical Software 7, 1981.

    >>> len(more_garbow_hillstrom()), more_garbow_hillstrom()[0].name
    (42, 'rosenbrock')
    """
    return (*small_problems(), *fit_problems(), *sized_problems())


def local_minima() -> dict[str, tuple[float, ...]]:
    """Return the published values of F at minima that are not the lowest, by the problem's name.

    Those of Bard and of Kowalik and Osborne are limits at infinity. The minimum of the trigonometric function
    for n = 10 is in the article too.

    >>> local_minima()["freudenstein-roth"]
    (24.4921,)
    """
    sums_of_squares = {
        "freudenstein-roth": (48.9842,),
        "bard": (17.4286,),
        "kowalik-osborne": (1.02734e-3,),
        "biggs": (5.65565e-3,),
        "trigonometric-10": (2.79506e-5,),
        "brown-almost-linear-10": (1.0,),
    }
    return {name: tuple(0.5 * value for value in values) for name, values in sums_of_squares.items()}
