"""Studies and their trials in Optuna's storage.

A Study is an Optuna study with two objectives (latency and quality), a Trial an Optuna trial.
"""

import math
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from optim.errors import InputError
from optim.evalset import EvalSet, evalset_from_digest
from optim.metrics.base import find_metric
from optim.model import Model, load_model
from optim.recipe import Recipe
from optim.settings import settings
from optim.studies.comparable import alone, comparable
from optim.studies.listing import DELETED, FIRST, TITLE, StudyInfo, missing_study
from optim.studies.resuming import left_by
from optim.studies.store import changes, storage, this_process
from optim.studies.trial import (
    Progress,
    State,
    Trial,
    measurement_of,
    summary_of,
    trial_of,
)
from optim.studies.trial_store import Marks, TrialStore, owner_of
from optim.targets import LOCAL
from optim.targets.placing import placed, stands_under
from optim.timing.measurement import Measurement

_DIGEST_LETTERS = 8
_INTERRUPTED = "The program ended while this trial was under way."


def create_study(model: Model, evalset: EvalSet, title: str = "") -> "Study":
    """The study of this model and EvalSet; made if there is none yet, or if it was deleted.

    Args:
        title: of a new one; the model's name by default.
    """
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.name).strip("-.")[:40] or "model"
    name = f"{slug}-{model.digest[:_DIGEST_LETTERS]}-{evalset.digest[:_DIGEST_LETTERS]}"
    upward = find_metric(evalset.metric).higher_is_better
    created = optuna.create_study(
        study_name=name,
        storage=storage(),
        directions=["minimize", "maximize" if upward else "minimize"],
        load_if_exists=True,
    )
    known = created.user_attrs
    if "created" not in known or known.get(DELETED):
        created.set_metric_names(["p50_ms", evalset.metric])
        for key, value in {
            TITLE: title or model.name,
            "model": model.digest,
            "evalset": evalset.digest,
            FIRST: len(created.get_trials(deepcopy=False)),
            "created": _now(),
            DELETED: False,
        }.items():
            created.set_user_attr(key, value)
    return open_study(name)


def open_study(name: str) -> "Study":
    """The study with this name. Raises InputError if there is none, or if it was deleted."""
    try:
        study_id = storage().get_study_id_from_name(name)
    except KeyError:
        raise missing_study(name) from None
    attributes = storage().get_study_user_attrs(study_id)
    if "created" not in attributes:  # another program's
        raise missing_study(name)
    if attributes.get(DELETED):
        raise InputError(
            f"The study {attributes[TITLE]!r} was deleted.", "Restore it on the start page."
        )
    return Study(study_id, name, attributes)


class _Shared:
    """What the threads of this process share of one study: its trials as read, and a lock."""

    def __init__(self, store: TrialStore) -> None:
        self.store = store
        self.values: dict[int, tuple[FrozenTrial, Trial | None]] = {}
        self.adding = threading.Lock()


@lru_cache(maxsize=64)
def _shared(_store: str, study_id: int, _created: str) -> _Shared:
    return _Shared(TrialStore(storage(), changes(), study_id))


