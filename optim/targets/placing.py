"""Where the trial of a recipe on a target stands, and by which engine it runs there."""

from optim.errors import InputError
from optim.recipe import Recipe
from optim.runtimes.base import BASELINE_RUNTIME, all_runtimes
from optim.runtimes.support.on_gpu import OnGpu
from optim.targets import CUDA, LOCAL, find_target


def placed(recipe: Recipe, target: str) -> Recipe:
    """The recipe as it runs on a target.

    This machine's GPU is part of this machine, where engines that use it are measured beside all
    others. Chosen as target it takes them as they are; ONNX Runtime on the CPU becomes ONNX Runtime
    on CUDA, which is the same engine with the same graph.

    Raises: InputError for an unknown target, or an engine that computes on the CPU only.
    """
    find_target(target)
    if target != CUDA or isinstance(recipe.runtime, OnGpu):
        return recipe
    if recipe.runtime.name != BASELINE_RUNTIME:
        on_gpu = [name for name, kind in all_runtimes().items() if issubclass(kind, OnGpu)]
        raise InputError(
            f"{recipe.runtime.title} computes on the CPU, not on a GPU.",
            f"Take one of the runtimes {', '.join(on_gpu)}.",
            "target",
        )
    return Recipe(passes=recipe.passes, runtime=all_runtimes()[CUDA]())


def stands_under(target: str) -> str:
    """The target that trials are listed under. Raises InputError for an unknown one."""
    return LOCAL if find_target(target).name == CUDA else target
