"""Two recipes on one sample: timed side by side, and judged."""

from collections.abc import Callable
from math import hypot
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from optim.build import built
from optim.errors import InputError
from optim.findings import Interval
from optim.judging.quality import Extent, Quality, quality_of
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Bars, Figure, Outcome, Tell, exact, here, never, silent
from optim.learning.sample import Opened, opened
from optim.learning.together import Runner, together
from optim.metrics.base import find_metric
from optim.model import Model
from optim.recipe import Recipe
from optim.showing import text
from optim.timing.measurement import Summary

_TIMING = 0.75  # of the time, about


class Recipes(Experiment):
    """Recipe `b` against recipe `a`, in the same rounds of the same processes."""

    title: ClassVar[str] = "Two recipes side by side"
    figures: ClassVar[tuple[str, ...]] = (
        *("speedup", "ms_a", "ms_b", "size", "loss", "agreement", "sqnr", "first_run", "tail"),
    )

    sample: str
    a: str = Field(default="onnxruntime", description="The recipe that is compared with.")
    b: str = Field(description="The recipe that is compared.")
    judged: int = Field(default=512, ge=16, le=100_000, description="Samples judged, at most.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for recipe in (self.a, self.b):
            try:
                Recipe.parse(recipe)
            except InputError as error:
                raise ValueError(f"{error.what} {error.next_step}") from None
        return self

    @property
    def does(self) -> str:
        if self.a == self.b:
            return f"Times `{self.a}` against itself on the sample {self.sample}."
        return (
            f"Builds `{self.a}` and `{self.b}` for the sample {self.sample}, times them in turns "
            f"in {self.processes} processes, and compares their answers."
        )

    def briefly(self) -> "Recipes":
        return self.model_copy(update={"processes": 1, "seconds": 0.05, "judged": 32})

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        tell("opening the sample", 0.0)
        of = opened(self.sample)
        recipes = [Recipe.parse(self.a), Recipe.parse(self.b)]
        models = []
        for place, recipe in enumerate(recipes):
            tell(f"building {recipe}", 0.05 + 0.05 * place)
            models.append(built(of.model, recipe, of.evalset, cancelled).model)
        labels = _labels(self.a, self.b)
        summaries = together(
            [Runner(*one) for one in zip(labels, models, recipes, strict=True)],
            of.evalset,
            processes=self.processes,
            seconds=self.seconds,
            tell=lambda doing, share: tell(doing, 0.15 + _TIMING * share),
            cancelled=cancelled,
        )
        tell("comparing the answers", 0.15 + _TIMING)
        extent = Extent(samples=self.judged)
        judged = [
            quality_of(model, of.model, recipe, of.evalset, extent, cancelled=cancelled)
            for model, recipe in zip(models, recipes, strict=True)
        ]
        return here(
            figures=_timed(labels[1], summaries, models) | _judged(judged, of),
            bars=[Bar(label=n, value=s.p50_ms) for n, s in zip(labels, summaries, strict=True)],
            of_figures={"loss": _lost(labels, judged), **slowest(summaries[1])},
            in_turns=True,
            rests_on=text.timed(summaries[1]),
            notes=[c.text for c in summaries[1].warnings if c.severity != "info"],
        )


def _labels(a: str, b: str) -> list[str]:
    return [a, b] if a != b else [f"{a}, once", f"{b}, again"]


def _timed(second: str, summaries: list[Summary], models: list[Model]) -> dict[str, Figure]:
    a, b = summaries
    found = {
        "speedup": Figure(title=f"Speed-up of {second}", value=b.speedup, unit="×"),
        "ms_a": Figure(title="The first takes", value=a.p50_ms, unit="ms"),
        "ms_b": Figure(title="The second takes", value=b.p50_ms, unit="ms"),
        "size": Figure(
            title="File of the second, as a multiple of the first's",
            value=exact(models[1].size_bytes / models[0].size_bytes),
            unit="×",
        ),
    }
    if b.first_run_ms:
        ratio = [b.first_run_ms / ms for ms in (b.p50_ms.value, b.p50_ms.high, b.p50_ms.low)]
        value = Interval(value=ratio[0], low=ratio[1], high=ratio[2])
        title = "The first run, against a later one"
        found["first_run"] = Figure(title=title, value=value, unit="×")
    if worst := _worst(b):
        tail, middle = b.percentiles[worst], b.p50_ms.value
        value = Interval(
            value=tail.value / middle,
            low=max(1.0, tail.low / middle),
            high=tail.high / middle,
        )
        found["tail"] = Figure(title=f"{worst} over the median", value=value, unit="×")
    return found


def _worst(summary: Summary) -> str:
    """The highest percentile that there are runs enough for; empty where there is none."""
    return next((name for name in ("p99", "p95", "p90") if name in summary.percentiles), "")


def slowest(summary: Summary) -> dict[str, Bars]:
    """The usual run beside the slow one."""
    if not (worst := _worst(summary)):
        return {}
    slow = Bar(label=f"slow ({worst})", value=summary.percentiles[worst])
    usual = Bar(label="usual (median)", value=summary.p50_ms)
    return {"tail": Bars(bars=(usual, slow), axis="ms a run")}


def _judged(judged: list[Quality], of: Opened) -> dict[str, Figure]:
    a, b = judged
    upward = find_metric(b.metric).higher_is_better
    percent = find_metric(b.metric).unit == "%"
    scale = (100 if percent else 1) * (-1 if upward else 1)
    found = {
        "loss": Figure(
            title="Quality lost by the second",
            value=_loss(a, b, scale),
            unit="points" if percent else "",
        )
    }
    if b.fidelity.top1_agreement is not None:
        share = exact(100 * b.fidelity.top1_agreement)
        found["agreement"] = Figure(title="Same answer as the original", value=share, unit="%")
    if b.fidelity.sqnr_db is not None:
        title = f"Signal to noise of its outputs on {b.n} samples, in dB"
        found["sqnr"] = Figure(title=title, value=exact(b.fidelity.sqnr_db))
    return found


def _lost(labels: list[str], judged: list[Quality]) -> Bars:
    """What each loses against the original."""
    metric = find_metric(judged[0].metric)
    sign, scale = (-1 if metric.higher_is_better else 1), (100 if metric.unit == "%" else 1)
    found = []
    for label, one in zip(labels, judged, strict=True):
        low, high = sorted(sign * scale * end for end in one.difference_ci)
        value = Interval(value=sign * scale * one.difference, low=low, high=high)
        found.append(Bar(label=label, value=value))
    unit = "points" if scale == 100 else metric.unit
    return Bars(bars=tuple(found), axis=f"{metric.title} lost{f', {unit}' * bool(unit)}")


def _loss(a: Quality, b: Quality, scale: float) -> Interval:
    """What b loses against a. Both differ from the original by what is known with an interval;

    the two are taken for independent, which is on the safe side: they share their samples.
    """
    centre = (b.difference - a.difference) * scale
    reach = hypot(*(abs(scale) * float(np.ptp(one.difference_ci)) / 2 for one in (a, b)))
    return Interval(value=centre, low=centre - reach, high=centre + reach)
