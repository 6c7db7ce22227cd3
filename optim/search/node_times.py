"""What each node of a model costs in float and saves by being quantized, by measured profiles."""

from collections.abc import Callable
from dataclasses import dataclass, field

from optim.evalset import EvalSet
from optim.explaining.executed import Side, pairs
from optim.explaining.profile import join_profile, profile_of
from optim.graph import analysis_of, match_graphs
from optim.model import Model
from optim.runtimes.base import Runtime


@dataclass(frozen=True)
class NodeTimes:
    """By name, microseconds a run: a node's time in float, and what quantizing it saves."""

    float_us: dict[str, float] = field(default_factory=dict)
    saved_us: dict[str, float] = field(default_factory=dict)

    def share(self, nodes: tuple[str, ...]) -> float:
        """The share of the original's time that these nodes take, 0 to 1."""
        whole = sum(self.float_us.values())
        return sum(self.float_us.get(name, 0.0) for name in nodes) / whole if whole else 0.0


def node_times(
    before: Model,
    built: Model,
    runtime: Runtime,
    evalset: EvalSet,
    cancelled: Callable[[], bool] = lambda: False,
) -> NodeTimes:
    """Profile a model and what was built of it. Raises StepError; Cancelled."""
    old, new = (
        Side(
            analysis=analysis_of(model),
            profile=join_profile(
                analysis_of(model), profile_of(model, runtime, evalset.digest, cancelled)
            ),
        )
        for model in (before, built)
    )
    origins = match_graphs(old.analysis, new.analysis).origins
    found = pairs(old, new.model_copy(update={"origins": origins}))
    return NodeTimes(
        {pair.name: pair.before_us for pair in found if pair.before_us is not None},
        {pair.name: max(0.0, -pair.extra_us) for pair in found if pair.before_us is not None},
    )
