"""Tuning by TVM, where its packages are (`make test-engines`)."""

import re

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from optim.part import parse_part
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

pytest.importorskip("tvm")
MODEL = """<ir_version: 8, opset_import: ["": 17]>
g (float[1,32,14,14] x) => (float[1,32,14,14] y) { c = Conv<pads=[1,1,1,1]>(x, w)  y = Relu(c) }"""


def test_tuning_finds_a_faster_schedule_that_answers_the_same(tmp_path):
    made, random = onnx.parser.parse_model(MODEL), np.random.default_rng(0)
    weight = random.normal(size=(32, 32, 3, 3)).astype(np.float32)
    made.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    path = tmp_path / "model.onnx"
    onnx.save(made, path)
    session = parse_part("tvm:tuning=15", all_runtimes()).open(path)
    before, after = re.search(r"conv\S* (\S+) -> (\S+) ms", session.facts()["tuned"]).groups()
    assert float(after) < float(before)
    feeds = {"x": random.normal(size=(1, 32, 14, 14)).astype(np.float32)}
    expected = Recipe.baseline().runtime.open(path).run(feeds)["y"]
    np.testing.assert_allclose(session.run(feeds)["y"], expected, atol=1e-3)
