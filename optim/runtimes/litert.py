"""LiteRT, once TensorFlow Lite: the engine of phones and small boards, on this CPU (XNNPACK)."""

from pathlib import Path
from typing import ClassVar

from optim.part import Start
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.tflite"
_VERSION = "2.3.0"


class LiteRt(Compiling):
    """LiteRT's interpreter with XNNPACK, the model converted by litert-torch."""

    name: ClassVar[str] = "litert"
    title: ClassVar[str] = "LiteRT"
    summary: ClassVar[str] = (
        "Runs the model as phones do, as a .tflite file in Google's LiteRT (once TensorFlow Lite)."
    )
    helps: ClassVar[str] = (
        "To see what a phone's engine makes of a model, and to take away its .tflite file. "
        "Convolutions run on XNNPACK, which is good on Arm. A call of it costs little: very small "
        "networks took half of ONNX Runtime's time."
    )
    hurts: ClassVar[str] = (
        "Larger models are slower on server CPUs than with others. Recurrent layers are unrolled: "
        "they convert slowly and run slowly. It takes float models of common operators."
    )
    packages: ClassVar[tuple[str, ...]] = ("ai_edge_litert", "litert_torch")
    requirements: ClassVar[tuple[str, ...]] = (
        f"ai-edge-litert=={_VERSION}",
        "backports.strenum==1.2.8",
        "litert-torch==0.10.0",
        "ai-edge-quantizer==0.10.0",
        "litert-converter==0.5.0",
        "jax==0.10.2",
        "jaxlib==0.10.2",
        "opt_einsum==3.4.0",
        "xdsl==0.28.0",
        "ordered-set==4.1.0",
        "absl-py==2.5.1",
        "fire==0.7.1",
        "jaxtyping==0.3.11",
        "multipledispatch==1.0.0",
        "immutabledict==4.2.1",
        "torchao==0.18.0",
    )
    requirements_mb: ClassVar[float] = 758
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts: ClassVar[tuple[Start, ...]] = (Start("litert", 15),)

    def compile(self, path: Path, folder: Path) -> None:
        """Write a .tflite file."""
        import litert_torch

        from optim.runtimes.support.torch_graph import exported

        program = exported(path, self)
        litert_torch.convert(program.module(), program.example_inputs[0]).export(str(folder / FILE))

    def load(self, folder: Path) -> Run:
        """The file in the interpreter."""
        from ai_edge_litert.interpreter import Interpreter

        engine = Interpreter(str(folder / FILE), num_threads=self.threads)
        entry = engine.get_signature_runner()
        details = entry.get_input_details()  # of 32-bit integers where the model's have 64
        inputs = [(name, details[name]["dtype"]) for name in sorted(details, key=_number)]
        outputs = sorted(entry.get_output_details(), key=_number)

        def run(arrays):  # type: ignore[no-untyped-def]
            given = zip(inputs, arrays, strict=True)
            found = entry(**{name: one.astype(kind, copy=False) for (name, kind), one in given})
            return [found[name] for name in outputs]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"LiteRT {_VERSION}"}

    def script(self) -> str:
        """The file in the interpreter."""
        return f"""\
{SCRIPT_NAMES}
from ai_edge_litert.interpreter import Interpreter


def number(name):
    return int(name.rpartition("_")[2])


engine = Interpreter(str(compiled / "{FILE}"), num_threads={self.threads})
entry = engine.get_signature_runner()
details = entry.get_input_details()
inputs = [(name, details[name]["dtype"]) for name in sorted(details, key=number)]
outputs = sorted(entry.get_output_details(), key=number)


def call(arrays):
    given = zip(inputs, arrays)
    found = entry(**{{name: one.astype(kind, copy=False) for (name, kind), one in given}})
    return [found[name] for name in outputs]
{SCRIPT_RUN}"""


def _number(name: str) -> int:
    """Of `args_0`, `output_1`: the converter numbers them in order."""
    return int(name.rpartition("_")[2])
