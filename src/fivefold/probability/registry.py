"""The closed list of likelihoods by name."""

from typing import Any

from fivefold.core import ArgumentError
from fivefold.probability.bernoulli import Bernoulli
from fivefold.probability.binomial import Binomial
from fivefold.probability.categorical import Categorical
from fivefold.probability.gamma import Gamma
from fivefold.probability.gaussian import Gaussian
from fivefold.probability.likelihood import Likelihood
from fivefold.probability.negative_binomial import NegativeBinomial
from fivefold.probability.ordinal import Ordinal
from fivefold.probability.poisson import Poisson


def _members() -> dict[str, type[Likelihood]]:
    return {
        "bernoulli": Bernoulli,
        "binomial": Binomial,
        "categorical": Categorical,
        "gamma": Gamma,
        "gaussian": Gaussian,
        "negative_binomial": NegativeBinomial,
        "ordinal": Ordinal,
        "poisson": Poisson,
    }


def names() -> tuple[str, ...]:
    """Return the names of all likelihoods.

    >>> names()
    ('bernoulli', 'binomial', 'categorical', 'gamma', 'gaussian', 'negative_binomial', 'ordinal', 'poisson')
    """
    return tuple(_members())


def create(name: str, **options: Any) -> Likelihood:
    """Make a likelihood by its name; the inverse of ``to_record``.

    Args:
        name: One of :func:`names`.
        options: What its class takes: ``sd`` for the Gaussian, ``classes`` for the categorical and the
            ordinal, ``trials`` for the binomial.

    Raises:
        ArgumentError: No such likelihood or option.

    >>> create("categorical", classes=3)
    Categorical(classes=3)
    """
    members = _members()
    if name not in members:
        raise ArgumentError(f"a likelihood among {', '.join(members)}", repr(name))
    try:
        return members[name](**options)
    except TypeError as error:
        raise ArgumentError(f"the options of the {name} likelihood", f"{options} ({error})") from error
