"""Padding costs nothing and changes nothing, and texts come back in their order."""

import pytest
import torch

from fivefold.networks import create_text
from fivefold.tasks.text.choose import MENU
from fivefold.tasks.text.padded import Padded, scores_of


@pytest.mark.parametrize("name", list(MENU))
def test_scores_do_not_depend_on_padding_or_company(name):
    generator = torch.Generator().manual_seed(0)
    module = Padded(create_text(name, classes=3, vocabulary=50, generator=generator, **MENU[name])).eval()
    tokens = torch.randint(2, 50, (9, 12), generator=generator)
    lengths = torch.randint(1, 13, (9,), generator=generator)
    tokens[torch.arange(12) >= lengths[:, None]] = 0
    together = scores_of(module, tokens, batch=4)
    for row in range(9):
        alone = scores_of(module, tokens[row : row + 1, : int(lengths[row])])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)
