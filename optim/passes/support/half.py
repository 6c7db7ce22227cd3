"""A network in real half precision: every value rounded to 16 bits between nodes.

A CPU without such arithmetic computes a "16-bit" graph in 32 bits and hides what hardware that has
it would suffer. Here each node gets rounded inputs, computes in 32 bits (as such hardware adds up),
and its outputs are rounded before others read them. Beside it runs the network in 32 bits: where
that is finite and the rounded one is not, the node overflows; where the noise jumps, it loses.
"""

import itertools
from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optim.arrays import Array, Feeds
from optim.errors import StepError
from optim.names import does, many
from optim.passes.base import Calibration
from optim.passes.support.stepping import Stepper, Values, reads_of
from optim.passes.support.tools import listed

if TYPE_CHECKING:
    import onnx

Half = Literal["fp16", "bf16"]
MOST_SAMPLES = 4
_TOLERATED = 0.02  # noise of the outputs relative to them, above which nodes are looked for
_JUMP = 10.0  # times the noise of what a node reads
_NOTICED = 5e-3  # noise of a node's output below which it is no jump
_MOST_TURNS = 4


@dataclass
class Found:
    """What half precision does to a network: `drift` is the noise of the outputs relative to them,
    infinite where they are not finite."""

    overflowing: dict[str, None] = field(default_factory=dict)
    losing: dict[str, float] = field(default_factory=dict)
    drift: float = 0.0
    drift_before: float = 0.0

    @property
    def kept(self) -> list[str]:
        """Names of the nodes that are better left in 32 bits."""
        return [*dict.fromkeys([*self.overflowing, *self.losing])]


def tried_in_half(
    model: "onnx.ModelProto", samples: Sequence[Feeds], half: Half, kept: Collection[str]
) -> Found:
    """Which nodes, besides those kept in 32 bits, cannot do with 16, and how far outputs drift.

    Raises: StepError that names a node which does not run by itself.
    """
    stepper, found, weights = Stepper(model), Found(), Values()
    for turn in range(_MOST_TURNS):
        whole, known = {*kept, *found.kept}, len(found.overflowing)
        runs = [_Run(stepper, model, half, whole, found, weights) for _ in samples]
        noise = [run.through(sample) for run, sample in zip(runs, samples, strict=False)]
        found.drift = max(noise, default=0.0)
        if not turn:
            found.drift_before = found.drift
        jumps: dict[str, float] = {}
        for run in runs:
            jumps |= {name: max(size, jumps.get(name, 0.0)) for name, size in run.jumps.items()}
        if found.drift <= _TOLERATED or not (jumps or len(found.overflowing) > known):
            break
        found.losing |= jumps
    return found


class _Run:
    """One sample through the network, in 32 bits and rounded, side by side."""

    def __init__(
        self,
        stepper: Stepper,
        model: "onnx.ModelProto",
        half: Half,
        kept: Collection[str],
        found: Found,
        weights: Values,
    ) -> None:
        self._stepper, self._model, self._half, self._weights = stepper, model, half, weights
        self._kept, self._found = kept, found
        self.jumps: dict[str, float] = {}

    def through(self, sample: Feeds) -> float:
        """The noise of the worst output, relative to it."""
        exact: Values = {**self._stepper.weights, **sample}
        rounded, noise = dict(exact), dict[str, float]()
        last = self._stepper.last_reads()
        for at, node in enumerate(self._model.graph.node):
            made = self._stepper.made(at, node, exact)
            rounded |= self._rounded(at, node, made, rounded)
            exact |= made
            self._watch(node, exact, rounded, noise)
            for name in last.get(at, ()):
                exact.pop(name, None), rounded.pop(name, None)
        outputs = [value.name for value in self._model.graph.output]
        return max((_noise(exact[name], rounded[name]) for name in outputs), default=0.0)

    def _rounded(self, at: int, node: "onnx.NodeProto", made: Values, known: Values) -> Values:
        """What the node makes in half precision; in 32 bits where it must stay there."""
        if node.name not in self._kept and node.name not in self._found.overflowing:
            given = {name: self._halved(name, known) for name in reads_of(node) if name in known}
            halved = self._stepper.made(at, node, given)
            outputs = {name: rounded_to(value, self._half) for name, value in halved.items()}
            if not any(_overflows(made[name], outputs[name]) for name in made):
                return outputs
            self._found.overflowing[node.name] = None
        outputs = self._stepper.made(at, node, known)
        if any(_overflows(made[name], outputs[name]) for name in made):  # by what it was given
            self._found.overflowing |= dict.fromkeys(self._before(node))
        return outputs

    def _before(self, node: "onnx.NodeProto") -> list[str]:
        """Names of the nodes that round what this one reads."""
        read = {*node.input}
        makers = (one for one in self._model.graph.node if read & {*one.output})
        return [one.name for one in makers if one.name not in self._kept]

    def _halved(self, name: str, known: Values) -> Any:
        """A known value as 16 bits hold it; a weight's is kept for the next sample."""
        weights = self._stepper.weights
        if name not in weights:
            return rounded_to(known[name], self._half)
        if name not in self._weights:
            self._weights[name] = rounded_to(weights[name], self._half)
        return self._weights[name]

    def _watch(
        self, node: "onnx.NodeProto", exact: Values, rounded: Values, noise: dict[str, float]
    ) -> None:
        """Note how noisy what the node made is, and whether that is a jump."""
        before = max((noise.get(name, 0.0) for name in node.input), default=0.0)
        for name in filter(None, node.output):
            noise[name] = _noise(exact[name], rounded[name])
            if noise[name] > max(_NOTICED, _JUMP * before) and node.name not in self._kept:
                self.jumps[node.name] = max(noise[name], self.jumps.get(node.name, 0.0))


