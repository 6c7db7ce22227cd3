"""What the original does on real samples: what its values look like inside, and its inputs.

Runs in a child, on a few samples: every value of the graph is looked at as it passes by.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.arrays import Array
from optim.errors import one_line
from optim.evalset import EvalSet, evalset_from_digest
from optim.home.scratch import scratch
from optim.judging.number_labels import OtherUnits
from optim.model import Model
from optim.model.proto import read_proto, write_proto
from optim.model.subnormal import SHARE_THAT_MATTERS, share_subnormal, subnormal_weights
from optim.why.alternatives import Alternative, alternatives
from optim.why.bodies import open_bodies
from optim.why.input_seen import InputSeen, inputs_seen
from optim.why.overflowing import overflowing
from optim.why.scoring import Scoring, Shuffled
from optim.why.standardizing import Standardizing, standardizing

_logger = logging.getLogger(__name__)
STEP = "why"
Sample = dict[str, Array]
Found = TypeVar("Found")
_INSIDE, _COMPARED = 4, 256  # samples whose inner values are looked at; of each split's inputs
_LOOKED = 2
_MOST_BYTES = 500_000_000  # of inner values at a time


class Observed(BaseModel):
    """What was seen of the original; shares are 0 to 1.

    `weights` and `values`: tensors with subnormal numbers, and their share; the inputs are among
    the values. `bodies`: of values inside of loops, by the first output of the loop. `overflows`:
    by outputs of 8-bit products, what saturation would cost elsewhere (`overflowing`).
    `standardizing`: where values are divided by their deviation. `spread`: of each output, its
    standard deviation from sample to sample relative to its size; 0 for the same answer to every
    sample. `alternatives`:
    how the original scores with its inputs prepared otherwise. `shuffled`: that labels of other
    samples fit as well; None where they do not. `units`: that labels are numbers in other units
    than the answers. `meaning`: what else they seem to be, in a sentence.
    """

    model_config = ConfigDict(frozen=True)

    weights: dict[str, float] = {}
    values: dict[str, float] = {}
    bodies: dict[str, float] = {}
    overflows: dict[str, float] = {}
    standardizing: tuple[Standardizing, ...] = ()
    spread: dict[str, float] = {}
    inputs: dict[str, InputSeen] = {}
    alternatives: tuple[Alternative, ...] = ()
    shuffled: Shuffled | None = None
    units: OtherUnits | None = None
    meaning: str = ""


def observed(model: Model, evalset: EvalSet, *, doubtful: bool) -> Observed:
    """Look at the original on samples of the EvalSet, in a child.

    Args:
        doubtful: whether its score is so low that other preparations of its inputs are tried.

    Raises: StepError where it cannot be run.
    """
    with scratch("why") as folder:
        found = sandbox.call(
            observe,
            {
                "path": str(model.path),
                "evalset": evalset.digest,
                "outputs": [spec.model_dump() for spec in model.outputs],
                "doubtful": doubtful,
                "folder": str(folder),
            },
            where=STEP,
            files=sandbox.Files(readable=(model.folder, evalset.path), writable=(folder,)),
        )
    return Observed.model_validate(found)


def observe(
    path: str, evalset: str, outputs: list[dict[str, Any]], doubtful: bool, folder: str
) -> dict[str, Any]:
    """Child: see `observed`. Returns an Observed as JSON values."""
    samples, proto = evalset_from_digest(evalset), read_proto(Path(path))
    weights = dict(subnormal_weights(proto))
    feeds = samples.feeds("validation", _COMPARED)
    values, bodies = _inside(Path(path), feeds[:_INSIDE], Path(folder))
    values = _given(feeds[:_INSIDE]) | values
    scoring = Scoring.of_original(Path(path), samples, outputs) if doubtful else None

    def opened() -> tuple[Any, Sequence[Sample], Path]:
        return read_proto(Path(path)), feeds[:_LOOKED], Path(folder)

    found = Observed(
        weights=weights,
        values=_mattering(values),
        bodies=_mattering(bodies),
        overflows=dict(_as_far_as_read(lambda: overflowing(*opened()).items())),
        standardizing=_as_far_as_read(lambda: standardizing(Path(path), *opened())),
        spread=_spread(path, feeds),
        inputs=inputs_seen(samples.feeds("calibration", _COMPARED), feeds),
        alternatives=alternatives(scoring) if scoring else (),
        shuffled=scoring.shuffled() if scoring else None,
        units=scoring.in_other_units() if scoring else None,
        meaning=scoring.in_other_words() if scoring else "",
    )
    return found.model_dump(mode="json")


def _given(feeds: Sequence[Sample]) -> dict[str, float]:
    """The float inputs and their share of subnormal numbers, the mean over samples."""
    named = feeds[0].items() if feeds else ()
    floats = [name for name, value in named if value.dtype == np.float32]
    shares = {name: [share_subnormal(sample[name]) for sample in feeds] for name in floats}
    return {name: float(np.mean(of_each)) for name, of_each in shares.items()}


def _mattering(shares: dict[str, float]) -> dict[str, float]:
    return {name: share for name, share in shares.items() if share >= SHARE_THAT_MATTERS}


def _as_far_as_read(look: Callable[[], Iterable[Found]]) -> tuple[Found, ...]:
    """What is seen in inner values; nothing of a graph whose values cannot be read out."""
    try:
        return tuple(look())
    except Exception as error:  # the engine's exceptions share no base class of their own
        _logger.info("inner values are not looked at: %s", one_line(error))
        return ()


def _inside(
    path: Path, feeds: Sequence[Sample], folder: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Subnormal shares of the values of the graph, and of those inside of its loops."""
    opened = read_proto(path)
    holders = open_bodies(opened)
    shares = _looked_at(opened, feeds, folder)
    if holders and not shares:  # what a body gives may change its shape from trip to trip
        shares = _looked_at(read_proto(path), feeds, folder)
    bodies: dict[str, float] = {}
    for name, holder in holders.items():
        bodies[holder] = max(bodies.get(holder, 0.0), shares.pop(name, 0.0))
    return shares, bodies


