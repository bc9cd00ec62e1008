"""ONNX Runtime takes what it should, in batches of any size."""

import numpy as np
import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.tasks.images.export.graph import PictureGraph
from fivefold.tasks.images.export.session import answer, open_session


def test_batches_do_not_matter(by_hand, dense_network):
    graph = PictureGraph(dense_network((1, 3, 4), 2), [0.5], [0.25], 2.0)
    session = open_session(by_hand(graph, (1, 3, 4), ("a", "b")).SerializeToString())
    x = np.random.default_rng(0).integers(0, 256, (7, 1, 3, 4), dtype=np.uint8)
    found = answer(session, x, batch=3)
    np.testing.assert_allclose(found, graph(torch.from_numpy(x)).detach().numpy(), atol=1e-6)
    np.testing.assert_array_equal(found, answer(session, x[:, :, ::1], batch=100))


def test_what_is_no_model():
    with pytest.raises(ArgumentError, match="ONNX Runtime takes"):
        open_session(b"no model")
