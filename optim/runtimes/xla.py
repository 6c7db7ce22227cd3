"""XLA, the compiler of JAX and TensorFlow, through JAX."""

from pathlib import Path
from typing import Any, ClassVar

from optim.runtimes.support.compiling import SCRIPT_NAMES, SCRIPT_RUN, Compiling, Run

FILE = "model.stablehlo"
_VERSION = "0.10.2"


class Xla(Compiling):
    """JAX's export of the model (StableHLO), compiled by XLA when it is loaded."""

    name: ClassVar[str] = "xla"
    title: ClassVar[str] = "XLA (JAX)"
    summary: ClassVar[str] = "Compiles the whole model with XLA, the compiler behind JAX."
    helps: ClassVar[str] = "Models of many small operators, which it fuses into few loops."
    hurts: ClassVar[str] = (
        "It is made for TPUs and GPUs first: on CPUs libraries made for them are mostly faster. "
        "It compiles at every start. It takes float models of common operators."
    )
    packages: ClassVar[tuple[str, ...]] = ("jax",)
    requirements: ClassVar[tuple[str, ...]] = (
        f"jax=={_VERSION}",
        f"jaxlib=={_VERSION}",
        "opt_einsum==3.4.0",
        "torchax==0.0.13",
    )
    requirements_mb: ClassVar[float] = 371
    artefacts: ClassVar[tuple[str, ...]] = (FILE,)

    def compile(self, path: Path, folder: Path) -> None:
        """Write the model as StableHLO with its weights."""
        import jax

        from optim.runtimes.support.torch_graph import exported

        jax.config.update("jax_enable_x64", True)
        program = exported(path, self)
        weights, function = _in_jax(program)
        kinds = [
            jax.ShapeDtypeStruct(tuple(one.shape), str(one.dtype).removeprefix("torch."))
            for one in program.example_inputs[0]
        ]
        whole = jax.jit(lambda *given: function(weights, given))
        (folder / FILE).write_bytes(jax.export.export(whole)(*kinds).serialize())

    def load(self, folder: Path) -> Run:
        """The file, compiled for this CPU."""
        import jax
        import numpy as np

        jax.config.update("jax_enable_x64", True)
        net = jax.export.deserialize(bytearray((folder / FILE).read_bytes()))
        zeros = [np.zeros(one.shape, one.dtype) for one in net.in_avals]
        entry = jax.jit(net.call).lower(*zeros).compile()

        def run(arrays):  # type: ignore[no-untyped-def]
            return [np.asarray(one) for one in entry(*arrays)]

        return run

    def facts(self) -> dict[str, str]:
        """The version."""
        return {"engine": f"XLA (JAX {_VERSION})"}

    def script(self) -> str:
        """The file, compiled."""
        return f"""\
{SCRIPT_NAMES}
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
net = jax.export.deserialize(bytearray((compiled / "{FILE}").read_bytes()))
zeros = [np.zeros(one.shape, one.dtype) for one in net.in_avals]
entry = jax.jit(net.call).lower(*zeros).compile()


def call(arrays):
    return [np.asarray(one) for one in entry(*arrays)]
{SCRIPT_RUN}"""


def _in_jax(program: Any) -> Any:
    """The program as weights and a function of JAX.

    torchax names overloads that newer versions of torch have not; none of them is used here, so
    while it is imported they are anything.
    """
    from torch._ops import OpOverloadPacket

    found = OpOverloadPacket.__getattr__

    def lenient(packet: Any, name: str) -> Any:
        try:
            return found(packet, name)
        except AttributeError:
            if name.startswith("__"):
                raise
            return object()

    OpOverloadPacket.__getattr__ = lenient
    try:
        import torchax.export
    finally:
        OpOverloadPacket.__getattr__ = found
    return torchax.export.exported_program_to_jax(program)
