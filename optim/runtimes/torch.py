"""PyTorch, operator by operator (eager)."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.pt2"
_CHANNELS_LAST = """\
for weight in (*net.parameters(), *net.buffers()):
    if weight.ndim == 4:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
"""


class Torch(Compiling):
    """PyTorch's own operators one after the other, as `torch.export` has written them down."""

    name: ClassVar[str] = "torch"
    title: ClassVar[str] = "PyTorch eager"
    summary: ClassVar[str] = (
        "Runs the model operator by operator in PyTorch, as most programs do that were never "
        "optimized: what a compiler's gain is usually told against."
    )
    helps: ClassVar[str] = (
        "To see what leaving PyTorch brings. It fuses nothing. `nhwc` can pay for networks of "
        "convolutions."
    )
    hurts: ClassVar[str] = (
        "Every operator costs some microseconds of dispatch, which small models feel most. It "
        "takes float models of common operators; what it has not is refused by name."
    )
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    compiles_alike: ClassVar[bool] = True
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)

    layout: Literal["nchw", "nhwc"] = Field(
        default="nchw",
        description="Order of the weights of convolutions in memory, which their results take "
        "over: nhwc has channels last (PyTorch's channels_last), nchw as the model has them.",
    )

    def compile(self, path: Path, folder: Path) -> None:
        """Write the graph down."""
        import torch

        from optim.runtimes.support.torch_graph import exported

        torch.export.save(exported(path, self), folder / FILE)

    def load(self, folder: Path) -> Run:
        """The graph as a module."""
        import torch

        torch.set_num_threads(self.threads)
        net = torch.export.load(folder / FILE).module()
        if self.layout == "nhwc":
            _channels_last(net)

        def run(arrays):  # type: ignore[no-untyped-def]
            with torch.inference_mode():
                return [one.numpy() for one in net(*map(torch.from_numpy, arrays))]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        import torch

        return {"engine": f"PyTorch {torch.__version__}"}

    def script(self) -> str:
        """The same, written out."""
        return f"""\
{SCRIPT_NAMES}
import torch

torch.set_num_threads({self.threads})
net = torch.export.load(compiled / "{FILE}").module()
{_CHANNELS_LAST if self.layout == "nhwc" else ""}

def call(arrays):
    with torch.inference_mode():
        return [one.numpy() for one in net(*map(torch.from_numpy, arrays))]
{SCRIPT_RUN}"""


def _channels_last(net: Any) -> None:
    """Weights of four axes in that order; `to` of a whole module fails where one has five."""
    import torch

    for weight in (*net.parameters(), *net.buffers()):
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
