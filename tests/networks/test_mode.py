"""Modes come back, each module's own, also after an error."""

import pytest
from torch import nn

from fivefold.networks.mode import in_mode


class Stubborn(nn.Module):
    """Stays in evaluation mode, as frozen normalisations do."""

    def train(self, mode: bool = True) -> "Stubborn":
        """Do nothing of the kind."""
        return super().train(False)


@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_own_mode_back(training):
    network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout().eval(), nn.Dropout()), Stubborn().train())
    before = [part.training for part in network.modules()]
    assert len(set(before)) == 2
    with in_mode(network, training=training):
        assert [part.training for part in network] == [training, training, False]
    assert [part.training for part in network.modules()] == before
    with pytest.raises(KeyError), in_mode(network, training=training):
        raise KeyError
    assert [part.training for part in network.modules()] == before
