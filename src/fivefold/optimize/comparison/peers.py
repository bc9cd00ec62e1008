"""Other libraries' minimisers as callables that a comparison can run: SciPy's, and PyTorch's L-BFGS."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from fivefold.core import Budget
from fivefold.objective import Objective

Solver: TypeAlias = Callable[[Objective, Tensor, Budget], Tensor]
"""Maps an objective, a start [P] and a budget to the point [P] where it ends."""

SECOND = ("Newton-CG", "trust-ncg", "trust-krylov")
"""SciPy's methods that use Hessian products."""
_ENDLESS = 10**9
# what takes each method's own stopping test out of the way
_OPTIONS: dict[str, dict[str, Any]] = {
    "BFGS": {"gtol": 0.0},
    "CG": {"gtol": 0.0},
    "L-BFGS-B": {"ftol": 0.0, "gtol": 0.0, "maxfun": _ENDLESS, "maxls": 40},
    "Newton-CG": {"xtol": 0.0},
    "trust-ncg": {"gtol": 1e-300},
    "trust-exact": {"gtol": 1e-300},
    "trust-krylov": {"gtol": 1e-300},
}


def scipy_minimize(objective: Objective, w0: Tensor, budget: Budget, *, method: str) -> Tensor:
    """Run ``scipy.optimize.minimize`` with the objective's gradient, its own stopping tests out of the way.

    Args:
        objective: F; methods that need second derivatives get its Hessian's products, ``"trust-exact"`` the
            dense matrix.
        w0: The start [P].
        budget: Not looked at: the objective ends the run.
        method: ``"BFGS"``, ``"CG"``, ``"L-BFGS-B"``, ``"Newton-CG"``, ``"trust-ncg"``, ``"trust-exact"`` or
            ``"trust-krylov"``.

    Returns:
        Where it ends [P].

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(2, dtype=torch.float64))
    >>> scipy_minimize(F, F.initial, Budget(), method="BFGS").abs().max() < 1e-8
    tensor(True)
    """
    from scipy.optimize import minimize

    del budget

    def both(w: Any) -> tuple[float, Any]:
        value, gradient = objective.value_and_gradient(w)
        return float(value), gradient.to(torch.float64).numpy()

    extra: dict[str, Any] = {}
    if method in SECOND:
        extra["hessp"] = lambda w, v: np.asarray(objective.hessian(w) @ np.asarray(v), dtype=np.float64)
    elif method == "trust-exact":
        extra["hess"] = lambda w: objective.hessian(w).to_dense().to(torch.float64).numpy()
    options = {"maxiter": _ENDLESS, **_OPTIONS[method]}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        end = minimize(both, w0.to(torch.float64).numpy(), jac=True, method=method, options=options, **extra)
    return torch.as_tensor(end.x, dtype=objective.dtype)


def torch_lbfgs(objective: Objective, w0: Tensor, budget: Budget, *, memory: int = 10) -> Tensor:
    """Run ``torch.optim.LBFGS`` with its strong Wolfe search, its own stopping tests out of the way.

    Args:
        objective: F.
        w0: The start [P].
        budget: Not looked at: the objective ends the run.
        memory: Pairs kept, at least 1.

    Returns:
        Where it ends [P].

    >>> F = Objective.from_function(lambda w: (w**2).sum(), torch.ones(2))
    >>> torch_lbfgs(F, F.initial, Budget()).abs().max() < 1e-6
    tensor(True)
    """
    del budget
    w = w0.clone().requires_grad_()
    search = torch.optim.LBFGS(
        [w],
        max_iter=_ENDLESS,
        max_eval=_ENDLESS,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        history_size=memory,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        value, gradient = objective.value_and_gradient(w.detach())
        w.grad = gradient.clone()
        return value

    search.step(closure)  # type: ignore[no-untyped-call]
    return w.detach()


PEERS: dict[str, Solver] = {
    **{f"scipy:{name}": partial(scipy_minimize, method=name) for name in _OPTIONS},
    "torch:LBFGS": torch_lbfgs,
}
"""Every peer by name: a closed list."""
