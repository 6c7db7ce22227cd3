"""What is particular to PyTorch's own operators."""

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

from optim.part import parse_part
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

# Channels last go as far as the Reshape; the weight of five axes has no such order.
MODEL = """<ir_version: 8, opset_import: ["": 17]>
g (float[1,3,8,8] x, float[1,2,4,4,4] v)
  => (float[1,384] y, float[1,6,8,8] c, float[1,3,4,4,4] u) {
  c = Conv<pads=[1,1,1,1]>(x, w)  p = AveragePool<kernel_shape=[1,1]>(c)  y = Reshape(p, s)
  u = Conv<pads=[1,1,1,1,1,1]>(v, q) }"""


def test_channels_may_come_last(tmp_path):
    made, random = onnx.parser.parse_model(MODEL), np.random.default_rng(0)
    shapes = {"w": (6, 3, 3, 3), "q": (3, 2, 3, 3, 3), "x": (1, 3, 8, 8), "v": (1, 2, 4, 4, 4)}
    values = {name: random.normal(size=one).astype(np.float32) for name, one in shapes.items()}
    feeds = {name: values.pop(name) for name in "xv"}
    values["s"] = np.array([1, -1])
    made.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in values.items())
    path = tmp_path / "model.onnx"
    onnx.save(made, path)
    reference = Recipe.baseline().runtime.open(path).run(feeds)
    last, first = (
        parse_part(f"torch:layout={layout}", all_runtimes()).open(path)
        for layout in ("nhwc", "nchw")
    )
    for session in (last, first):
        found = session.run(feeds)
        for name, one in reference.items():
            np.testing.assert_allclose(found[name], one, atol=1e-4)
    inner = [session._run([*feeds.values()])[1] for session in (last, first)]
    assert [one.strides.index(4) for one in inner] == [1, 3]
