"""How the command line shows trials: records for machines, aligned text for people."""

from collections.abc import Sequence
from typing import Any

from optim.metrics.base import find_metric
from optim.studies.trial import Trial


def record(trial: Trial) -> dict[str, Any]:
    """One trial as plain JSON values. Latency in ms, sizes in bytes, memory in MB.

    `kind` tells measured from estimated; figures that do not exist are null.
    """
    summary, quality, estimate = trial.summary, trial.quality, trial.estimate
    row: dict[str, Any] = {
        "recipe": trial.recipe.spelling,
        "target": trial.target,
        "kind": "estimated" if estimate else "measured",
        "status": trial.state,
        "p50_ms": None,
        "p50_ci": None,
        "speedup": None,
        "speedup_ci": None,
        "quality": quality.value if quality else None,
        "quality_baseline": quality.baseline_value if quality else None,
        "quality_verdict": quality.verdict if quality else None,
        "size_bytes": trial.size_bytes,
        "warnings": [warning.model_dump() for warning in trial.warnings],
        "error": trial.error or None,
    }
    if summary:
        row |= {
            "p50_ms": summary.p50_ms.value,
            "p50_ci": [summary.p50_ms.low, summary.p50_ms.high],
            "speedup": summary.speedup.value,
            "speedup_ci": [summary.speedup.low, summary.speedup.high],
            "thread_gain": summary.thread_gain.model_dump() if summary.thread_gain else None,
            "percentiles_ms": {name: value.value for name, value in summary.percentiles.items()},
            "throughput_per_s": summary.throughput_per_s,
            "load_ms": summary.load_ms,
            "first_run_ms": summary.first_run_ms,
            "peak_memory_mb": summary.peak_memory_mb,
            "runs": summary.runs,
            "processes": summary.processes,
        }
    if quality:
        row |= {
            "quality_metric": quality.metric,
            "quality_difference": quality.difference,
            "quality_difference_ci": list(quality.difference_ci),
            "quality_samples": quality.n,
            "fidelity": quality.fidelity.model_dump(),
        }
    if estimate:
        row |= {"p50_ms": estimate.value, "p50_ci": [estimate.low, estimate.high]}
    return row


def trial_table(trials: Sequence[Trial], on_front: frozenset[int] = frozenset()) -> str:
    """Trials as aligned text; `*` marks the front."""
    quality = next((t.quality for t in trials if t.quality), None)
    name = find_metric(quality.metric).title if quality else "quality"
    header = ["", "p50 ms", "speed-up (95 %)", name, "verdict", "MB", "recipe"]
    return align([header, *(_cells(trial, on_front) for trial in trials)])


def _cells(trial: Trial, on_front: frozenset[int]) -> list[str]:
    row = record(trial)
    latency = "-" if row["p50_ms"] is None else f"{row['p50_ms']:.3f}"
    if row["kind"] == "estimated" and row["p50_ms"] is not None:
        low, high = row["p50_ci"]
        latency = f"~{row['p50_ms']:.3f} ({low:.3f} to {high:.3f}, estimate)"
    speedup = "-"
    if row["speedup"] is not None:
        low, high = row["speedup_ci"]
        speedup = f"{row['speedup']:.2f}x ({low:.2f} to {high:.2f})"
    return [
        "*" if trial.number in on_front else "",
        latency,
        speedup,
        "-" if row["quality"] is None else f"{row['quality']:.4f}",
        row["error"] or row["quality_verdict"] or row["status"],
        "-" if not row["size_bytes"] else f"{row['size_bytes'] / 1e6:.2f}",
        row["recipe"],
    ]


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as columns of text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
