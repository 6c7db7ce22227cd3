"""Sides of a comparison, made of times by operator."""

from optim.explaining.executed import Side
from optim.explaining.profile import ProfiledNode
from optim.graph.values import Analysis

EMPTY = Analysis(
    parameters=0,
    flops=0,
    bytes=0,
    weight_bytes=0,
    weight_bytes_by_dtype={},
    peak_activation_bytes=0,
    op_histogram={},
    opset=17,
    opsets={},
    node_count=0,
    inputs=(),
    outputs=(),
    nodes=(),
    tensor_bytes={},
    weights=(),
)


def side(times: dict[str, float]) -> Side:
    nodes = [
        ProfiledNode(name=op.lower(), op=op, microseconds=us, share=0) for op, us in times.items()
    ]
    return Side(analysis=EMPTY, profile=tuple(nodes))