class Study:
    """A model, an EvalSet and their trials. Use `create_study` or `open_study`. Thread-safe.

    It is the one door through which trials change. What changes an unfinished trial returns whether
    it still could: one that has been finished meanwhile, by whichever process, stays as it is.
    """

    def __init__(self, study_id: int, name: str, attributes: dict[str, Any]) -> None:
        self.name, self._attributes = name, attributes
        self._shared = _shared(settings().store_url, study_id, attributes["created"])
        self._store = self._shared.store

    @property
    def info(self) -> StudyInfo:
        """One line about it."""
        return StudyInfo.of(
            self.name, self._attributes, self._store.marks(), len(self._store.all())
        )

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self._attributes[TITLE])

    @cached_property
    def model(self) -> Model:
        """The original model."""
        return load_model(self._attributes["model"])

    @cached_property
    def evalset(self) -> EvalSet:
        """What its trials are judged on."""
        return evalset_from_digest(self._attributes["evalset"])

    def trials(self) -> list[Trial]:
        """All trials but the deleted ones, by number, their times comparable (see `comparable`).

        Reading them is also what notices that a trial's process has ended: it is then marked as
        interrupted.
        """
        marks = self._store.marks()
        found = self._kept(self._all(), marks)
        originals = alone(found)
        return [comparable(_marked(trial, marks), originals) for trial in found]

    def trials_of(self, numbers: Iterable[int]) -> list[Trial]:
        """These trials, in this order, deleted ones too. Raises InputError for an unknown one."""
        frozen, marks = self._all(), self._store.marks()
        trials, originals = [], alone(self._kept(frozen, marks))
        for number in numbers:
            trial = self._value(frozen[number]) if 0 <= number < len(frozen) else None
            if trial is None:
                raise InputError(
                    f"{self.name} has no readable trial {number}.", "Choose one from its table."
                )
            trials.append(comparable(_marked(trial, marks), originals))
        return trials

    def trial(self, number: int) -> Trial:
        """One trial, also a deleted one. Raises InputError if there is none."""
        return self.trials_of([number])[0]

    def measurement(self, number: int) -> Measurement:
        """The raw samples of a trial."""
        return measurement_of(self.trial(number).slices)

    def add(
        self, recipe: Recipe, target: str = LOCAL, *, origin: str = "user", again: bool = False
    ) -> int:
        """The number of the trial of this recipe on this target, to be given to a Queue.

        A new one replaces those that failed, were cancelled or interrupted, and goes on with what
        an interrupted one has left.

        Args:
            again: make a new trial even if there is one.

        Raises: InputError for an unknown target, or one that the recipe's engine has no use for.
        """
        return self.add_all([recipe], target, origin=origin, again=again)[0]

    def add_all(
        self,
        recipes: Iterable[Recipe],
        target: str = LOCAL,
        *,
        origin: str = "user",
        again: bool = False,
    ) -> list[int]:
        """As `add`, for many at once: the study is read only once. The same twice is one trial."""
        wanted = [placed(recipe, target) for recipe in recipes]
        target = stands_under(target)
        with self._shared.adding:
            there: defaultdict[str, list[Trial]] = defaultdict(list)
            for trial in self.trials():
                if trial.target == target:
                    there[trial.recipe_digest].append(trial)
            asked = {"origin": origin, "created": _now()}
            if again:
                return self._made(wanted, target, asked, there)
            found = {d: good[-1].number for d, same in there.items() if (good := _good(same))}
            new = {recipe.digest: recipe for recipe in wanted if recipe.digest not in found}
            made = self._made([*new.values()], target, asked, there)
            self._go_on(made, [there.get(digest, ()) for digest in new])
            found |= zip(new, made, strict=True)
        return [found[recipe.digest] for recipe in wanted]

    def _made(
        self,
        recipes: Sequence[Recipe],
        target: str,
        asked: Mapping[str, str],
        there: Mapping[str, Sequence[Trial]],
    ) -> list[int]:
        """New trials, each with what was marked on those of its recipe that it replaces."""
        numbers = self._store.create(recipes, target, asked)
        for recipe, number in zip(recipes, numbers, strict=True):
            same = there.get(recipe.digest, ())
            for old in (trial for trial in same if trial not in _good(same)):
                self._store.mark(number, pinned=old.pinned, note=old.note)
                self._store.mark(old.number, deleted=True)
        return numbers

    def _go_on(self, numbers: Iterable[int], replaced: Iterable[Sequence[Trial]]) -> None:
        """Give new trials what those that they replace have left, the one with most of it first."""
        for number, old in zip(numbers, replaced, strict=True):
            left = [known for trial in old if (known := left_by(trial))]
            if left:
                self.save(number, max(left, key=lambda known: len(known.slices)))

    def adopt(
        self,
        recipe: Recipe,
        target: str,
        known: Progress,
        *,
        state: State,
        error: str = "",
        origin: str,
        created: str,
    ) -> int:
        """A new trial that has ended already, with what another store knows of it. Its number.

        Args:
            target: also the name of hardware that this program knows nothing of.
            state: a finished one.
        """
        asked = {"origin": origin, "created": created}
        values: list[float] = []
        if state == "done" and known.quality:
            values = [summary_of(known.slices).p50_ms.value, known.quality.value]
            if not all(map(math.isfinite, values)):
                state, error, values = "failed", "Its latency or quality is not a number.", []
        with self._shared.adding:
            return self._store.adopt(recipe, target, asked, known, (state, error), values)

    def retry(self, number: int) -> int:
        """A new trial in place of one that failed, was cancelled or interrupted.

        It goes on with what an interrupted one has left (see `resuming`).
        """
        trial = self.trial(number)
        return self.add(trial.recipe, trial.target, origin=trial.origin)

    def claim(self, numbers: Iterable[int]) -> list[Trial]:
        """Make this process the owner of trials: those that are unfinished and now its own."""
        wanted = self.trials_of(numbers)
        return [t for t in wanted if not t.finished and self._store.claim(t.number)]

    def begin(self, number: int) -> bool:
        """From waiting to running."""
        return self._store.begin(number)

    def save(self, number: int, progress: Progress) -> bool:
        """Keep what is known of a trial."""
        return self._store.save(number, progress)

    def fail(self, number: int, error: str) -> bool:
        """End a trial with a sentence on what went wrong; what it has is kept."""
        return self._store.end(number, "failed", error)

    def interrupt(self, number: int, why: str = _INTERRUPTED) -> bool:
        """End a trial whose process ends."""
        return self._store.end(number, "interrupted", why)

    def cancel(self, number: int) -> bool:
        """Mark an unfinished trial as cancelled. `Queue.cancel` also frees the machine."""
        return self._store.end(number, "cancelled")

    def delete(self, number: int) -> None:
        """Leave a trial out of the study, cancelled if need be; `restore` brings it back."""
        self.cancel(number)
        self._store.mark(number, deleted=True)

    def restore(self, number: int) -> None:
        """Bring a deleted trial back, with all that was measured of it."""
        self._store.mark(number, deleted=False)

    def pin(self, number: int, pinned: bool = True) -> None:
        """Keep a trial in sight, or no more."""
        self._store.mark(number, pinned=pinned)

    def note(self, number: int, text: str) -> None:
        """Write a note on a trial."""
        self._store.mark(number, note=text)

    def complete(self, number: int, values: Sequence[float]) -> bool:
        """Mark a trial as done, with the values of the two objectives."""
        return self._store.finish(number, values)

    def finish(self, number: int) -> bool:
        """Mark a trial as done, with its latency and quality as Optuna's values."""
        trial = self.trial(number)
        quality = trial.quality.value if trial.quality else math.nan
        values = [trial.latency_ms or math.nan, quality]
        if all(map(math.isfinite, values)):
            return self.complete(number, values)
        text = f"Its latency or quality is not a number ({values[0]:g} ms, {values[1]:g})."
        return self.fail(number, f"{text} Try another recipe.")

    def _kept(self, all_of_them: Iterable[FrozenTrial], marks: Mapping[int, Marks]) -> list[Trial]:
        """All but the deleted ones, as they are stored."""
        gone = {number for number, mark in marks.items() if mark.deleted}
        gone |= set(range(self._attributes.get(FIRST, 0)))
        found = (self._value(f) for f in all_of_them if f.number not in gone)
        return [trial for trial in found if trial]

    def _all(self) -> Sequence[FrozenTrial]:
        """Optuna's trials, those marked as interrupted whose process has ended."""
        found, me = self._store.all(), this_process()
        owners = {f.number: owner_of(f) for f in found if not f.state.is_finished()}
        dead = [n for n, owner in owners.items() if owner != me and not owner.alive]
        for number in dead:
            self.interrupt(number)
        return self._store.all() if dead else found

    def _value(self, frozen: FrozenTrial) -> Trial | None:
        before, value = self._shared.values.get(frozen.number, (None, None))
        if before is not frozen and before != frozen:
            value = trial_of(frozen)
            self._shared.values[frozen.number] = (frozen, value)
        return value


def _good(trials: Sequence[Trial]) -> list[Trial]:
    """Those that are not to be made again."""
    return [trial for trial in trials if not trial.finished or trial.state == "done"]


def _marked(trial: Trial, marks: Mapping[int, Marks]) -> Trial:
    mark = marks.get(trial.number)
    return trial.model_copy(update={"pinned": mark.pinned, "note": mark.note}) if mark else trial


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
