"""Whether what a finding advises has helped, where its recipe was measured since."""

from collections.abc import Iterable

from optim.showing.text import spanned, times
from optim.studies.trial import Trial
from optim.why.cost import ratio_of
from optim.why.finding import Concern, Finding


def tried(finding: Finding, trial: Trial, trials: Iterable[Trial]) -> Trial | None:
    """The newest trial of the recipe that would mend it, on the same target."""
    same = [
        one
        for one in trials
        if one.recipe.spelling == finding.recipe and one.target == trial.target
    ]
    return same[-1] if same else None


def helped(concerns: Concern, trial: Trial, other: Trial) -> str:
    """What came of it, as a sentence; what it waits for while it is under way."""
    if other.summary is None or trial.summary is None:
        return f"#{other.number}: {other.error or other.phase or other.state}"
    ratio = ratio_of(other.summary.gain, trial.summary.gain)
    speed = f"#{other.number} is {spanned(ratio, times)} as fast as #{trial.number}"
    if concerns == "time":
        return f"{speed}: {_outcome(ratio.low, ratio.high)}."
    judged = other.quality.verdict if other.quality else "not judged yet"
    return f"#{other.number}: {judged} It is {spanned(ratio, times)} as fast as #{trial.number}."


def _outcome(low: float, high: float) -> str:
    if low > 1:
        return "it helped"
    return "it made things worse" if high < 1 else "no difference is shown"
