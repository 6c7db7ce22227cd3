"""Compilers that people ask for and that are no runtime here: what became of each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Elsewhere:
    """A compiler that this program does not run. `source` is where its state is to be read."""

    title: str
    became: str
    instead: str
    source: str


ELSEWHERE = (
    Elsewhere(
        "Glow",
        "Given up by its makers (Meta): they weighed ending it in September 2023, hardly "
        "maintained it by May 2024 and have archived it since. There is no package of it.",
        "`inductor`, `tvm` and `iree` compile the same models ahead of time.",
        "https://github.com/pytorch/glow/issues/6135",
    ),
    Elsewhere(
        "SageMaker Neo",
        "A cloud service of AWS, no library. It can still be asked, but for ONNX its documentation "
        "ends at version 1.7 (2020, opset 12), and SageMaker Edge Manager, which brought its "
        "results to devices, ended in April 2024.",
        "Export with the deployment `sagemaker_neo` writes the requests to compile. `tvm`, "
        "the compiler that it grew from, runs here.",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/neo-supported-cloud.html",
    ),
)
