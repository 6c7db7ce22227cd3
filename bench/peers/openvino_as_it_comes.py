"""OpenVINO as it comes: the model compiled with no setting but the number of threads."""

from bench.peers.task import Task

ABOUT = "OpenVINO as it comes, on one thread (it computes in bf16 where the CPU has it)"
REQUIREMENTS = ("openvino==2026.4.1",)


def choose(task: Task) -> None:
    """There is nothing to choose."""
    task.offer("openvino", task.model, "as it comes")
