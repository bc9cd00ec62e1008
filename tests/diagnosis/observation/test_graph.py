"""Nodes of a graph of derivatives."""

import torch

from fivefold.diagnosis.observation.graph import graph_nodes


def test_each_node_comes_once_and_ends_in_the_leaves() -> None:
    w, v = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    shared = w * v
    nodes = list(graph_nodes([shared + shared, shared.exp(), torch.zeros(3)]))
    assert len(nodes) == len(set(nodes)) == 5  # add, exp, mul, and two leaves
    assert {id(n.variable) for n in nodes if hasattr(n, "variable")} == {id(w), id(v)}


def test_without_derivatives_there_is_none() -> None:
    assert list(graph_nodes([torch.zeros(3)])) == []
