"""How many floating-point (or integer) operations a node does.

Conventions: a multiply-accumulate is 2, as in NVIDIA's "Matrix Multiplication Background User's
Guide" (2*m*n*k for a product) and the vendors' peak rates, so that FLOPs over peak is a time. An
addition, comparison, division or rounding is 1; a transcendental function is 10, about the
length of the polynomial that computes it. Moving data is 0. Integer operations count alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import onnx

from optim.graph.tensors import Tensor

_TRANSCENDENTAL = 10
Gemm = tuple[int, int, int, int]


class NotKnown(Exception):
    """The FLOPs of this node cannot be told; the text says why."""


@dataclass(frozen=True)
class Node:
    """A node with the types and shapes of what it reads and writes ("" inputs are None)."""

    op: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    attributes: dict[str, onnx.AttributeProto] = field(default_factory=dict)

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of an input. Raises NotKnown."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None or tensor.shape is None:
            raise NotKnown(f"the shape of input {index} is not known")
        return tensor.shape

    def out(self) -> tuple[int, ...]:
        """Shape of the first output. Raises NotKnown."""
        if not self.outputs or self.outputs[0].shape is None:
            raise NotKnown("the shape of the output is not known")
        return self.outputs[0].shape

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(self.attributes[name].i) if name in self.attributes else default

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        return self.attributes[name].s.decode() if name in self.attributes else default


@dataclass(frozen=True)
class Work:
    """What a node does: FLOPs, the matrix product in it (of one step), sequential steps."""

    flops: int
    gemm: Gemm | None = None
    steps: int = 1


def work(node: Node) -> Work:
    """The work of one node. Raises NotKnown where it cannot be told."""
    if node.op in _MATRIX:
        return _MATRIX[node.op](node)
    if node.op in _CLASSICAL:
        return _CLASSICAL[node.op](node)
    if node.op in _PER_OUTPUT:
        return Work(_PER_OUTPUT[node.op] * prod(node.out()))
    if node.op in _PER_INPUT:
        return Work(_PER_INPUT[node.op] * prod(node.shape(0)))
    if node.op in _POOLS:
        return Work(_pool(node))
    if node.op in MOVES:
        return Work(0)
    raise NotKnown(f"{node.op} is not in the table of FLOPs")


def _product(batch: int, m: int, n: int, k: int, extra: int = 0) -> Work:
    return Work(2 * batch * m * n * k + extra, (batch, m, n, k))


def _conv(w: int) -> Callable[[Node], Work]:
    def count(node: Node) -> Work:
        out, weight = node.out(), node.shape(w)
        groups = node.integer("group", 1)
        pixels = out[0] * prod(out[2:])
        bias = prod(out) if len(node.inputs) > w + 1 and node.op != "ConvInteger" else 0
        return _product(groups, pixels, out[1] // groups, prod(weight[1:]), bias)

    return count


def _conv_transpose(node: Node) -> Work:
    x, weight, groups = node.shape(0), node.shape(1), node.integer("group", 1)
    return _product(groups, x[0] * prod(x[2:]), prod(weight[1:]), x[1] // groups)


def _matmul(a: int, b: int) -> Callable[[Node], Work]:
    def count(node: Node) -> Work:
        left, right = node.shape(a), node.shape(b)
        m = left[-2] if len(left) > 1 else 1
        n = right[-1] if len(right) > 1 else 1
        k = left[-1]
        if node.integer("transA", 0) and len(left) > 1:
            m, k = k, m
        if node.integer("transB", 0) and len(right) > 1:
            n = right[-2]
        batch = prod(node.out()) // max(1, m * n)
        if len(right) <= 2:  # one weight for the whole batch: one tall product
            batch, m = 1, batch * m
        return _product(batch, m, n, k)

    return count


def _gemm(node: Node) -> Work:
    m, n = node.out()
    a = node.shape(0)
    k = a[0] if node.integer("transA", 0) else a[1]
    return _product(1, m, n, k, m * n if len(node.inputs) > 2 else 0)


def _matmul_nbits(node: Node) -> Work:
    n, k = node.integer("N", 0), node.integer("K", 0)
    dequantize = 2 * n * k
    return _product(1, prod(node.shape(0)) // max(1, k), n, k, dequantize)


def _recurrent(gates: int) -> Callable[[Node], Work]:
    def count(node: Node) -> Work:
        x, r = node.shape(0), node.shape(2)
        steps, batch = (x[1], x[0]) if node.integer("layout", 0) else (x[0], x[1])
        directions, hidden = r[0], r[-1] if node.op != "DynamicQuantizeLSTM" else r[1]
        one = 2 * batch * gates * hidden * (x[2] + hidden)
        pointwise = batch * hidden * gates * (_TRANSCENDENTAL + 2)
        gemm = (directions, batch, gates * hidden, x[2] + hidden)
        return Work(steps * directions * (one + pointwise), gemm, steps)

    return count


def _attention(batch: int, q: int, kv: int, hidden: int, v_hidden: int, heads: int) -> Work:
    """softmax(q k') v over all heads; hidden sizes are of all heads together."""
    scores = 2 * batch * q * kv * (hidden + v_hidden)
    softmax = batch * heads * q * kv * (_TRANSCENDENTAL + 4)
    return Work(scores + softmax, (batch * heads, q, kv, max(1, hidden // max(1, heads))))


def _fused_attention(node: Node) -> Work:
    """com.microsoft Attention and QAttention: one projection to q, k, v, then attention."""
    batch, length, hidden = node.shape(0)
    projected = node.shape(1)[1]
    heads = node.integer("num_heads", 1)
    inner = projected // 3
    core = _attention(batch, length, length, inner, inner, heads)
    projection = 2 * batch * length * hidden * projected
    return Work(projection + core.flops, (1, batch * length, projected, hidden))


def _multi_head_attention(node: Node) -> Work:
    """Attention over given q, k, v: (batch, length, hidden) or (batch, heads, length, head)."""
    q = node.shape(0)
    if len(q) == 4:
        batch, heads, length, head = q
        k = node.shape(1)
        return _attention(batch, length, k[2], heads * head, heads * head, heads)
    if len(node.inputs) < 2 or node.inputs[1] is None or len(q) != 3:
        raise NotKnown(f"{node.op} with packed inputs is not counted")
    k = node.shape(1)
    length = k[2] if len(k) == 4 else k[1]
    heads = node.integer("num_heads", 0) or node.integer("q_num_heads", 1)
    return _attention(q[0], q[1], length, q[2], q[2], heads)


def _einsum(node: Node) -> Work:
    equation = node.text("equation", "").replace(" ", "")
    terms = equation.split("->")[0].split(",")
    if "." in equation or len(terms) > 2:
        raise NotKnown(f"Einsum {equation!r} is not counted")
    sizes = {
        letter: size
        for index, term in enumerate(terms)
        for letter, size in zip(term, node.shape(index), strict=True)
    }
    return Work((2 if len(terms) == 2 else 1) * prod(sizes.values()))


def _linear(node: Node) -> Work:
    """A linear model: every coefficient once for each sample."""
    return Work(2 * node.shape(0)[0] * len(node.attributes["coefficients"].floats))


def _trees(node: Node) -> Work:
    roots = node.attributes.get("tree_roots") or node.attributes.get("nodes_treeids")
    trees = len(set(roots.ints)) if roots else 0
    raise NotKnown(f"how far a sample goes down each of {trees:,} trees depends on the sample")


def _pool(node: Node) -> int:
    kernel = prod(node.attributes["kernel_shape"].ints) if "kernel_shape" in node.attributes else 1
    return prod(node.out()) * kernel


_MATRIX: dict[str, Callable[[Node], Work]] = {
    "Conv": _conv(1),
    "FusedConv": _conv(1),
    "NhwcFusedConv": _conv(1),
    "ConvInteger": _conv(1),
    "QLinearConv": _conv(3),
    "ConvTranspose": _conv_transpose,
    "MatMul": _matmul(0, 1),
    "FusedMatMul": _matmul(0, 1),
    "MatMulInteger": _matmul(0, 1),
    "MatMulIntegerToFloat": _matmul(0, 1),
    "DynamicQuantizeMatMul": _matmul(0, 1),
    "QLinearMatMul": _matmul(0, 3),
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "QGemm": _gemm,
    "MatMulNBits": _matmul_nbits,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
    "DynamicQuantizeLSTM": _recurrent(4),
    "Attention": lambda n: (
        _fused_attention(n) if len(n.shape(1)) == 2 else _multi_head_attention(n)
    ),
    "QAttention": _fused_attention,
    "MultiHeadAttention": _multi_head_attention,
    "GroupQueryAttention": _multi_head_attention,
    "Einsum": _einsum,
}
_CLASSICAL: dict[str, Callable[[Node], Work]] = {
    "LinearClassifier": _linear,
    "LinearRegressor": _linear,
    **dict.fromkeys(("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"), _trees),
}
MATRIX = frozenset(_MATRIX)
"""Operators that hold a matrix product: those that a lower precision is for."""


def _ops(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_ONE = _ops(
    "Add Sub Mul Div Neg Abs Min Max Sum Mean Relu LeakyRelu PRelu Clip Ceil Floor Round Sign Mod "
    "Equal Greater Less GreaterOrEqual LessOrEqual And Or Not Xor Where IsNaN IsInf Sqrt "
    "Reciprocal ThresholdedRelu HardSigmoid Trilu BitShift QLinearAdd QLinearMul QLinearLeakyRelu "
    "BiasAdd Dropout"
)
_TWO = _ops("HardSwish BatchNormalization QuantizeLinear DequantizeLinear")
_HARD = _ops(
    "Exp Log Sigmoid Tanh Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Pow Softplus Elu Selu Celu "
    "Softsign Mish QLinearSigmoid"
)
_GELUS = _ops("Gelu FastGelu BiasGelu QuickGelu Swish")
_POINTWISE = {
    **dict.fromkeys(_ONE, 1),
    **dict.fromkeys(_TWO, 2),
    **dict.fromkeys(_HARD, _TRANSCENDENTAL),
    **dict.fromkeys(_GELUS, _TRANSCENDENTAL + 4),
}
_PER_OUTPUT = {
    **_POINTWISE,
    **dict.fromkeys(_ops("Softmax LogSoftmax QLinearSoftmax"), _TRANSCENDENTAL + 4),
    **dict.fromkeys(_ops("LayerNormalization InstanceNormalization GroupNormalization"), 8),
    **dict.fromkeys(
        _ops("RMSNormalization SimplifiedLayerNormalization LpNormalization Normalizer"), 5
    ),
    **dict.fromkeys(_ops("SkipLayerNormalization EmbedLayerNormalization"), 10),
    **dict.fromkeys(_ops("Resize Upsample"), 8),
    **dict.fromkeys(_ops("GridSample LRN"), 12),
    "SkipSimplifiedLayerNormalization": 6,
    "RotaryEmbedding": 4,
    "Scaler": 2,
    **dict.fromkeys(_ops("CumSum Binarizer Imputer"), 1),
}
_PER_INPUT = {
    **dict.fromkeys(
        _ops(
            "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 GlobalAveragePool "
            "GlobalMaxPool QLinearGlobalAveragePool ArgMax ArgMin TopK"
        ),
        1,
    ),
    **dict.fromkeys(_ops("ReduceL2 ReduceSumSquare DynamicQuantizeLinear"), 3),
    **dict.fromkeys(_ops("ReduceLogSum ReduceLogSumExp"), _TRANSCENDENTAL),
}
_POOLS = frozenset(_ops("MaxPool AveragePool LpPool QLinearAveragePool"))

POINTWISE = frozenset(_POINTWISE)
"""One output element needs one element of each input: engines fuse these into what precedes."""
VIEWS = frozenset(_ops("Reshape Flatten Squeeze Unsqueeze Identity"))
"""Runtimes give these the buffer of their input: nothing moves."""
MOVES = VIEWS | frozenset(
    _ops(
        "Transpose Concat Split Slice Gather GatherElements GatherND Scatter ScatterElements "
        "ScatterND Pad Expand Tile Cast CastLike Constant ConstantOfShape Shape Size Range NonZero "
        "OneHot DepthToSpace SpaceToDepth EyeLike Compress Unique RandomNormal RandomUniform "
        "RandomNormalLike RandomUniformLike Bernoulli ReverseSequence QLinearConcat ReorderInput "
        "ReorderOutput GatherBlockQuantized NonMaxSuppression ArrayFeatureExtractor "
        "FeatureVectorizer"
    )
)
INTEGER = frozenset(
    _ops(
        "ConvInteger QLinearConv MatMulInteger MatMulIntegerToFloat DynamicQuantizeMatMul "
        "QLinearMatMul QGemm QAttention DynamicQuantizeLSTM"
    )
)
"""Matrix operations that compute in 8-bit integers by themselves."""
