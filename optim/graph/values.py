"""What is known of a graph: totals, one row per node, and what could not be known."""

from pydantic import BaseModel, ConfigDict


class NodeRow(BaseModel):
    """One node. Work of a node inside If, Loop or Scan is counted at the node that holds it.

    FLOPs follow `optim.graph.flops`: one multiply-accumulate is two. Bytes are those of the
    tensors read and written, weights included, each counted once per run.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    op: str
    domain: str = ""
    inputs: str = ""
    """Such as "float32[1,3,224,224], float32[64,3,7,7]"; unknown shapes are written "?"."""
    outputs: str = ""
    flops: int = 0
    bytes: int = 0
    params: int = 0
    """Elements of the weights that this node reads."""
    precision: str = ""
    """What it computes in: fp32, fp16, bf16, int8, or empty where it does no arithmetic."""
    gemm: tuple[int, int, int, int] | None = None
    """(batch, m, n, k) of the matrix product inside it; a recurrent op's is of one step."""
    steps: int = 1
    """How often a recurrent op runs its matrix product, one after another."""
    reads: tuple[str, ...] = ()
    """Names of the tensors read."""
    writes: tuple[str, ...] = ()
    attributes: str = ""
    """Such as "kernel_shape=[3,3], pads=[1,1,1,1]"; tensors and subgraphs by their digest."""
    scope: tuple[str, ...] = ()
    """The modules that the exporter recorded it in, the outermost first; names tell it, too."""
    unknown: str = ""
    """Why FLOPs or bytes are not known; both are then lower bounds."""

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs per byte moved."""
        return self.flops / self.bytes if self.bytes else 0.0


class Analysis(BaseModel):
    """Totals and rows of one model's graph. Sizes in bytes, counts per run of the model."""

    model_config = ConfigDict(frozen=True)

    parameters: int
    flops: int
    bytes: int
    weight_bytes: int
    weight_bytes_by_dtype: dict[str, int]
    peak_activation_bytes: int
    op_histogram: dict[str, int]
    """Every node, those inside subgraphs included; `domain.Op` outside the ONNX domain."""
    opset: int
    opsets: dict[str, int]
    node_count: int
    inputs: tuple[str, ...]
    """Such as "x: float32[1,3,224,224]"."""
    outputs: tuple[str, ...]
    nodes: tuple[NodeRow, ...]
    tensor_bytes: dict[str, int]
    """Size of every tensor whose shape is known."""
    weights: tuple[str, ...]
    """Names of the tensors that are constant."""
    notes: tuple[str, ...] = ()
    """Plain sentences: what is unknown, assumed or an upper bound."""


class Weight(BaseModel):
    """One constant tensor: what is in it, whatever its name."""

    model_config = ConfigDict(frozen=True)

    digest: str
    """Of its type, shape and content."""
    elements: int
    zeros: int


class Weights(BaseModel):
    """The constant tensors of a graph by name."""

    model_config = ConfigDict(frozen=True)

    tensors: dict[str, Weight]
