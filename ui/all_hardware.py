"""What the Hardware page shows: a trial and the original on every target, and a roofline.

No widgets in here.
"""

from collections.abc import Iterable, Iterator, Sequence

import streamlit as st

from optim.findings import Interval
from optim.recipe import Recipe
from optim.showing import text
from optim.showing.bounds import BOUNDS
from optim.showing.doubts import contradiction, doubted
from optim.showing.hardware import Bar, estimated
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, Target, all_targets
from optim.targets.estimate import estimate
from optim.targets.roofline import Roofline, roofline
from ui.cached import analysis_of_digest
from ui.text import plain

ORIGINAL = "original"


def modelled() -> dict[str, Target]:
    """The targets that have a roofline, by name."""
    return {name: target for name, target in all_targets().items() if target.modelled}


def choices(study: Study) -> dict[int, Trial]:
    """One trial of each recipe that was built, measured ones first, by number."""
    built = [t for t in study.trials() if t.model_digest and not t.recipe.is_baseline]
    found: dict[str, Trial] = {}
    for trial in sorted(built, key=lambda t: (t.target != LOCAL or t.summary is None, t.number)):
        found.setdefault(trial.recipe_digest, trial)
    return {trial.number: trial for trial in sorted(found.values(), key=lambda t: t.number)}


def at_first(known: dict[int, Trial], wanted: Iterable[Trial | None]) -> int | None:
    """The first of the wanted trials that is known, or one of its recipe; else the fastest."""
    for one in filter(None, wanted):
        for number, trial in known.items():
            if trial.recipe_digest == one.recipe_digest:
                return number
    timed = [trial for trial in known.values() if trial.summary]
    fastest = min(timed, key=lambda t: t.latency_ms or 0.0, default=None)
    return fastest.number if fastest else next(iter(known), None)


def bars(study: Study, trial: Trial | None) -> list[Bar]:
    """The original and a trial on this machine, where measured, and on every modelled target."""
    sides = [(ORIGINAL, study.model.digest, baseline_for(trial))]
    if trial:
        sides.append((f"#{trial.number}", trial.model_digest, trial.recipe))
    found = [*_measured(study, trial)]
    for of, digest, recipe in sides:
        for name, target in modelled().items():
            found.append(estimated(target, of, _estimate(digest, name, recipe.spelling)))
    if trial and (gain := gain_here(trial)):
        found = doubted(found, f"#{trial.number}", ORIGINAL, gain)
    return sorted(found, key=lambda bar: bar.of != ORIGINAL)


def gain_here(trial: Trial) -> Interval | None:
    """The paired speed-up of a trial that was timed on this machine, past its first reading."""
    timed = trial.summary if trial.target == LOCAL and not trial.unsettled else None
    return timed.speedup if timed else None


def disagreement(found: Sequence[Bar], trial: Trial | None) -> str:
    """Where the measurement of a trial here contradicts its estimates, in a sentence or two."""
    gain = gain_here(trial) if trial else None
    return contradiction(found, f"#{trial.number}", ORIGINAL, gain) if trial and gain else ""


def baseline_for(trial: Trial | None) -> Recipe:
    """The original on as many threads as a trial has."""
    return Recipe.baseline(trial.recipe.runtime.threads if trial else 1)


@st.cache_data(max_entries=512, show_spinner=False)
def _estimate(digest: str, target: str, recipe: str):  # type: ignore[no-untyped-def]
    return estimate(analysis_of_digest(digest), all_targets()[target], Recipe.parse(recipe))


def roofline_of(study: Study, trial: Trial | None, target: str) -> Roofline | None:
    """The roofline of a trial's model, or the original's, on a target."""
    digest = trial.model_digest if trial else study.model.digest
    recipe = trial.recipe if trial else Recipe.baseline()
    return roofline(analysis_of_digest(digest), all_targets()[target], recipe)


def table(found: Sequence[Bar]) -> list[dict[str, str]]:
    """The same figures to read: a row for each bar."""
    return [
        {
            "hardware": bar.title,
            "of": bar.of,
            "time": text.milliseconds(bar.time.value) if bar.time else "cannot run",
            "interval": text.ends(bar.time, text.milliseconds) if bar.time else "",
            "how": _how(bar),
            "mostly": BOUNDS[bar.bound].said if bar.bound else "",
            "why not": bar.refused,
        }
        for bar in found
    ]


def _how(bar: Bar) -> str:
    if bar.refused:
        return "refused"
    return "measured" if bar.measured else "estimated, doubtful" if bar.doubted else "estimated"


def refusals(found: Sequence[Bar]) -> list[str]:
    """One sentence for each target that refuses: for which of the two, and why."""
    refused: dict[tuple[str, str], list[str]] = {}
    for bar in found:
        if bar.refused:
            refused.setdefault((bar.title, bar.refused), []).append(bar.of)
    return [f"{' and '.join(ofs)}: {plain(why)}" for (_, why), ofs in refused.items()]


def _measured(study: Study, trial: Trial | None) -> Iterator[Bar]:
    """What was timed on this machine: the original, and the trial."""
    timed = [t for t in study.trials() if t.target == LOCAL and t.summary]
    alone = next((t for t in timed if t.recipe == baseline_for(trial)), None)
    mine = trial.summary if trial and trial.target == LOCAL else None
    if alone and alone.summary:
        yield _here(ORIGINAL, alone.summary.p50_ms, text.timed(alone.summary))
    elif mine:
        was = mine.baseline_p50_ms
        yield _here(
            ORIGINAL, Interval(value=was, low=was, high=was), "timed in turns with the trial"
        )
    if trial and mine:
        yield _here(f"#{trial.number}", mine.p50_ms, text.timed(mine))


def _here(of: str, time: Interval, how: str) -> Bar:
    here = all_targets()[LOCAL]
    return Bar(here.name, here.title, of, time, said=(how,))
