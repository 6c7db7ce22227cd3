"""What runs around a forest, in order, and the C that turns its sums into scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from optim.names import legible
from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.forest import KINDS, Forest, forest_of
from optim.runtimes.support.forest_running import AROUND

_SETTINGS = {
    "Cast": {"to"},
    "Concat": {"axis"},
    "Flatten": {"axis"},
    "Gather": {"axis"},
    "Reshape": {"allowzero"},
    "Scaler": {"offset", "scale"},
}
_OURS = ("", "ai.onnx", "ai.onnx.ml")
_FLOATS = (TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_NAMED = 5
Plan = dict[str, Any]
"""Inputs, outputs, steps (operator, reads, writes, settings) and how to call the trees."""


def planned(model: onnx.ModelProto) -> tuple[Plan, dict[str, np.ndarray], Forest]:
    """The steps of a model around its only forest, its constants, and the forest.

    Raises Lacks for what it has beside trees and the usual around them.
    """
    forest = _only_forest(model)
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    needed, wanted = _needed(model.graph)
    steps: list[tuple[str, list[str], list[str], Mapping[str, Any]]] = []
    for node in needed:
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(node)
        elif node.op_type in KINDS:
            steps.append(("trees", list(node.input), list(node.output), {}))
        else:
            steps.append((node.op_type, list(node.input), list(node.output), _settings(node)))
    labelled = bool(forest.labels) and forest.node.output[0] in wanted
    plan = {
        "inputs": [one.name for one in model.graph.input if one.name not in constants],
        "outputs": [one.name for one in model.graph.output],
        "steps": steps,
        "trees": {
            "outputs": forest.scores,
            "features": forest.features,
            "labels": forest.labels if labelled else None,
        },
    }
    return plan, constants, forest


def _only_forest(model: onnx.ModelProto) -> Forest:
    known = {*AROUND, *KINDS, "Constant"}
    foreign = [
        legible(node.op_type)
        for node in model.graph.node
        if node.op_type not in known or node.domain not in _OURS
    ]
    if foreign:
        raise Lacks(f"it runs trees, and has no {', '.join(dict.fromkeys(foreign[:_NAMED]))}")
    found = [node for node in model.graph.node if node.op_type in KINDS]
    if len(found) != 1:
        raise Lacks(f"it runs one forest, and this model has {len(found)}")
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {
        one.name: one.type.tensor_type.elem_type for one in [*inferred.input, *inferred.value_info]
    }
    if kinds.get(found[0].input[0]) in _FLOATS:
        raise Lacks("its trees compare in 32 bits, and get other floats here")
    return forest_of(found[0])


def _needed(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that outputs depend on, in order, and the tensors."""
    wanted: set[str] = {one.name for one in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1], wanted


def _constant(node: onnx.NodeProto) -> np.ndarray:
    if node.attribute[0].name != "value":
        raise Lacks("it has no Constant that is written as a number or text of its own")
    return np.asarray(numpy_helper.to_array(node.attribute[0].t))


def _settings(node: onnx.NodeProto) -> Mapping[str, Any]:
    given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    given.pop("saturate", None)  # of a Cast, about floats of 8 bits
    if unknown := given.keys() - _SETTINGS.get(node.op_type, set()):
        raise Lacks(f"it has no {node.op_type} with {', '.join(map(legible, sorted(unknown)))}")
    if node.op_type == "Cast":
        if given["to"] == TensorProto.STRING:
            raise Lacks("it has no Cast to texts")
        given["to"] = onnx.helper.tensor_dtype_to_np_dtype(given["to"]).name
    return given


def rows_in_c(forest: Forest) -> str:
    """The function that gives each row its scores, and where asked for its best class."""
    base = [*forest.given.get("base_values", ()), *[0.0] * forest.sums][: forest.sums]
    share = 1.0
    if forest.given.get("aggregate_function") == b"AVERAGE":
        share /= len(forest.trees)
    return _ROWS % {
        "features": forest.features,
        "sums": forest.sums,
        "scores": forest.scores,
        "base": ", ".join(f"{value!r}f" for value in map(float, base)),
        "share": repr(share),
        "best": _best(forest),
        "after": _two(forest) if forest.one_sum else _AFTER[forest.after],
    }


def _best(forest: Forest) -> str:
    """Which class a row is of. Two are told apart by where the only weighted one's sum lies."""
    if len(forest.labels) != 2:
        return _MOST
    shares = min(forest.given["class_weights"]) >= 0
    return f"*best = sum[SUMS - 1] > {0.5 if shares else 0.0}f;"


def _two(forest: Forest) -> str:
    """Both classes' scores from one sum, as ONNX Runtime has them."""
    if forest.after == "LOGISTIC":
        return "to[0] = logistic(-sum[0]); to[1] = logistic(sum[0]);"
    rest = "1.0f - sum[0]" if min(forest.given["class_weights"]) >= 0 else "-sum[0]"
    return f"to[0] = {rest}; to[1] = sum[0];"


_MOST = "*best = 0; for (int j = 1; j < SUMS; ++j) if (sum[j] > sum[*best]) *best = j;"
_AFTER = {
    "NONE": "memcpy(to, sum, sizeof sum);",
    "LOGISTIC": "for (int j = 0; j < SUMS; ++j) to[j] = logistic(sum[j]);",
    "SOFTMAX": """\
float most = sum[0], all = 0.0f;
    for (int j = 1; j < SUMS; ++j) if (sum[j] > most) most = sum[j];
    for (int j = 0; j < SUMS; ++j) all += to[j] = expf(sum[j] - most);
    for (int j = 0; j < SUMS; ++j) to[j] /= all;""",
}
_ROWS = """\
#include <math.h>
#include <string.h>
#include "header.h"
#define FEATURES %(features)s
#define SUMS %(sums)s

static const float base[SUMS] = {%(base)s};

static inline float logistic(float x) {
  float y = 1.0f / (1.0f + expf(-fabsf(x)));
  return x < 0.0f ? 1.0f - y : y;
}

void rows(const float *x, long count, long width, float *scores, long long *best) {
  union Entry row[FEATURES];
  float sum[SUMS];
  for (long i = 0; i < count; ++i) {
    float *to = scores + i * %(scores)s;
    for (int j = 0; j < FEATURES; ++j) {
      if (isnan(x[i * width + j])) row[j].missing = -1;
      else row[j].fvalue = x[i * width + j];
    }
    memset(sum, 0, sizeof sum);
    predict(row, 1, sum);
    for (int j = 0; j < SUMS; ++j) sum[j] = sum[j] * %(share)sf + base[j];
    if (best) { %(best)s ++best; }
    %(after)s
  }
}
"""
