"""ncnn: Tencent's engine for phones, on this CPU."""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from optim.names import legible
from optim.part import Start
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Lacks, Run

PARAM, WEIGHTS, SHAPES = "model.ncnn.param", "model.ncnn.bin", "shapes.npz"
_VERSION = "1.0.20261020"
_LOSSLESS = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
"""Options that are switched off: they store or compute in 16 bits unasked."""


class Ncnn(Compiling):
    """ncnn's interpreter, the model converted by pnnx with weights in 32 bits."""

    name: ClassVar[str] = "ncnn"
    title: ClassVar[str] = "ncnn"
    summary: ClassVar[str] = (
        "Runs the model as many phones do, as a .param and a .bin file in Tencent's ncnn."
    )
    helps: ClassVar[str] = (
        "Convolutional networks on small devices: the engine is small, needs no other library and "
        "converts within a second. Its convolutions are good on Arm."
    )
    hurts: ClassVar[str] = (
        "It knows the operators of networks for pictures and series, one sample at a time and "
        "float inputs alone; what it has not is refused by name."
    )
    packages: ClassVar[tuple[str, ...]] = ("ncnn", "pnnx")
    requirements: ClassVar[tuple[str, ...]] = (
        f"ncnn=={_VERSION}",
        "pnnx==20261020",
        "portalocker==3.2.0",
    )
    requirements_mb: ClassVar[float] = 113
    artefacts: ClassVar[tuple[str, ...]] = (PARAM, WEIGHTS, SHAPES)
    starts_programs: ClassVar[bool] = True  # pnnx
    float_inputs: ClassVar[bool] = True
    starts: ClassVar[tuple[Start, ...]] = (Start("ncnn", 18),)

    def compile(self, path: Path, folder: Path) -> None:
        """Write ncnn's two files and the outputs' shapes: ncnn gives them without a batch."""
        import numpy as np
        import onnx
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path))
        feeds = _zeros(session)
        with TemporaryDirectory() as made:  # pnnx leaves much beside the model
            onnx.save(onnx.load(str(path)), Path(made, "model.onnx"))
            _convert(Path(made), [one.shape for one in feeds.values()])
            if foreign := _not_its_own(Path(made, PARAM).read_text()):
                raise Lacks(f"it has no {', '.join(map(legible, foreign[:5]))}")
            for name in (PARAM, WEIGHTS):
                shutil.copyfile(Path(made, name), folder / name)
        np.savez(folder / SHAPES, *(one.shape for one in session.run(None, feeds)))

    def load(self, folder: Path) -> Run:
        """The files in ncnn, computing in 32 bits."""
        import ncnn
        import numpy as np

        with np.load(folder / SHAPES) as kept:
            shapes = [tuple(kept[name]) for name in kept.files]
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        for option in _LOSSLESS:
            setattr(net.opt, option, False)
        if net.load_param(str(folder / PARAM)) or net.load_model(str(folder / WEIGHTS)):
            raise Lacks("it does not load what its own converter has made of it")

        def run(arrays):  # type: ignore[no-untyped-def]
            at = net.create_extractor()
            for place, one in enumerate(arrays):
                at.input(f"in{place}", ncnn.Mat(one[0]).clone())
            found = [at.extract(f"out{place}")[1] for place in range(len(shapes))]
            return [np.array(one).reshape(shape) for one, shape in zip(found, shapes, strict=True)]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"ncnn {_VERSION}"}

    def script(self) -> str:
        """The files in ncnn."""
        return f"""\
{SCRIPT_NAMES}
import ncnn
import numpy as np

with np.load(compiled / "{SHAPES}") as kept:
    shapes = [tuple(kept[name]) for name in kept.files]
net = ncnn.Net()
net.opt.num_threads = {self.threads}
for option in {_LOSSLESS}:
    setattr(net.opt, option, False)
if net.load_param(str(compiled / "{PARAM}")) or net.load_model(str(compiled / "{WEIGHTS}")):
    raise SystemExit("ncnn does not load these files")


def call(arrays):
    at = net.create_extractor()
    for place, one in enumerate(arrays):
        at.input(f"in{{place}}", ncnn.Mat(one[0]).clone())
    found = [at.extract(f"out{{place}}")[1] for place in range(len(shapes))]
    return [np.array(one).reshape(shape) for one, shape in zip(found, shapes)]
{SCRIPT_RUN}"""


def _convert(folder: Path, shapes: list[tuple[int, ...]]) -> None:
    """Have pnnx make ncnn's files of the `model.onnx` in a folder."""
    import pnnx

    sizes = ",".join(f"[{','.join(map(str, shape))}]f32" for shape in shapes)
    command = [pnnx.EXEC_PATH, "model.onnx", f"inputshape={sizes}", "fp16=0", "device=cpu"]
    subprocess.run(command, capture_output=True, check=True, cwd=folder)


def _zeros(session: Any) -> dict[str, Any]:
    """Inputs of zeros. Raises Lacks for what ncnn does not take."""
    import numpy as np

    for one in session.get_inputs():
        if one.type != "tensor(float)":
            raise Lacks(f"its inputs are floats, and {legible(one.name)} is none")
        if one.shape[:1] != [1]:
            raise Lacks(f"it takes one sample at a time, and {legible(one.name)} is {one.shape}")
    return {one.name: np.zeros(one.shape, np.float32) for one in session.get_inputs()}


def _not_its_own(param: str) -> list[str]:
    """The operators that pnnx left as they were: ncnn's are written without dots."""
    kinds = re.findall(r"^(\S+)\s+\S+\s+\d+ \d+", param, re.M)
    return list(dict.fromkeys(kind for kind in kinds if "." in kind or "::" in kind))