def _looked_at(proto: Any, feeds: Sequence[Sample], folder: Path) -> dict[str, float]:
    """See `_values`."""
    return dict(_as_far_as_read(lambda: _values(proto, feeds, folder)))


def _values(proto: Any, feeds: Sequence[Sample], folder: Path) -> Iterator[tuple[str, float]]:
    """Float values inside the graph and their share of subnormal numbers, the mean over samples."""
    import onnx
    import onnxruntime as ort

    inner = list(dict.fromkeys(name for node in proto.graph.node for name in node.output if name))
    kept = {value.name for value in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner if name not in kept)
    write_proto(proto, folder / "every_value.onnx")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(folder / "every_value.onnx", options, ["CPUExecutionProvider"])
    typed = [value.name for value in session.get_outputs() if value.type == "tensor(float)"]
    sums = dict.fromkeys(typed, 0.0)
    for sample in feeds:
        for some in _bounded(typed, session):
            for name, value in zip(some, session.run(some, dict(sample)), strict=True):
                sums[name] += share_subnormal(value) / len(feeds)
    yield from sums.items()


def _bounded(names: Sequence[str], session: Any) -> Iterator[list[str]]:
    """The values in groups that fit in memory together, as far as their sizes are known."""
    shapes = {value.name: value.shape for value in session.get_outputs()}
    group: list[str] = []
    held = 0
    for name in names:
        size = 4 * int(np.prod([dim if isinstance(dim, int) else 1 for dim in shapes[name] or []]))
        if group and held + size > _MOST_BYTES:
            yield group
            group, held = [], 0
        group.append(name)
        held += size
    if group:
        yield group


def _spread(path: str, feeds: Sequence[Sample]) -> dict[str, float]:
    from optim.judging.outputs import outputs_of
    from optim.recipe import Recipe

    rows = list(outputs_of(Recipe.baseline().runtime, Path(path), feeds))
    return {name: _varies([row[name] for row in rows]) for name in rows[0]} if rows else {}


def _varies(answers: Sequence[Array]) -> float:
    """How much answers differ from sample to sample, relative to their size; 1 where they cannot
    be compared."""
    if len({answer.shape for answer in answers}) > 1 or answers[0].dtype.kind not in "fiub":
        return 1.0
    every = np.stack(answers).astype(np.float64)
    size = float(np.sqrt(np.mean(every**2)))
    return float(np.sqrt(np.mean(every.std(axis=0) ** 2))) / size if size else 0.0
