"""First guesses at the nodes that 8 bits hurt, by what they are: for when nothing can be measured.

The literature's usual suspects: the last layer, whose error nothing after it evens out; heads of
detectors, whose few numbers are boxes; the first layer, which reads raw inputs; depthwise
convolutions, each channel of which has a range of its own (Sheng et al. 2018, "A Quantization-
Friendly Separable Convolution for MobileNets"); products next to Softmax, LayerNorm or GELU, whose
values have outliers (Bondarenko et al. 2021, "Understanding and Overcoming the Challenges of
Efficient Transformer Quantization").
"""

from collections.abc import Iterator

from optim.graph import Analysis, NodeRow
from optim.graph.flops import MATRIX
from optim.search.leaving_out import LeftOut

_OUTLIERS = frozenset(
    {*("Softmax", "LayerNormalization", "Gelu", "Erf", "Sigmoid", "HardSigmoid", "HardSwish")}
)
_TRANSPARENT = frozenset({"Mul", "Add", "Div", "Reshape", "Transpose", "Flatten", "Squeeze"})


def guessed(analysis: Analysis) -> list[LeftOut]:
    """Nested sets of nodes to leave in float, the usual suspects first.

    Noise is not measured here: each set is taken to leave half of that of the one before.
    """
    sets: list[LeftOut] = []
    left: tuple[str, ...] = ()
    for suspects in _suspects(analysis):
        added = tuple(name for name in dict.fromkeys(suspects) if name not in left)
        if added:
            left = (*left, *added)
            noise = 0.5 ** (len(sets) + 1)
            sets.append(LeftOut(tuple(sorted(left)), added, noise, noise, 0.0))
    return sets


def _suspects(analysis: Analysis) -> Iterator[list[str]]:
    products = [row for row in analysis.nodes if row.op in MATRIX and row.params]
    if not products:
        return
    readers: dict[str, list[NodeRow]] = {}
    for row in analysis.nodes:
        for tensor in row.reads:
            readers.setdefault(tensor, []).append(row)
    yield [products[-1].name]
    yield [row.name for row in products if not _leads_to_product(row, readers)]
    yield [products[0].name]
    yield [row.name for row in products if _is_depthwise(row)]
    makers = {tensor: row for row in analysis.nodes for tensor in row.writes}
    yield [row.name for row in products if _reads_outliers(row, makers)]


def _leads_to_product(row: NodeRow, readers: dict[str, list[NodeRow]]) -> bool:
    """Whether another product comes after it on some way."""
    waiting, seen = [*row.writes], set[str]()
    while waiting:
        tensor = waiting.pop()
        for reader in readers.get(tensor, ()):
            if reader.op in MATRIX:
                return True
            new = [name for name in reader.writes if name not in seen]
            seen.update(new)
            waiting += new
    return False


def _is_depthwise(row: NodeRow) -> bool:
    """A convolution with one input channel a group: few weights for what it computes."""
    shapes = [part.strip() for part in row.inputs.split("], ")]
    if row.op != "Conv" or len(shapes) < 2 or "[" not in shapes[1]:
        return False
    sizes = shapes[1].partition("[")[2].rstrip("]").split(",")
    return len(sizes) > 2 and sizes[1] == "1" and sizes[0] != "1"


def _reads_outliers(row: NodeRow, makers: dict[str, NodeRow]) -> bool:
    """Whether what it reads comes from such an operator, arithmetic in between not counted."""
    waiting, seen = [*row.reads], set[str]()
    while waiting:
        tensor = waiting.pop()
        maker = makers.get(tensor)
        if maker is None or tensor in seen:
            continue
        seen.add(tensor)
        if maker.op in _OUTLIERS:
            return True
        if maker.op in _TRANSPARENT:
            waiting += maker.reads
    return False
