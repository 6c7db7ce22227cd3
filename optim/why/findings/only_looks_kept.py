"""Half precision that a CPU computes in fp32: overflow and rounding of real fp16 do not show."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.halved import halved
from optim.why.saying import does, many, named


def find(seen: Evidence) -> Iterator[Finding]:
    """Products whose tensors are fp16 in the graph and not when they run."""
    half, done = halved(seen, "fp16")
    if not half:
        return
    yield Finding(
        concerns="trust",
        nodes=half,
        text=f"{many(half, 'node')} {does(half, 'are')} in fp16 by the graph ({named(half)}), but "
        f"this CPU computes them in {done}, between casts. The quality measured here is that of "
        "fp32 arithmetic on rounded weights: on hardware that computes in fp16, sums can overflow "
        "beyond 65,504 and answers may differ.",
        advice="Judge the quality on the hardware that it is meant for. On this CPU fp16 saves "
        "memory only; bf16 on OpenVINO is the half precision that CPUs have instructions for.",
    )
