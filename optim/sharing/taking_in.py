"""A study file that a stranger may have made: read in a child and within bounds, then taken in.

What was measured elsewhere stays labelled with the machine it comes from, as hardware of its own:
it is never picked, never exported as measured here and never on one front with what is. Estimates
are not taken in, since this program makes them anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optim import sandbox
from optim.evalset import EvalSet, adopt_evalset
from optim.findings import Caution
from optim.home.scratch import scratch
from optim.ingest import ingest
from optim.machine.environment import environment
from optim.model import Model
from optim.model.proto import MODEL_FILE
from optim.recipe import Recipe
from optim.settings import settings
from optim.sharing.study_file import EVALSET, IMPORTED, ORIGINAL, About
from optim.sharing.unpacking import WHERE, Read, machine_label, read, refused, unpack
from optim.studies.listing import LONGEST_TITLE
from optim.studies.study import Study, create_study
from optim.studies.trial import Progress
from optim.targets import LOCAL
from optim.timing.claimed import check_sound

_SAMPLES_MB = 1024


@dataclass(frozen=True)
class TakenIn:
    """What became of a study file: its study here, how many trials it brought, and from where.

    `estimates` are recipes with their modelled targets, which are to be queued here.
    """

    study: Study
    added: int
    known: int
    """Trials that were taken in before."""
    machines: tuple[str, ...]
    estimates: tuple[tuple[Recipe, str], ...] = ()
    joined: bool = False
    """Whether this server had a study of the same model and EvalSet, which they have joined."""

    @property
    def said(self) -> str:
        """All of it in a sentence or more."""
        title, known = self.study.title, f"{self.known:,} were there already."
        if self.joined and not self.added:
            return f"Nothing new for the study {title!r}: {known}"
        where = f", measured on {'; '.join(self.machines)}" if self.machines else ""
        said = [f"{self.added} trial{'s' * (self.added != 1)} taken in{where}."]
        if self.joined:
            said.append(f"They joined the study {title!r}, of the same model and EvalSet.")
        return " ".join([*said, *([known] if self.known else [])])


def take_in(path: Path, cancelled: Callable[[], bool] = lambda: False) -> TakenIn:
    """Take in a study file: its study here has all its trials, beside those that it had.

    Raises: InputError for what is none or was tampered with; StepError where reading it crashed;
        Cancelled.
    """
    with scratch("study") as folder:
        sandbox.call(
            unpack,
            {"path": str(path.resolve()), "folder": str(folder), "max_bytes": _max_bytes()},
            where=WHERE,
            files=sandbox.Files(readable=(path.resolve(),), writable=(folder,)),
            cancelled=cancelled,
        )
        about, trials = read(folder)
        model = ingest(folder / ORIGINAL / MODEL_FILE, name=about.model_name, cancelled=cancelled)
        evalset = adopt_evalset(folder / EVALSET, model)
    _check_same(about, model, evalset)
    return _added(create_study(model, evalset, about.title[:LONGEST_TITLE]), trials)


def _added(study: Study, trials: list[Read]) -> TakenIn:
    before = study.trials()
    own = machine_label(environment())  # an export of this server that comes back
    there = {(t.recipe_digest, t.target, t.created) for t in before}
    there |= {(recipe, own, created) for recipe, target, created in there if target == LOCAL}
    measured = [one for one in trials if not one.is_estimate]
    new = [
        one for one in measured if (one.recipe.digest, one.target, one.told.created) not in there
    ]
    for one in new:
        _adopt(study, one)
    return TakenIn(
        study,
        added=len(new),
        known=len(measured) - len(new),
        machines=tuple(dict.fromkeys(o.target for o in measured if o.measurement.slices)),
        estimates=tuple((o.recipe, o.told.target) for o in trials if o.is_estimate),
        joined=bool(before),
    )


def _adopt(study: Study, one: Read) -> None:
    timed, state, error = bool(one.measurement.slices), one.told.state, one.told.error
    if timed:
        check_sound(one.measurement)
    elif state == "done":  # its samples were lost before, or it is an estimate for hardware unknown
        state, error = "failed", "The study file has no measurement of it. Retry it."
    known = Progress(
        size_bytes=one.told.size_bytes,
        reports=one.told.reports,
        quality=one.told.quality,
        judged=one.told.judged,
        cautions=(_origin(one), *(c for c in one.told.cautions if c.code != IMPORTED)),
    )
    for piece in one.measurement.slices:
        known = known.with_slice(piece)
    asked = {"created": one.told.created, "origin": IMPORTED}
    number = study.adopt(one.recipe, one.target, known, state=state, error=error, **asked)
    if one.told.pinned:
        study.pin(number)
    if one.told.note:
        study.note(number, one.told.note)


def _origin(one: Read) -> Caution:
    where = f"measured on {one.target}" if one.measurement.slices else "which has no measurement"
    text = f"Read from a study file, {where}; it was not measured here."
    return Caution(code=IMPORTED, text=text, severity="info")


def _check_same(about: About, model: Model, evalset: EvalSet) -> None:
    """The trials were measured on these, or they are worth nothing."""
    for what, told, found in (
        ("model", about.model_digest, model.digest),
        ("EvalSet", about.evalset_digest, evalset.digest),
    ):
        if told != found:
            raise refused(f"holds another {what} than the one its trials are of ({found[:12]})")


def _max_bytes() -> int:
    limits = settings()
    return (limits.max_model_mb + limits.max_evalset_mb + _SAMPLES_MB) * 1_000_000
