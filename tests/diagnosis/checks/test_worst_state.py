"""States that are kept and loaded at the end."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.worst_state import check_worst_state
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.watcher import Watcher


def stopped(digits, network, keep: str) -> Record:
    """Train with an evaluation every ten updates, and load the state that was kept."""
    x, y = digits
    model = network(64, 32, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    watcher = Watcher({"": model}, [optimizer], every=1)
    watcher.attach()
    torch.manual_seed(0)
    best, state = math.inf, None
    for step in range(60):
        rows = torch.randint(1200, (64,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % 10 == 9:
            with torch.no_grad():
                loss = float(nn.functional.cross_entropy(model(x[1200:]), y[1200:]))
            better = state is None or (loss > best if keep == "worst" else loss < best)
            if better or (keep == "middle" and step == 29):
                best, state = loss, copy.deepcopy(model.state_dict())
            if keep == "middle" and step == 29:
                best = -math.inf
    if keep != "none":
        model.load_state_dict(state)
    watcher.detach()
    return watcher.record


@pytest.mark.parametrize(
    ("keep", "found"), [("worst", True), ("best", False), ("middle", False), ("none", False)]
)
def test_what_is_kept(digits, network, keep: str, found: bool) -> None:
    told = check_worst_state(stopped(digits, network, keep))
    assert [(f.code, f.confidence) for f in told] == ([("fit.restored", "high")] if found else [])
    for f in told:
        assert "after 10 of 60 updates" in f.evidence
        held = dict(f.picture.curves["held out"])
        assert held[10.0] == max(held.values())


def test_an_error_that_the_training_does_not_minimise_is_no_sure_sign(digits, network) -> None:
    record = stopped(digits, network, "worst")
    for e in record.evaluations:
        e.losses = [replace(c, function="difference") for c in e.losses]
    assert [f.confidence for f in check_worst_state(record)] == ["low"]
