"""The trials of one study in Optuna's storage: made, changed while unfinished, finished, marked.

What Optuna lets nobody change once a trial has finished (pin, note, delete) is kept in the study.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from pydantic import BaseModel, ConfigDict

from optim.recipe import Recipe
from optim.studies.params import parameters
from optim.studies.store import Owner, this_process
from optim.studies.trial import Progress, State

_MARKS = "marks:"


class Marks(BaseModel):
    """What the user did to a trial after it was made."""

    model_config = ConfigDict(frozen=True)

    pinned: bool = False
    note: str = ""
    deleted: bool = False


class TrialStore:
    """The trials of the study with this id. What changes a trial returns whether it still could:
    a trial that has been finished meanwhile, by whichever process, stays as it is.
    """

    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage, self._study = storage, study_id

    def all(self) -> list[FrozenTrial]:
        """All trials by number; only those unfinished at the last look are read anew."""
        trials: list[FrozenTrial] = self._storage.get_all_trials(self._study, deepcopy=False)
        return trials

    def create(self, recipe: Recipe, target: str, attributes: Mapping[str, Any]) -> int:
        """A new trial that waits, owned by this process. Returns its number."""
        known: dict[str, BaseDistribution] = {}
        for frozen in self.all():
            known |= frozen.distributions
        values, distributions = parameters(recipe, target, known)
        kept = {
            "recipe": recipe.spelling,
            "recipe_yaml": recipe.to_yaml(),
            "recipe_digest": recipe.digest,
            "target": target,
            "owner": this_process().model_dump(),
        }
        template = create_trial(
            state=TrialState.WAITING,
            params=values,
            distributions=distributions,
            user_attrs={**kept, **attributes},
        )
        trial_id = self._storage.create_new_trial(self._study, template)
        return int(self._storage.get_trial_number_from_id(trial_id))

    def claim(self, number: int) -> bool:
        """Make this process its owner, unless another live process is."""
        owner, me = owner_of(self.all()[number]), this_process()
        if owner != me and owner.alive:
            return False
        return self._change(number, lambda id_: self._set(id_, "owner", me.model_dump()))

    def begin(self, number: int) -> bool:
        """From waiting to running."""
        return self._change(number, lambda id_: self._state(id_, TrialState.RUNNING))

    def save(self, number: int, progress: Progress) -> bool:
        """Keep what is known of it."""
        kept = progress.model_dump(mode="json")
        return self._change(number, lambda id_: self._set(id_, "progress", kept))

    def finish(self, number: int, values: Sequence[float]) -> bool:
        """Mark it as done, with the values of the objectives."""
        return self._change(number, lambda id_: self._state(id_, TrialState.COMPLETE, values))

    def end(self, number: int, state: State, error: str = "") -> bool:
        """Mark it as failed, cancelled or interrupted; what it has is kept."""

        def change(id_: int) -> None:
            self._set(id_, "end", {"state": state, "error": error})
            self._state(id_, TrialState.FAIL)

        return self._change(number, change)

    def marks(self) -> dict[int, Marks]:
        """The marks of the trials that have any, by number."""
        kept = self._storage.get_study_user_attrs(self._study)
        return {
            int(key.removeprefix(_MARKS)): Marks.model_validate(value)
            for key, value in kept.items()
            if key.startswith(_MARKS)
        }

    def mark(self, number: int, **values: object) -> None:
        """Change some marks of a trial, in whichever state it is."""
        marks = self.marks().get(number, Marks()).model_copy(update=values)
        self._storage.set_study_user_attr(self._study, f"{_MARKS}{number}", marks.model_dump())

    def _change(self, number: int, change: Callable[[int], object]) -> bool:
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
        try:
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


def owner_of(frozen: FrozenTrial) -> Owner:
    """The process that has taken on a trial."""
    return Owner.model_validate(frozen.user_attrs.get("owner", {"id": "nobody", "host": ""}))
