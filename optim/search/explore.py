"""Which recipes to try: a starting set for any model, then the neighbours of what did well."""

import time
from collections.abc import Callable, Iterable, Mapping

from optim.graph import analysis_of
from optim.machine.environment import environment
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.search.advice import BF16_FLAGS, MATMULS, RECURRENT
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial

_START_SIZE = 9
_NEIGHBOURS_PER_ROUND = 4
_CLASSICAL = "ai.onnx.ml."
"""Domain of trees, scalers and the like, which OpenVINO does not run."""


def starting_recipes(
    ops: Mapping[str, int], flags: Iterable[str] = (), cores: int = 1
) -> list[Recipe]:
    """About eight recipes that show the trade-offs of a model, the baseline first.

    Args:
        ops: how many nodes of each operator the model has.
        flags: the CPU's instruction sets, as `/proc/cpuinfo` names them.
        cores: how many cores may be used.
    """
    has_conv = "Conv" in ops
    has_matmul = bool(MATMULS & ops.keys())
    recurrent = bool(RECURRENT & ops.keys())
    transformer = has_matmul and ops.get("Softmax", 0) > 0
    classical = any(op.startswith(_CLASSICAL) for op in ops)
    wanted = [
        ("onnxruntime", True),
        ("openvino", not classical),
        ("openvino:precision=bf16", not classical and bool(BF16_FLAGS & set(flags))),
        ("fuse_transformer + onnxruntime", transformer),
        ("static_int8 + onnxruntime", has_conv or has_matmul),
        ("static_int8 + openvino", not classical and (has_conv or has_matmul)),
        ("fuse_transformer + dynamic_int8 + onnxruntime", transformer and not has_conv),
        ("dynamic_int8 + onnxruntime", (has_matmul or recurrent) and not (has_conv or transformer)),
        ("weight_only:bits=8 + onnxruntime", has_matmul and not has_conv),
        ("simplify + onnxruntime", not transformer),
        ("magnitude_prune + openvino", not classical),
        ("fp16 + onnxruntime", classical),
        ("onnxruntime:graph=off", classical),
        ("onnxruntime:threads=2", cores > 1),
    ]
    return [Recipe.parse(text) for text, fits in wanted if fits][:_START_SIZE]


def starting_set(study: Study) -> list[Recipe]:
    """The starting recipes for a study's model on this machine."""
    here = environment()
    histogram = analysis_of(study.model).op_histogram
    return starting_recipes(histogram, here["flags"].split(), int(here["cores"]))


def neighbours(recipe: Recipe) -> list[Recipe]:
    """Recipes one step from this one: another calibration, sparsity, width or cleaned graph."""
    spellings = [part.spelling for part in recipe.passes]
    changed = [[*spellings[:-1], other] for other in _variants(spellings[-1] if spellings else "")]
    if "simplify" not in {part.name for part in recipe.passes}:
        changed.append(["simplify", *spellings])
    return [Recipe.parse(" + ".join([*parts, recipe.runtime.spelling])) for parts in changed]


def _variants(spelling: str) -> list[str]:
    return {
        "static_int8": ["static_int8:calibration=entropy", "static_int8:calibration=percentile"],
        "magnitude_prune": ["magnitude_prune:sparsity=0.5"],
        "weight_only": ["weight_only:bits=4"],
    }.get(spelling.partition(":")[0], [])


def explore_study(
    study: Study, queue: Queue, budget: float, on_change: Callable[[Trial], None]
) -> list[int]:
    """Try the starting set, then neighbours of the front, until `budget` seconds are over.

    What runs when the budget ends is cancelled; a trial that has a first point keeps it.
    Returns the numbers of all trials started.
    """
    deadline = time.monotonic() + budget
    recipes = starting_set(study)
    numbers: list[int] = []
    while recipes and time.monotonic() < deadline:
        new = [study.add(recipe, "local", origin="explore", again=True) for recipe in recipes]
        numbers += new
        queue.run_all(study, new, on_change, seconds=deadline - time.monotonic())
        trials = study.trials_of(numbers)
        tried = {trial.recipe for trial in trials}
        best = [trial for trial in trials if trial.number in front_of(trials)]
        near = [recipe for trial in best for recipe in neighbours(trial.recipe)]
        recipes = list(dict.fromkeys(r for r in near if r not in tried))[:_NEIGHBOURS_PER_ROUND]
    return numbers