def rounded_to(value: Any, half: Half) -> Any:
    """A float array as 16 bits hold it, in 32 bits again; anything else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float32:
        return value
    with np.errstate(over="ignore"):
        if half == "fp16":
            return value.astype(np.float16).astype(np.float32)
        import ml_dtypes

        return value.astype(ml_dtypes.bfloat16).astype(np.float32)


def _overflows(exact: Any, rounded: Any) -> bool:
    if not _is_float(exact):
        return False
    if np.shape(exact) != np.shape(rounded):  # its length depends on values, which were rounded
        return bool(np.isfinite(exact).all() and not np.isfinite(rounded).all())
    return bool((np.isfinite(exact) & ~np.isfinite(rounded)).any())


def _noise(exact: Any, rounded: Any) -> float:
    """The norm of the difference relative to that of the exact values, where those are finite."""
    if not _is_float(exact) or np.shape(exact) != np.shape(rounded):
        return 0.0
    there = np.isfinite(exact)
    if not np.isfinite(rounded[there]).all():
        return float("inf")
    full = exact[there].astype(np.float64)
    size, off = _size(full), _size(full - rounded[there])
    return off / size if size else off


def _size(values: Array) -> float:
    """The norm, without the threads of a linear algebra library."""
    return float(np.sqrt(np.square(values).sum()))


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def tried(
    model: "onnx.ModelProto", calibration: Calibration, half: Half, kept: Collection[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Names of nodes that are better left in 32 bits, and sentences on what was found.

    Where the graph cannot be run node by node nothing is found, and that is said.
    """
    samples = [*itertools.islice(calibration, MOST_SAMPLES)]
    if not samples:
        return [], ()
    try:
        found = tried_in_half(model, samples, half, kept)
    except StepError as error:
        return [], (f"Not tried in real {half}: {error.what}",)
    return found.kept, _told(found, half, calibration.counted(len(samples)))


def _stay(nodes: Sized) -> str:
    return f"{many(len(nodes), 'node')} {does(len(nodes), 'stay')}"


def _told(found: Found, half: Half, samples: int) -> tuple[str, ...]:
    notes = []
    if found.overflowing:
        notes.append(
            f"{_stay(found.overflowing)} in 32 bits, since values overflow there in real {half} "
            f"on calibration samples: {listed(found.overflowing)}."
        )
    if found.losing:
        worst = sorted(found.losing, key=lambda name: -found.losing[name])
        notes.append(
            f"{_stay(worst)} in 32 bits, since in real {half} the noise jumps there: "
            f"{listed(f'{name} ({found.losing[name]:.2g})' for name in worst)}."
        )
    was = f" ({found.drift_before:.2g} without them)" if found.losing else ""
    notes.append(
        f"In real {half}, every value rounded between nodes, the outputs drift by "
        f"{found.drift:.2g} of their size{was}, tried on {samples} samples."
    )
    return tuple(notes)
