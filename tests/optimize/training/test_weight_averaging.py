"""Averages against their sums, inside a training, resumed."""

import numpy as np
import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.optimize import train
from fivefold.optimize.training.weight_averaging import WeightAverage


@pytest.mark.parametrize("decay", [None, 0.0, 0.7])
def test_averages_equal_their_sums(decay):
    net = nn.Linear(2, 1).double()
    average = WeightAverage(decay)
    seen = np.random.default_rng(0).standard_normal((6, 3))
    expected = seen[0]
    for row in seen:
        nn.utils.vector_to_parameters(torch.tensor(row), net.parameters())
        average.update(net)
    for row in seen[1:]:
        expected = expected if decay is None else decay * expected + (1 - decay) * row
    expected = seen.mean(0) if decay is None else expected
    average.put(net)
    found = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def data():
    X = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    return X, X[:, 0] - X[:, 1]


def test_in_a_training_the_module_ends_with_the_average_and_its_statistics():
    X, y = data()
    ends = {}
    for keep in (True, False):
        net = network()
        average = WeightAverage(None, start=1, every=2, inputs=X, keep=keep)
        train(net, (X, y), loss="squared", epochs=4, batch_size=16, callbacks=[average])
        ends[keep] = net, average
    net, average = ends[True]
    assert average.count == 6
    assert torch.equal(net[0].weight, average.weights["0.weight"])
    assert not torch.equal(net[0].weight, ends[False][0][0].weight)
    hidden = net[0](X).detach()
    torch.testing.assert_close(net[1].running_mean, hidden.mean(0))
    assert not net[1].training


def test_a_resumed_average_goes_on():
    net, one, two = network(), WeightAverage(0.9), WeightAverage(0.9)
    one.update(net)
    two.load_state_dict(one.state_dict())
    nn.init.ones_(net[0].weight)
    one.update(net)
    two.update(net)
    assert torch.equal(one.weights["0.weight"], two.weights["0.weight"])
    assert two.count == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"decay": 1.0}, "a decay in"), ({"start": -1}, "a start of"), ({"every": 0}, "at least 1 update")],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        WeightAverage(**settings)


def test_nothing_to_put_other_modules_are_refused():
    average = WeightAverage()
    with pytest.raises(ArgumentError, match="an average of at least one state"):
        average.put(nn.Linear(1, 1))
    average.update(nn.Linear(1, 1))
    with pytest.raises(ArgumentError, match="a module with the averaged parameters"):
        average.put(nn.Linear(2, 1))
