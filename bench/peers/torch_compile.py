"""torch.compile (Inductor) on the ONNX file brought back to torch by onnx2torch."""

from bench.peers.task import Task

ABOUT = "torch.compile (Inductor) on one thread, in float; the ONNX file read by onnx2torch"
REQUIREMENTS = ("torch==2.13.0", "onnx2torch==1.5.15", "setuptools")


def choose(task: Task) -> None:
    """As it comes, then with its search over kernels if there is time."""
    task.consider("torch", task.model, "as it comes")
    task.consider("torch", task.model, "max-autotune", {"mode": "max-autotune-no-cudagraphs"})
