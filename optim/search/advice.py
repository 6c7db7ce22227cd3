"""What is known to hurt before anything is measured: one rule each, shown beside the toggles.

The rules are expectations from measurements on x86 CPUs; the measurement of the trial decides.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from optim.findings import Caution
from optim.recipe import Recipe

MATMULS = frozenset({"MatMul", "Gemm", "Attention"})
RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


@dataclass(frozen=True)
class Setting:
    """What a rule may look at."""

    recipe: Recipe
    ops: Mapping[str, int]
    flags: frozenset[str]
    cores: int

    def has_pass(self, name: str, **settings: object) -> bool:
        """Whether the recipe has this pass, with these settings."""
        return any(
            part.name == name and all(getattr(part, k) == v for k, v in settings.items())
            for part in self.recipe.passes
        )

    def runs_on(self, runtime: str, **settings: object) -> bool:
        """Whether the recipe's runtime is this one, with these settings."""
        part = self.recipe.runtime
        return part.name == runtime and all(getattr(part, k) == v for k, v in settings.items())


Rule = Callable[[Setting], bool]

_RULES: dict[str, tuple[Rule, str]] = {
    "dynamic int8 on convolutions": (
        lambda s: s.has_pass("dynamic_int8") and "Conv" in s.ops,
        "dynamic_int8 made convolutional networks 5 to 11 times slower: its integer convolution "
        "is slow and quantizes its input on every run. Use static_int8.",
    ),
    "signed activations": (
        lambda s: s.has_pass("static_int8", activations="s8") and s.runs_on("onnxruntime"),
        "Signed activations cost ONNX Runtime most of the gain of int8 on x86: its fast kernels "
        "take unsigned ones (u8s8). Use activations=u8.",
    ),
    "int8 on recurrent": (
        lambda s: s.has_pass("static_int8") and _recurrent_body(s.ops),
        "static_int8 leaves recurrent operators in float. Try dynamic_int8.",
    ),
    "no int8 instructions": (
        lambda s: s.has_pass("static_int8") and not s.flags & _INT8_FLAGS,
        "This CPU has no int8 dot-product instructions (VNNI, AMX): int8 gains little here.",
    ),
    "fp16 on a CPU": (
        lambda s: s.has_pass("fp16") and s.runs_on("onnxruntime"),
        "ONNX Runtime has few fp16 kernels on x86 CPUs: it casts back to float32 around every "
        "operator, which is slower. The file halves.",
    ),
    "no bf16 instructions": (
        lambda s: s.runs_on("openvino", precision="bf16") and not s.flags & BF16_FLAGS,
        "This CPU has no bf16 instructions: OpenVINO will run in f32.",
    ),
    "recurrent on OpenVINO": (
        lambda s: s.runs_on("openvino") and bool(RECURRENT & s.ops.keys()),
        "Recurrent models gain little or nothing from OpenVINO.",
    ),
    "zeros in a dense engine": (
        lambda s: s.has_pass("magnitude_prune"),
        "Neither engine skips zero weights: expect a smaller compressed file and some quality "
        "loss, no speed.",
    ),
    "weights only": (
        lambda s: s.has_pass("weight_only") and not MATMULS & s.ops.keys(),
        "weight_only changes MatMul weights, and this model has none.",
    ),
    "more threads than cores": (
        lambda s: s.recipe.runtime.threads > s.cores,
        "There are more threads than cores: they will wait for each other.",
    ),
}


def advise(
    recipe: Recipe, ops: Mapping[str, int], flags: Iterable[str], cores: int
) -> tuple[Caution, ...]:
    """Warnings for a recipe on a model with these operators and a CPU with these features.

    Args:
        ops: how many nodes of each operator the original model has.
        flags: the CPU's instruction sets, as `/proc/cpuinfo` names them.
        cores: how many cores may be used.
    """
    setting = Setting(recipe, ops, frozenset(flags), cores)
    return tuple(
        Caution(code=code, text=text) for code, (rule, text) in _RULES.items() if rule(setting)
    )


def _recurrent_body(ops: Mapping[str, int]) -> bool:
    """Whether recurrent operators do the work; a head of one or two Gemm is common."""
    return bool(RECURRENT & ops.keys()) and "Conv" not in ops
