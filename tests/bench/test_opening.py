"""Graphs to open by the stopwatch: of the size that is said, in modules as exporters write."""

import onnx

from bench.opening import network


def test_a_network_of_that_many_nodes_in_modules():
    made = network(200)
    onnx.checker.check_model(made)
    names = [node.name for node in made.graph.node]
    assert len(set(names)) == len(names) == 200
    assert names[0] == "/encoder/layers.0/mlp/MatMul_0"
