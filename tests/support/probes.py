"""Probes of machines that there are none of: with what precisions bring given."""

from collections.abc import Mapping

from optim.probing import Probe, Row

NS = 1_000_000


def made_up(
    gains: Mapping[tuple[str, str, str], float], overflows: Mapping[str, tuple[str, ...]] = {}
) -> Probe:
    """Args:
    gains: (runtime, operation, precision) -> speed relative to fp32 on ONNX Runtime.
    """
    rows = tuple(
        row(runtime, operation, precision, gain)
        for (runtime, operation, precision), gain in gains.items()
    )
    return Probe.model_validate(
        {
            "date": "2026-11-25T12:00:00+00:00",
            "machine_id": "0" * 12,
            "cpu": "A CPU",
            "cores": 2,
            "versions": {"onnxruntime": "1", "openvino": "2"},
            "rows": rows,
            "overflows": {"onnxruntime": (), "openvino": ()} | dict(overflows),
            "seconds": 15.0,
        }
    )


def row(runtime: str, operation: str, precision: str, gain: float, **more: object) -> Row:
    """Five rounds of a block that took 1 ms in fp32."""
    steady = (NS - 1000, NS, NS + 1000, NS - 500, NS + 500)
    given: dict[str, object] = {
        "runtime": runtime,
        "operation": operation,
        "precision": precision,
        "size": "some",
        "work": 1e8,
        "rounds": tuple(round(time / gain) for time in steady),
        "reference": steady,
    }
    return Row.model_validate(given | more)
