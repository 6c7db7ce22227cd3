"""Trials made of given figures, without a model or a store."""

from optim.findings import Interval
from optim.judging.fidelity import Fidelity
from optim.judging.quality import Quality
from optim.recipe import Recipe
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.targets.estimate import Estimate
from optim.timing.measurement import Summary

METRIC, ORIGINAL = "top1", 0.9


def around(value: float, share: float = 0.01) -> Interval:
    """A value that is known to within a share of it."""
    return Interval(value=value, low=value * (1 - share), high=value * (1 + share))


def summary(p50: float, speedup: float, **more: object) -> Summary:
    """A measurement of which everything is known."""
    given: dict[str, object] = {
        "p50_ms": around(p50),
        "percentiles": {name: around(p50) for name in ("p50", "p90", "p95", "p99")},
        "throughput_per_s": 1e3 / p50,
        "speedup": around(speedup),
        "thread_gain": around(1.5),
        "baseline_p50_ms": p50 * speedup,
        "load_ms": 12.5,
        "first_run_ms": 3.25,
        "peak_memory_mb": 40.5,
        "runs": 4321,
        "processes": 5,
        "provisional": False,
    }
    threads = given["thread_gain"] if "thread_gain" not in more else more["thread_gain"]
    brought = threads.value if isinstance(threads, Interval) else 1.0
    return Summary.model_validate({"gain": around(speedup * brought)} | given | more)


def quality(value: float, reach: float = 0.001, n: int = 1000) -> Quality:
    """Judged against an original whose score is ORIGINAL."""
    difference = value - ORIGINAL
    return Quality(
        metric=METRIC,
        value=value,
        baseline_value=ORIGINAL,
        difference=difference,
        difference_ci=(difference - reach, difference + reach),
        p_value=0.5,
        n=n,
        labelled=True,
        complete=True,
        fidelity=Fidelity(top1_agreement=0.99, cosine=0.999, sqnr_db=30.0, max_error=0.5),
        collapsed=False,
        verdict="No loss is seen.",
    )


def trial(
    number: int,
    timed: Summary | Estimate | None = None,
    judged: Quality | None = None,
    recipe: str = "onnxruntime",
    target: str = LOCAL,
) -> Trial:
    """A trial that is done; with a Summary measured, with an Estimate estimated."""
    return Trial(
        number=number,
        recipe=Recipe.parse(recipe),
        recipe_digest=f"{number:064d}",
        target=target,
        state="done",
        created="2026-01-01",
        size_bytes=4_366_655,
        summary=timed if isinstance(timed, Summary) else None,
        estimate=timed if isinstance(timed, Estimate) else None,
        quality=judged,
    )


def estimated(
    number: int, ms: float, target: str = "nvidia_t4", score: float = ORIGINAL, reach: float = 0.001
) -> Trial:
    """An estimate whose interval reaches from 0.7 to 1.4 of it."""
    guess = Estimate(target=target, value=ms, low=0.7 * ms, high=1.4 * ms, bound_by={"memory": 1.0})
    return trial(number, guess, quality(score, reach), target=target)


def measured(number: int, p50: float, speedup: float, score: float = ORIGINAL) -> Trial:
    """A trial that was timed and judged."""
    one_thread = summary(p50, speedup, thread_gain=None)
    return trial(number, one_thread, quality(score), recipe=f"onnxruntime:threads={number + 1}")


def disagreeing() -> list[Trial]:
    """Trials whose times in ms say another front than their speed-ups do.

    1 was timed in a slow minute, as its original was: of the pairs it is the faster by far, though
    2 took fewer ms. 3 is slower than both and as good as 0; 4 loses much and gains most. 5 and 6
    are estimates, which are compared among themselves.
    """
    return [
        measured(0, 2.0, 1.0),
        measured(1, 1.2, 2.0),
        measured(2, 1.0, 1.5),
        measured(3, 1.6, 1.25, 0.9),
        measured(4, 0.5, 4.0, 0.5),
        estimated(5, 0.1),
        estimated(6, 0.9),
    ]
