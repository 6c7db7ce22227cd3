"""PyTorch on an NVIDIA GPU: eager, as a CUDA graph, or compiled by TorchInductor."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from optim.part import Precision, Searched, Start
from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run
from optim.runtimes.support.on_gpu import OnGpu, gpu_facts

FILE = "model.pt2"
_HALF = {"f16": "float16", "bf16": "bfloat16"}
_WARM_UP = 3


class TorchCuda(OnGpu, Compiling):
    """PyTorch's kernels on the GPU; recorded once and started together unless `how` is eager."""

    name: ClassVar[str] = "torch_cuda"
    title: ClassVar[str] = "PyTorch on CUDA"
    summary: ClassVar[str] = (
        "Runs the model in PyTorch on an NVIDIA GPU: operator by operator, as one CUDA graph, or "
        "compiled by TorchInductor into a CUDA graph of Triton kernels."
    )
    helps: ClassVar[str] = (
        "`inductor` fuses what lies between the products, `f16` and `bf16` use tensor cores: "
        "together often the fastest that a GPU has without TensorRT."
    )
    hurts: ClassVar[str] = (
        "Eager pays some microseconds for every operator. Compiling takes from ten seconds to "
        "minutes in every process that opens the model. Half precision may overflow."
    )
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)
    starts_programs: ClassVar[bool] = True
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("precision", ("tf32", "bf16")),
        Searched("max_autotune", (True,)),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("torch_cuda:how=inductor,precision=f16", 8, lambda here: here.has_products),
    )

    how: Literal["eager", "cuda_graph", "inductor"] = Field(
        default="cuda_graph", description="How the operators are started."
    )
    precision: Literal["f32", "tf32", "f16", "bf16"] = Field(
        default="f32", description="Arithmetic: tf32 of the products alone, f16 and bf16 of all."
    )
    max_autotune: bool = Field(
        default=False, description="inductor: try several kernels of each product; minutes."
    )

    @property
    def lowers_to(self) -> Precision:
        """Floats of 16 bits, where asked for."""
        return {"f16": "fp16", "bf16": "bf16"}.get(self.precision, "")  # type: ignore[return-value]

    def compile(self, path: Path, folder: Path) -> None:
        """Write the graph down."""
        self.check_usable()
        import torch

        from optim.runtimes.support.torch_graph import exported

        _keep_kernels_in(folder)
        torch.export.save(exported(path, self), folder / FILE)

    def load(self, folder: Path) -> Run:
        """The graph on the GPU, warmed up and recorded."""
        import torch
        from torch.export.passes import move_to_device_pass

        _keep_kernels_in(folder)
        program = move_to_device_pass(torch.export.load(folder / FILE), "cuda")
        return on_cuda(program.module(), self.how, self.precision, self.max_autotune)

    def facts(self) -> dict[str, str]:
        """The versions, and the device."""
        import torch

        engine = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
        return {"engine": engine, "precision": self.precision, **gpu_facts()}

    def script(self) -> str:
        """The same in few lines: eager or compiled, without a graph of its own."""
        half = _HALF.get(self.precision)
        compiled = 'net = torch.compile(net, mode="max-autotune")\n' if self.how != "eager" else ""
        cast = f".to(torch.{half})" if half else ""
        return f"""\
{SCRIPT_NAMES}
import torch
from torch.export.passes import move_to_device_pass

torch.set_float32_matmul_precision("{"high" if self.precision == "tf32" else "highest"}")
program = move_to_device_pass(torch.export.load(MODEL.with_name("{FILE}")), "cuda")
net = program.module(){cast}
{compiled}

def call(arrays):
    with torch.inference_mode():
        given = [torch.from_numpy(array).cuda() for array in arrays]
        given = [one{cast} if one.is_floating_point() else one for one in given]
        found = net(*given)
        return [one.float().cpu().numpy() if one.is_floating_point() else one.cpu().numpy()
                for one in found]
{SCRIPT_RUN}"""


def _keep_kernels_in(folder: Path) -> None:
    """Where PyTorch and Triton put what they compile; a child can write nowhere else."""
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "2"  # each is a process that imports PyTorch
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    os.environ["TRITON_CACHE_DIR"] = str(folder / "triton")


def on_cuda(module: Any, how: str, precision: str, max_autotune: bool) -> Run:
    """A module of torch.export as a function of arrays, with the copies to the device and back."""
    import torch

    _set_tf32(torch, precision == "tf32")
    half = getattr(torch, _HALF[precision]) if precision in _HALF else None
    net = module.to("cuda")
    net = net.to(half) if half else net
    if how == "inductor":
        net = torch.compile(net, mode="max-autotune-no-cudagraphs" if max_autotune else "default")
    recorded: list[Any] = []

    def run(arrays: Sequence[Any]) -> list[Any]:
        with torch.inference_mode():
            if not recorded:
                recorded.append(_Recorded(torch, net, arrays, half, graph=how != "eager"))
            return recorded[0](arrays)  # type: ignore[no-any-return]

    return run


def _set_tf32(torch: Any, on: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on


class _Recorded:
    """Runs of one shape: inputs in places that stay, kernels recorded as a CUDA graph."""

    def __init__(self, torch: Any, net: Any, arrays: Sequence[Any], half: Any, graph: bool) -> None:
        self._torch, self._half = torch, half
        self._hosts = [torch.from_numpy(array).clone().pin_memory() for array in arrays]
        self._given = [self._cast(one).to("cuda") for one in self._hosts]
        self._net = net
        self._graph = self._captured() if graph else None

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        for place, host, array in zip(self._given, self._hosts, arrays, strict=True):
            host.copy_(self._torch.from_numpy(array))
            place.copy_(host, non_blocking=True)
        if self._graph:
            self._graph.replay()
        else:
            self._found = self._net(*self._given)
        return [self._host(one) for one in self._found]

    def _cast(self, one: Any) -> Any:
        return one.to(self._half) if self._half and one.is_floating_point() else one

    def _host(self, one: Any) -> Any:
        plain = one.float() if one.is_floating_point() else one
        return plain.cpu().numpy()

    def _captured(self) -> Any:
        cuda = self._torch.cuda
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(_WARM_UP):
                self._net(*self._given)
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            self._found = self._net(*self._given)
        return graph
