"""What pages look up again and again, kept in bounded caches. No widgets in here."""

import streamlit as st

from optim.evalset import EvalSet, evalset_from_digest
from optim.explaining.engine_graph import EngineGraph, engine_graph_of
from optim.explaining.profile import ProfiledNode, join_profile, profile_of
from optim.graph import Analysis, GraphMatch, Weight, analysis_of, match_graphs, weights_of
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, runtime_of
from optim.why.layers import Layers, layers
from optim.why.leaving_out import Rounded, rounded_by
from optim.why.samples import Samples, samples_of


@st.cache_resource(max_entries=32, show_spinner="Reading the graph ...")
def analysis_of_digest(digest: str) -> Analysis:
    """The analysis of a stored model. Raises StepError where it cannot be read."""
    return analysis_of(load_model(digest))


@st.cache_resource(max_entries=64, show_spinner="Profiling in a separate process ...")
def profile_of_digest(
    digest: str, runtime: str, evalset: str, _run_us: float | None = None
) -> tuple[ProfiledNode, ...]:
    """Per-node times of a stored model on this machine, joined to its graph.

    Args:
        runtime: its spelling.
        evalset: digest of the EvalSet whose first calibration sample is the input.
        _run_us: the measured median of a run, if known.
    """
    times = profile_of(load_model(digest), runtime_of(runtime), evalset, run_us=_run_us)
    return join_profile(analysis_of_digest(digest), times)


@st.cache_resource(max_entries=32, show_spinner="Reading the weights ...")
def weights_of_digest(digest: str) -> dict[str, Weight]:
    """The constant tensors of a stored model. Raises StepError where they cannot be read."""
    return weights_of(load_model(digest))


@st.cache_resource(max_entries=32, show_spinner="Comparing the graphs ...")
def match_of_digests(before: str, after: str) -> GraphMatch:
    """What became of one stored model's nodes in another. Raises StepError."""
    return match_graphs(
        analysis_of_digest(before),
        analysis_of_digest(after),
        weights_of_digest(before),
        weights_of_digest(after),
    )


@st.cache_resource(max_entries=32, show_spinner="Asking the engine for its graph ...")
def engine_graph_of_digest(digest: str, runtime: str) -> EngineGraph:
    """What an engine, by its spelling, runs in place of a stored model. Raises StepError."""
    engine = runtime_of(runtime)
    return engine_graph_of(load_model(digest), engine, analysis_of_digest(digest))


@st.cache_resource(max_entries=32, show_spinner="Comparing layer by layer ...")
def layers_of_digests(original: str, optimized: str, runtime: str, evalset: str) -> Layers:
    """The errors inside a stored model, run by a runtime, against the original's.

    Raises: StepError where an engine refuses a graph with its tensors read out.
    """
    return layers(*_pair(original, optimized, runtime, evalset))


@st.cache_resource(max_entries=32, show_spinner="Comparing answers, sample by sample ...")
def samples_of_digests(original: str, optimized: str, runtime: str, evalset: str) -> Samples:
    """The worst samples of a stored model. Raises StepError where a model fails on one."""
    return samples_of(*_pair(original, optimized, runtime, evalset))


@st.cache_resource(max_entries=32, show_spinner="Looking up what is rounded for whom ...")
def rounded_of_digest(original: str, recipe: str, evalset: str) -> Rounded:
    """The nodes that round each tensor of a recipe's model."""
    return rounded_by(load_model(original), Recipe.parse(recipe), evalset_from_digest(evalset))


def _pair(
    original: str, optimized: str, runtime: str, evalset: str
) -> tuple[Model, Model, Runtime, EvalSet]:
    engine = runtime_of(runtime)
    return load_model(original), load_model(optimized), engine, evalset_from_digest(evalset)
