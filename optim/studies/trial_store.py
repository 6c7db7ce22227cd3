"""The trials of one study in Optuna's storage: made, changed while unfinished, finished, marked.

What Optuna lets nobody change once a trial has finished (pin, note, delete) is kept in the study.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from pydantic import BaseModel, ConfigDict

from optim.recipe import Recipe
from optim.studies.changes import Changes
from optim.studies.params import parameters
from optim.studies.store import Owner, this_process
from optim.studies.trial import ASKED, Progress, State, asked_of, recipe_of

_MARKS = "marks:"
_FEW = 30  # trials that are read one by one sooner than all
_CHANGING = threading.RLock()
"""Held by whoever changes a trial: Optuna looks whether it may and then writes, so that one that is
cancelled in between would run on."""


class Marks(BaseModel):
    """What the user did to a trial after it was made."""

    model_config = ConfigDict(frozen=True)

    pinned: bool = False
    note: str = ""
    deleted: bool = False


class TrialStore:
    """The trials of the study with this id. What changes a trial returns whether it still could:
    a trial that has been finished meanwhile, by whichever process, stays as it is.

    It is read only where the store has changed since, by one thread for all, and of its trials only
    those that have: a thousand that wait take a third of a second to read, and every open page asks
    several times a second.
    """

    def __init__(self, storage: BaseStorage, changes: Changes, study_id: int) -> None:
        self._storage, self._changes, self._study = storage, changes, study_id
        self._reading = threading.Lock()
        self._version: object = None
        self._trials: Sequence[FrozenTrial] = ()
        self._told: Mapping[int, object] = {}
        self._marks: Mapping[int, Marks] = {}

    def all(self) -> Sequence[FrozenTrial]:
        """All trials by number; only those unfinished at the last look are read anew."""
        return self._read()[0]

    def marks(self) -> Mapping[int, Marks]:
        """The marks of the trials that have any, by number."""
        return self._read()[1]

    def _read(self) -> tuple[Sequence[FrozenTrial], Mapping[int, Marks]]:
        with self._reading:
            version = self._changes.version()  # before reading: what comes meanwhile is read again
            if version != self._version:
                self._trials = self._renewed()
                self._marks = marks_in(self._storage.get_study_user_attrs(self._study))
                self._version = version
            return self._trials, self._marks

    def _renewed(self) -> Sequence[FrozenTrial]:
        told = self._changes.of_trials(self._study)
        before, self._told = self._told, told or {}
        changed = [
            trial_id for trial_id, what in self._told.items() if before.get(trial_id) != what
        ]
        if not before or len(changed) > _FEW or before.keys() - self._told.keys():
            everything: list[FrozenTrial] = self._storage.get_all_trials(
                self._study, deepcopy=False
            )
            return everything
        known = {frozen._trial_id: frozen for frozen in self._trials}
        known |= {trial_id: self._storage.get_trial(trial_id) for trial_id in changed}
        return sorted(known.values(), key=lambda frozen: frozen.number)

    def create(
        self, recipes: Sequence[Recipe], target: str, attributes: Mapping[str, Any]
    ) -> list[int]:
        """New trials that wait, owned by this process. Returns their numbers."""
        owner = {"owner": this_process().model_dump()}
        made = [
            self._new(TrialState.WAITING, _asked(recipe, target, attributes) | owner)
            for recipe in recipes
        ]
        numbers = {frozen._trial_id: frozen.number for frozen in self.all()}
        return [numbers[trial_id] for trial_id in made]

    def adopt(
        self,
        recipe: Recipe,
        target: str,
        attributes: Mapping[str, Any],
        known: Progress,
        end: tuple[State, str],
        values: Sequence[float],
    ) -> int:
        """A new trial that has ended elsewhere. Returns its number.

        Args:
            end: the state and the error that it ended with.
            values: of the two objectives; none unless it is done.
        """
        state, error = end
        told = _asked(recipe, target, attributes) | {"progress": known.model_dump(mode="json")}
        if state == "done":
            made = self._new(TrialState.COMPLETE, told, values)
        else:
            made = self._new(TrialState.FAIL, told | {"end": {"state": state, "error": error}})
        return int(self._storage.get_trial_number_from_id(made))

    def _new(
        self, state: TrialState, told: dict[str, Any], values: Sequence[float] | None = None
    ) -> int:
        self._changes.check()
        template = create_trial(state=state, user_attrs=told, values=values)
        return int(self._storage.create_new_trial(self._study, template))

    def claim(self, number: int) -> bool:
        """Make this process its owner, unless another live process is."""
        owner, me = owner_of(self.all()[number]), this_process()
        if owner == me or owner.alive:
            return owner == me
        return self._change(number, lambda id_: self._set(id_, "owner", me.model_dump()))

    def begin(self, number: int) -> bool:
        """From waiting to running.

        Only then its parameters are written, for Optuna's tools: they take ten times as long as
        the rest of a trial, which would be felt where a thousand are queued.
        """
        return self._change(number, self._begin)

    def _begin(self, trial_id: int) -> None:
        self._state(trial_id, TrialState.RUNNING)
        known: dict[str, BaseDistribution] = {}
        for frozen in self.all():
            known |= frozen.distributions
        asked = asked_of(self._storage.get_trial(trial_id))
        recipe = recipe_of(asked)
        values, distributions = parameters(recipe, asked["target"], known)
        for name, kind in distributions.items():
            inner = kind.to_internal_repr(values[name])
            self._storage.set_trial_param(trial_id, name, inner, kind)

    def save(self, number: int, progress: Progress) -> bool:
        """Keep what is known of it."""
        kept = progress.model_dump(mode="json")
        return self._change(number, lambda id_: self._set(id_, "progress", kept))

    def finish(self, number: int, values: Sequence[float]) -> bool:
        """Mark it as done, with the values of the objectives."""
        if self.all()[number].state is TrialState.WAITING:
            self.begin(number)
        return self._change(number, lambda id_: self._state(id_, TrialState.COMPLETE, values))

    def end(self, number: int, state: State, error: str = "") -> bool:
        """Mark it as failed, cancelled or interrupted; what it has is kept."""

        def change(id_: int) -> None:
            self._set(id_, "end", {"state": state, "error": error})
            self._state(id_, TrialState.FAIL)

        return self._change(number, change)

    def mark(self, number: int, **values: object) -> None:
        """Change some marks of a trial, in whichever state it is."""
        marks = self.marks().get(number, Marks()).model_copy(update=values)
        self._storage.set_study_user_attr(self._study, f"{_MARKS}{number}", marks.model_dump())

    def _change(self, number: int, change: Callable[[int], object]) -> bool:
        self._changes.check()
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
        try:
            with _CHANGING:
                change(trial_id)
        except UpdateFinishedTrialError:
            return False
        return True

    def _set(self, trial_id: int, key: str, value: object) -> None:
        self._storage.set_trial_user_attr(trial_id, key, value)

    def _state(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> None:
        self._storage.set_trial_state_values(trial_id, state, values)


def _asked(recipe: Recipe, target: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial is of, as it is stored."""
    asked = {
        "recipe": recipe.spelling,
        "recipe_yaml": recipe.to_yaml(),
        "recipe_digest": recipe.digest,
        "target": target,
        **attributes,
    }
    return {ASKED: asked}


def marks_in(kept: Mapping[str, Any]) -> dict[int, Marks]:
    """The marks by the trials' numbers, from a study's attributes."""
    return {
        int(key.removeprefix(_MARKS)): Marks.model_validate(value)
        for key, value in kept.items()
        if key.startswith(_MARKS)
    }


def owner_of(frozen: FrozenTrial) -> Owner:
    """The process that has taken on a trial."""
    return Owner.model_validate(frozen.user_attrs.get("owner", {"id": "nobody", "host": ""}))
