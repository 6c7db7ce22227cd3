"""Which recipes to try: a small starting set for any model, and the neighbours of what did well."""

from collections.abc import Iterable, Mapping

from optim.recipe import Recipe

_MATMULS = frozenset({"MatMul", "Gemm", "Attention"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_START_SIZE = 9


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
    has_matmul = bool(_MATMULS & ops.keys())
    recurrent = bool(_RECURRENT & ops.keys())
    transformer = has_matmul and ops.get("Softmax", 0) > 0
    wanted = [
        ("onnxruntime", True),
        ("openvino", True),
        ("openvino:precision=bf16", bool(_BF16_FLAGS & set(flags))),
        ("fuse_transformer + onnxruntime", transformer),
        ("static_int8 + onnxruntime", has_conv or has_matmul),
        ("static_int8 + openvino", has_conv or has_matmul),
        ("dynamic_int8 + onnxruntime", (has_matmul or recurrent) and not has_conv),
        ("weight_only:bits=8 + onnxruntime", has_matmul and not has_conv),
        ("simplify + onnxruntime", not transformer),
        ("magnitude_prune + openvino", True),
        ("onnxruntime:threads=2", cores > 1),
    ]
    return [Recipe.parse(text) for text, fits in wanted if fits][:_START_SIZE]


def neighbours(recipe: Recipe) -> list[Recipe]:
    """Recipes one step from this one: another calibration, range, engine setting or engine."""
    if recipe.is_baseline:
        return [Recipe.parse("fp16 + openvino"), Recipe.parse("onnxruntime:graph=extended")]
    spellings = [part.spelling for part in recipe.passes]
    changed = [
        [*spellings[:-1], other, recipe.runtime.spelling]
        for other in _variants(spellings[-1] if spellings else "")
    ]
    if "simplify" not in {part.name for part in recipe.passes}:
        changed.append(["simplify", *spellings, recipe.runtime.spelling])
    return [Recipe.parse(" + ".join(parts)) for parts in changed]


def _variants(spelling: str) -> list[str]:
    match spelling.partition(":")[0]:
        case "static_int8":
            return ["static_int8:calibration=entropy", "static_int8:calibration=percentile"]
        case "magnitude_prune":
            return ["magnitude_prune:sparsity=0.3"]
        case "weight_only":
            return ["weight_only:bits=4"]
        case _:
            return []
